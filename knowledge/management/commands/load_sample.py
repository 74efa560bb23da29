"""Load the sample commons: invented organizations, members, posts and comments, written by the verbs that people use."""

import tomllib
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from accounts.members.models import Member
from accounts.organizations.models import Membership, Organization
from knowledge.comments import actions as comments
from knowledge.comments.models import Comment, EarlierText
from knowledge.evidence.actions import Piece, add_evidence
from knowledge.ladder import actions as ladder
from knowledge.posts import actions as posts
from knowledge.posts.models import Post
from knowledge.posts.rungs import CASE_FIELDS, Rung
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable
from knowledge.topics.find import place_named
from knowledge.topics.models import IssueArea, Place

SAMPLE = Path(__file__).resolve().parents[2] / "sample"
PASSWORD = "learning-in-the-open"  # noqa: S105 - the trial's, printed by bin/start
SIGN_INS = [
    ("marisol@harborstreet.example", PASSWORD, "Marisol Teague, owner of Harbor Street Housing Desk"),
    ("rosa@steeltown.example", PASSWORD, "Rosa Delacroix-Bye, owner of Steeltown Renters’ Room"),
    ("mona@commons.example", PASSWORD, "Mona Okafor-Lind, moderator"),
]
MODERATOR = {"handle": "mona", "name": "Mona Okafor-Lind", "email": "mona@commons.example", "is_moderator": True}


class Command(BaseCommand):
    help = "Load the sample commons, unless there are posts already."

    def handle(self, *args: Any, **options: Any) -> None:
        if Post.objects.exists():
            self.stdout.write("There are posts already; the sample is left out.")
            return
        loaded = load()
        self.stdout.write(f"Sample: {loaded} posts. Everyone and everything in it is invented.")


@transaction.atomic
def load() -> int:
    """Load all of it, or nothing. Gives how many posts there are."""
    members = _load_organizations()
    files = sorted((SAMPLE / "posts").glob("*.toml"))
    rows = [tomllib.loads(file.read_text("utf-8")) for file in files]
    for row in sorted(rows, key=lambda row: row["published"]):
        _load_post(row, members)
    _subscribe(members)
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


def _load_post(row: dict[str, Any], members: dict[str, Member]) -> None:
    organization = Organization.objects.get(slug=row["organization"])
    first, *later = row["version"]
    moves = row["move"][1:]
    told = row.get("evidence", [])
    post = _begin(row, members, organization, [piece for piece in told if piece["at"] <= row["published"]])
    told = [piece for piece in told if piece["at"] > row["published"]]
    events: list[tuple[Any, int, str, dict[str, Any]]] = []
    for place, (kind, rows) in enumerate(
        [("version", later), ("evidence", told), ("move", moves), ("comment", row.get("comment", []))]
    ):
        events += [(event["at"], place, kind, event) for event in rows]
    made: dict[str, Comment] = {}
    for at, _, kind, event in sorted(events, key=lambda event: event[:2]):
        by = members[event["by"]]
        if kind == "version":
            base = post.versions.latest("number").number
            note = event.get("note", "")
            posts.publish_version(post, _content(row, event), by=by, note=note, base=base, at=at)
        elif kind == "evidence":
            add_evidence(post, _piece(event), by=by, at=at)
        elif kind == "move":
            ladder.move_up(post, by=by, why=event.get("why", ""), at=at)
        else:
            made[event["id"]] = _load_comment(post, event, members, made)
    for gone in (comment["id"] for comment in row.get("comment", []) if comment.get("withdrawn")):
        comments.withdraw_comment(made[gone], by=made[gone].by)
    if row.get("withdrawn"):
        posts.withdraw(post, by=members[first["by"]], at=row["withdrawn"])


def _begin(
    row: dict[str, Any], members: dict[str, Member], organization: Organization, told: list[dict[str, Any]]
) -> Post:
    """Version 1 of a post, on the rung it begins on."""
    first, begun = row["version"][0], row["move"][0]
    content = _content(row, first)
    said = {
        "by": members[first["by"]],
        "organization": organization,
        "why": begun.get("why", ""),
        "authors": [members[handle] for handle in row["authors"]],
        "at": row["published"],
    }
    if begun["to"] == Rung.EMERGING.slug:
        return ladder.publish_emerging(content, [_piece(piece) for piece in told], **said)
    return posts.publish(content, **said)


def _piece(row: dict[str, Any]) -> Piece:
    return Piece(**{name: value for name, value in row.items() if name not in ("at", "by")})


def _load_comment(post: Post, row: dict[str, Any], members: dict[str, Member], made: dict[str, Comment]) -> Comment:
    comment = comments.comment(
        post,
        by=members[row["by"]],
        body=row["body"].strip(),
        kind=row.get("kind", "comment"),
        parent=made.get(row.get("parent", "")),
        at=row["at"],
    )
    if row.get("edited"):
        EarlierText.objects.create(comment=comment, body=row.get("earlier", ""), until=row["at"])
        Comment.objects.filter(pk=comment.pk).update(edited_at=row["at"])
    return comment


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


def _subscribe(members: dict[str, Member]) -> None:
    """Some subscriptions, so that a signed-in home page has something to show."""
    wanted = {"marisol": ["homelessness", "eviction", "buses-and-routes"], "rosa": ["eviction", "debt-and-fees"]}
    for handle, slugs in wanted.items():
        for area in IssueArea.objects.filter(slug__in=slugs):
            subscribe(Followable.AREA, area.pk, by=members[handle], cadence=Cadence.WEEKLY)
