"""Load the sample commons: invented organizations, members, posts and comments, written by the verbs that people use."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, TextIO

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from accounts.members.models import Member
from accounts.organizations.models import Membership, Organization
from commons.activity.models import UNTOLD, Activity
from commons.long_command import LongCommand, Progress
from knowledge.comments import actions as comments
from knowledge.comments.models import Comment, EarlierText
from knowledge.comments.on_drafts import comment_on_draft
from knowledge.evidence import actions as evidence
from knowledge.ladder import actions as ladder
from knowledge.ladder import vetting
from knowledge.notifications.recipients import tell
from knowledge.posts import actions as posts
from knowledge.posts import lineage
from knowledge.posts.drafts import begin_draft, propose_draft, share_draft
from knowledge.posts.models import LinkKind, Post
from knowledge.posts.rungs import CASE_FIELDS, Rung
from knowledge.search.filters import parse
from knowledge.search.saved import name_of, save_search
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable, Subscription
from knowledge.topics.find import place_named
from knowledge.topics.models import IssueArea, Place

Moment = dt.datetime
SAMPLE = Path(__file__).resolve().parents[2] / "sample"
PASSWORD = "learning-in-the-open"  # noqa: S105 - the trial's, printed by bin/start
SIGN_INS = [
    ("marisol@harborstreet.example", PASSWORD, "Marisol Teague, owner of Harbor Street Housing Desk"),
    ("rosa@steeltown.example", PASSWORD, "Rosa Delacroix-Bye, owner of Steeltown Renters’ Room"),
    ("mona@commons.example", PASSWORD, "Mona Okafor-Lind, moderator"),
]
MODERATOR = {"handle": "mona", "name": "Mona Okafor-Lind", "email": "mona@commons.example", "is_moderator": True}


class Command(LongCommand):
    help = "Load the sample commons, unless there are posts already."

    def handle(self, *args: Any, **options: Any) -> None:
        if Post.objects.exists():
            self.stdout.write("There are posts already; the sample is left out.")
            return
        loaded = load(shown_on=self.stderr._out)  # type: ignore[arg-type]
        self.stdout.write(f"Sample: {loaded} posts. Everyone and everything in it is invented.")


@transaction.atomic
def load(shown_on: TextIO | None = None) -> int:
    """Load all of it, or nothing. Gives how many posts there are. How far it is stands on `shown_on`."""
    files = sorted((SAMPLE / "posts").glob("*.toml"))
    rows = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in files}
    sample = Sample(_load_organizations(), rows)
    sample.publish()
    sample.go_on(shown_on)
    _begin_drafts(sample)
    _subscribe(sample.members)
    _tell()
    return len(rows)


def _load_organizations() -> dict[str, Member]:
    password = make_password(PASSWORD)
    members: dict[str, Member] = {}
    Member.objects.create(password=password, **MODERATOR)
    for row in tomllib.loads((SAMPLE / "organizations.toml").read_text("utf-8"))["organization"]:
        organization = Organization.objects.create(
            slug=row["slug"],
            name=row["name"],
            kind=row["kind"],
            description=row["description"],
            website=row.get("website", ""),
            language=row.get("language", "en"),
            verified_at=timezone.now() if row.get("verified") else None,
        )
        for person in row["member"]:
            member = Member.objects.create(
                handle=person["handle"],
                name=person["name"],
                email=person["email"],
                bio=person.get("bio", ""),
                time_zone=person.get("time_zone", "UTC"),
                password=password,
            )
            Membership.objects.create(member=member, organization=organization, role=person["role"])
            members[member.handle] = member
    for member in Member.objects.all():
        _confirm_address(member)
    return members


def _confirm_address(member: Member) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)


# What can happen to a post, in the order in which things of one moment happen
EVENTS = (
    "version", "evidence", "link", "move", "field_report", "comment", "vetting", "review", "answer", "vetting_end",
    "still_holds", "check_back",
)  # fmt: skip


class Sample:
    """The posts of the sample: first each is published, then all that happened afterwards, in the order of time."""

    def __init__(self, members: dict[str, Member], rows: dict[str, dict[str, Any]]) -> None:
        self.members, self.rows = members, rows
        self.posts: dict[str, Post] = {}
        self.comments: dict[tuple[str, str], Comment] = {}
        self.organizations = Organization.objects.in_bulk(field_name="slug")

    def publish(self) -> None:
        """Version 1 of every post, the oldest first."""
        for name in sorted(self.rows, key=lambda name: self.rows[name]["published"]):
            row = self.rows[name]
            first, begun = row["version"][0], row["move"][0]
            said = {
                "by": self.members[first["by"]],
                "organization": self.organizations[row["organization"]],
                "why": begun.get("why", ""),
                "authors": [self.members[handle] for handle in row["authors"]],
                "at": row["published"],
            }
            if begun["to"] == Rung.EMERGING.slug:
                told = [_piece(piece) for piece in row["evidence"] if piece["at"] <= row["published"]]
                self.posts[name] = ladder.publish_emerging(_content(row, first), told, **said)
            else:
                self.posts[name] = posts.publish(_content(row, first), **said)

    def go_on(self, shown_on: TextIO | None) -> None:
        """Everything after that, in the order of time."""
        events = []
        for name, row in self.rows.items():
            for place, kind in enumerate(EVENTS):
                happened = row.get(kind, [])
                if kind in ("version", "move"):
                    happened = happened[1:]
                elif kind == "evidence":
                    told = row["move"][0]["to"] == Rung.EMERGING.slug
                    happened = [piece for piece in happened if not (told and piece["at"] <= row["published"])]
                events += [(event["at"], place, name, kind, event) for event in happened]
            if gone := row.get("withdrawn"):
                events.append((gone, len(EVENTS), name, "withdrawal", {"by": row["version"][0]["by"]}))
        progress = Progress("What happened", len(events), to=shown_on)
        for at, _, name, kind, event in sorted(events, key=lambda event: event[:3]):
            post = Post.objects.select_related("organization").get(pk=self.posts[name].pk)
            getattr(self, f"_{kind}")(name, post, event, by=self.members[event["by"]], at=at)
            progress.advance()
        progress.end()
        for name, row in self.rows.items():
            for said in row.get("comment", []):
                if said.get("withdrawn"):
                    this = self.comments[name, said["id"]]
                    comments.withdraw_comment(this, by=this.by)

    def _version(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        base = post.versions.latest("number").number
        posts.publish_version(post, _content(self.rows[name], row), by=by, note=row.get("note", ""), base=base, at=at)

    def _evidence(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        evidence.add_evidence(post, _piece(row), by=by, at=at)

    def _field_report(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        said = {key: value for key, value in row.items() if key not in ("at", "by", "place")}
        said.setdefault("ended", None)
        account = evidence.Account(place=_place(row["place"]), **said)
        evidence.report(post, account, by=by, organization=by.memberships.get().organization, at=at)

    def _move(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        to, why = row["to"], row.get("why", "")
        if to == Rung.EMERGING.slug:
            ladder.move_up(post, by=by, why=why, at=at)
        elif to == Rung.HUNCH.slug:
            ladder.step_down(post, Rung.HUNCH, by=by, why=why, at=at)
        elif to == "aside":
            lesson = ladder.AfterAction(**row["lesson"]) if "lesson" in row else None
            instead = self.posts[row["superseded_by"]] if "superseded_by" in row else None
            ladder.set_aside(post, by=by, why=why, lesson=lesson, superseded_by=instead, at=at)
        else:
            ladder.take_up(post, by=by, why=why, at=at)

    def _link(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        lineage.link(post, self.posts[row["to"]], LinkKind(row["kind"]), by=by, at=at)

    def _still_holds(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        ground = post.links.get(to=self.posts[row["to"]], kind=LinkKind.BUILDS_ON)
        ladder.still_holds(ground, by=by, why=row["why"], at=at)

    def _check_back(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        posts.expect_more(post, row["on"], by=by, words=row.get("words", ""), at=at)
        posts.fall_quiet(post, today=timezone.now().date())

    def _vetting(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        until = row.get("until") or timezone.now().date() + dt.timedelta(days=row["days_left"])
        vetting.open_vetting(post, by=by, asks=row["asks"], until=until, at=at)

    def _review(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        under_review = post.vettings.latest("pk")
        names = ("verdict", "supports", "missing", "try_next", "rely", "relation", "interest")
        vetting.review(
            under_review,
            vetting.Opinion(**{key: row[key] for key in names if key in row}),
            by=by,
            organization=self.organizations[row["organization"]],
            read=post.versions.latest("number").number,
            again=under_review.reviews.filter(by=by).exists(),
            at=at,
        )

    def _answer(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        asked = post.vettings.latest("pk").reviews.filter(by=self.members[row["review_by"]]).latest("pk")
        vetting.answer_request(asked, by=by, words=row["words"], at=at)

    def _vetting_end(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        vetting.withdraw_vetting(post.vettings.latest("pk"), by=by, why=row["why"], at=at)

    def _withdrawal(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        posts.withdraw(post, by=by, at=at)

    def _comment(self, name: str, post: Post, row: dict[str, Any], *, by: Member, at: Moment) -> None:
        parent = self.comments.get((name, row.get("parent", "")))
        body = row["body"].strip()
        if row.get("answers") and parent:
            made = comments.answer_challenge(parent, by=by, body=body, at=at)
            accepted = next(said for said in self.rows[name]["comment"] if said["id"] == row["parent"]).get("accepted")
            if accepted:
                comments.accept_answer(parent, by=parent.by, at=accepted)
        else:
            kind = row.get("kind", "comment")
            made = comments.comment(post, by=by, body=body, kind=kind, parent=parent, at=at)
        if row.get("edited"):
            EarlierText.objects.create(comment=made, body=row.get("earlier", ""), until=at)
            Comment.objects.filter(pk=made.pk).update(edited_at=at)
        self.comments[name, row["id"]] = made


def _piece(row: dict[str, Any]) -> evidence.Piece:
    return evidence.Piece(**{name: value for name, value in row.items() if name not in ("at", "by")})


def _content(row: dict[str, Any], version: dict[str, Any]) -> posts.Content:
    areas = IssueArea.objects.in_bulk(row["issue_areas"], field_name="slug")
    case = version.get("case", {})
    return posts.Content(
        title=version["title"],
        takeaway=version.get("takeaway", ""),
        body=version["body"].strip(),
        issue_areas=[areas[slug] for slug in row["issue_areas"]],
        tags=[tag.casefold() for tag in row.get("tags", [])],
        places=[_place(name) for name in row.get("places", [])],
        language=row.get("language", "en"),
        case={name: case.get(name, "") for name in CASE_FIELDS},
    )


def _place(name: str) -> Place:
    """A place by the sample's short names: "Baltimore, US", "KE"."""
    city, _, country = name.rpartition(", ")
    if not city:
        return Place.objects.get(code=country)
    around = Place.objects.get(code=country).name
    found = place_named(f"{city}, {around}")
    return found if isinstance(found, Place) else found[0]


# Who follows what, so that signed-in pages, feeds and digests have something to show
FOLLOWS = {
    "marisol": {"homelessness": Cadence.WEEKLY, "eviction": Cadence.WEEKLY, "buses-and-routes": Cadence.SITE},
    "rosa": {"housing": Cadence.DAILY, "debt-and-fees": Cadence.WEEKLY},
    "isla": {"homelessness": Cadence.DAILY},
    "mona": {"housing": Cadence.WEEKLY},
}
SEARCHES = {"marisol": "q=deposit", "mona": "rung=aside"}


def _begin_drafts(sample: "Sample") -> None:
    for row in tomllib.loads((SAMPLE / "drafts.toml").read_text("utf-8"))["draft"]:
        by = sample.members[row["by"]]
        organization = Organization.objects.get(slug=row["organization"])
        post = sample.posts[row["post"]] if "post" in row else None
        typed = {name: [row[name]] for name in ("takeaway", "note") if name in row}
        if post is not None:
            typed["base"] = [str(post.versions.latest("number").number)]
        draft = begin_draft(
            by=by, title=row["title"], body=row["body"].strip(), typed=typed, organization=organization.pk, post=post
        )
        if row.get("proposed"):
            propose_draft(draft, by=by)
        if row.get("shared"):
            share_draft(draft, by=by)
        for said in row.get("comment", []):
            comment_on_draft(draft, by=sample.members[said["by"]], body=said["body"])


FOLLOWED_SINCE = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
NEWS = dt.timedelta(
    days=45
)  # before the last thing that happens in the sample: what is new in it, whatever day it is loaded


def _subscribe(members: dict[str, Member]) -> None:
    members = {**members, "mona": Member.objects.get(handle="mona")}
    for handle, slugs in FOLLOWS.items():
        for area in IssueArea.objects.filter(slug__in=slugs):
            subscribe(Followable.AREA, area.pk, by=members[handle], cadence=slugs[area.slug])
    for handle, query in SEARCHES.items():
        filters = parse(QueryDict(query))
        subscribe(
            Followable.SEARCH, save_search(filters, name_of(filters)).pk, by=members[handle], cadence=Cadence.WEEKLY
        )
    Subscription.objects.filter(kind__in=[Followable.AREA, Followable.SEARCH]).update(since=FOLLOWED_SINCE)


def _tell() -> None:
    """Tell what is new in the sample, as the worker would have: the first digests come of it."""
    newest = Activity.objects.exclude(verb__in=UNTOLD).latest("at").at
    for activity in Activity.objects.filter(at__gt=newest - NEWS).exclude(verb__in=UNTOLD).order_by("at", "pk"):
        tell(activity)
