"""What a notification says, on the site and in mail: one sentence, where it leads, and what caused it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from commons import markup
from commons.activity.models import Activity, Verb
from knowledge.comments.models import Comment
from knowledge.comments.models import Kind as CommentKind
from knowledge.evidence.models import Evidence, FieldReport
from knowledge.ladder.models import Review, Verdict, Vetting
from knowledge.notifications.models import Notification, Why
from knowledge.notifications.things import EVERYONE, things
from knowledge.posts.listing import Key
from knowledge.posts.models import Draft, Move, MoveKind, Post
from knowledge.posts.rungs import Rung
from knowledge.subscriptions.models import Cadence, Followable, What

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

QUOTED = 160  # characters of somebody's words that stand beside a sentence
PREFETCHED: dict[str, Callable[["Member | AnonymousUser"], Any]] = {
    "comment": lambda _: Comment.objects.select_related("by"),
    "review": lambda _: Review.objects.select_related("version", "organization", "answer"),
    "fieldreport": lambda _: FieldReport.objects.select_related("shown__place", "organization"),
    "evidence": lambda _: Evidence.objects.all(),
    "vetting": lambda _: Vetting.objects.all(),
    "draft": lambda viewer: Draft.objects.open_to(viewer).select_related("post__shown"),
}
ICONS = {
    What.MOVES: "arrow-up",
    What.ASIDE: "rung-aside",
    What.VETTINGS: "clipboard-check",
    What.REPORTS: "map-pin",
    What.NEW: "rung-hunch",
    What.VERSIONS: "history",
    What.COMMENTS: "message-circle",
}
COUNTED = {
    What.MOVES: "moves of",
    What.ASIDE: "moves of",
    What.VETTINGS: "things in the vetting of",
    What.REPORTS: "field reports on",
    What.NEW: "things on",
    What.VERSIONS: "changes of",
    What.COMMENTS: "comments on",
}


@dataclass
class Told:
    """A fact with all that its sentence names, read beforehand."""

    notification: Notification
    activity: Activity
    post: Post | None
    subject: Model | None
    move: Move | None

    @property
    def by(self) -> str:
        return self.activity.by.name if self.activity.by else "The calendar"

    @property
    def organization(self) -> str:
        return self.activity.organization.name if self.activity.organization else self.by

    @property
    def publisher(self) -> str:
        return self.post.organization.name if self.post else ""

    @property
    def asked(self) -> bool:
        return self.notification.why == Why.ASKED


@dataclass
class Item:
    """One line: a sentence with the post's title in it, what stands beside it, and where it leads."""

    sentence: str  # with {title} where the post's title goes
    href: str
    quiet: str = ""
    icon: str = "bell"
    post: Post | None = None
    what: str = ""
    why: str = ""
    at: Any = None
    because: str = ""  # which subscription caused it, in words; "" for what concerns oneself
    key: Key | None = None
    followed: str = ""  # the name of what one follows
    notifications: list[Notification] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.post.title if self.post else ""

    @property
    def html(self) -> SafeString:
        """The sentence with its title as a link."""
        link = format_html('<a href="{}">{}</a>', self.href, self.title or self.sentence)
        return (
            link if not self.post or "{title}" not in self.sentence else format_html(escape(self.sentence), title=link)
        )

    @property
    def text(self) -> str:
        return self.sentence.format(title=f"“{self.title}”") if self.post else self.sentence

    @property
    def happened(self) -> str:
        """The sentence where its post's title stands above it already."""
        if not self.post:
            return self.sentence
        # "tried this in Leeds"; "this post moved up"
        name = "this" if self.what == What.REPORTS and not self.sentence.startswith("{title}") else "this post"
        words = self.sentence.removesuffix(": {title}").format(title=name)
        return f"{words[:1].upper()}{words[1:]}"

    @property
    def is_only_new(self) -> bool:
        """Whether it tells just that the post is there: its takeaway says more than a sentence would."""
        return self.what == What.NEW and self.why == Why.FOLLOWED and len(self.notifications) == 1 and bool(self.quiet)

    @property
    def is_new(self) -> bool:
        return any(each.read_at is None for each in self.notifications)

    @property
    def pk(self) -> int:
        return self.notifications[0].pk


def items(notifications: Iterable[Notification], viewer: "Member | AnonymousUser" = EVERYONE) -> list[Item]:
    """What these notifications say, in their order; several of one sort on one post are one line, where its first stands.

    What the viewer may not see any more is left out. Some ten queries, whatever their number.
    """
    told = _read(notifications, viewer)
    names = things((_key(each.notification) for each in told if each.notification.kind), viewer)
    found: list[Item] = []
    groups: dict[tuple[int, str], Item] = {}
    for each in told:
        item = _item(each, names)
        if item is None:
            continue
        place = (each.post.pk, each.notification.what) if each.post else None
        alone = each.notification.why in (Why.MENTION, Why.REPLY, Why.ASKED)
        if place and not alone and place in groups:
            groups[place].notifications.append(each.notification)
            continue
        if place and not alone:
            groups[place] = item
        found.append(item)
    for item in found:
        if len(item.notifications) > 1:
            assert item.post is not None
            item.sentence = f"{len(item.notifications)} {COUNTED[What(item.what)]} {{title}}"
            item.quiet = ""
            item.href = item.post.get_absolute_url()
    return found


def _key(notification: Notification) -> Key:
    return Key(notification.kind, notification.object_id or 0)


def _read(notifications: Iterable[Notification], viewer: "Member | AnonymousUser") -> list[Told]:
    notifications = list(notifications)
    activities = Activity.objects.select_related("by", "organization").in_bulk(
        [each.activity_id for each in notifications]
    )
    posts = {
        post.pk: post
        for post in Post.objects.visible_to(viewer)
        .filter(pk__in={each.post_id for each in notifications if each.post_id})
        .select_related("shown", "organization")
    }
    subjects: dict[tuple[str, int], Model] = {}
    for kind, those in PREFETCHED.items():
        pks = {activity.subject_id for activity in activities.values() if activity.subject_kind == kind}
        if pks:
            subjects |= {(kind, pk): thing for pk, thing in those(viewer).in_bulk(pks).items()}
    moves = Move.objects.in_bulk([pk for activity in activities.values() if (pk := activity.data.get("move"))])
    found = []
    for each in notifications:
        activity = activities[each.activity_id]
        if each.post_id and each.post_id not in posts:
            continue
        subject = subjects.get((activity.subject_kind, activity.subject_id))
        move = moves.get(activity.data.get("move", 0))
        found.append(Told(each, activity, posts.get(each.post_id or 0), subject, move))
    return found


def _item(told: Told, names: dict[Key, Any]) -> Item | None:
    sayer = SAYERS.get(Verb(told.activity.verb))
    said = sayer(told) if sayer else None
    if said is None:
        return None
    sentence, quiet, anchor = said
    notification = told.notification
    key = _key(notification) if notification.kind else None
    thing = names.get(key) if key else None
    cadence = Cadence(notification.cadence).label.lower()
    return Item(
        sentence=sentence,
        quiet=_short(quiet),
        href=anchor if anchor.startswith("/") else f"{told.post.get_absolute_url() if told.post else '/'}{anchor}",
        icon=_icon(told),
        post=told.post,
        what=notification.what,
        why=notification.why,
        at=told.activity.at,
        because=f"You follow {'this post' if key and key.kind == Followable.POST else thing}, {cadence}"
        if thing
        else "",
        key=key if thing else None,
        followed=str(thing) if thing else "",
        notifications=[notification],
    )


def _icon(told: Told) -> str:
    if told.move:
        kind = told.move.kind
        return {MoveKind.DOWN: "arrow-down", MoveKind.ASIDE: "rung-aside", MoveKind.TAKEN_UP: "arrow-up"}.get(
            MoveKind(kind), "arrow-up"
        )
    if isinstance(told.subject, Comment) and told.subject.kind == CommentKind.CHALLENGE:
        return "message-square-warning"
    if told.activity.verb == Verb.LINKED:
        return "git-branch"
    return ICONS.get(What(told.notification.what), "bell")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= QUOTED else f"{words[: QUOTED - 2].rsplit(' ', 1)[0]} …"


def _name(text: str) -> str:
    """Somebody's words inside a sentence that still takes a title: its braces are theirs."""
    return text.replace("{", "{{").replace("}", "}}")


Said = tuple[str, str, str] | None  # the sentence, what stands beside it, and where on the post's page it leads
Sayer = Callable[[Told], Said]
SAYERS: dict[Verb, Sayer] = {}


def _says(*verbs: Verb) -> Callable[[Sayer], Sayer]:
    def keep(sayer: Sayer) -> Sayer:
        SAYERS.update(dict.fromkeys(verbs, sayer))
        return sayer

    return keep


@_says(Verb.PUBLISHED)
def _published(told: Told) -> Said:
    assert told.post is not None
    quiet = told.post.shown.takeaway if told.post.shown else ""
    if told.notification.why == Why.MENTION:
        return f"{_name(told.by)} mentioned you in {{title}}", quiet, ""
    began = "shared a hunch" if told.notification.what == What.NEW else "published an emerging approach"
    return f"{_name(told.publisher)} {began}: {{title}}", quiet, ""


@_says(Verb.PUBLISHED_VERSION)
def _version(told: Told) -> Said:
    number = told.activity.data["version"]
    if told.notification.why == Why.MENTION:
        return f"{_name(told.by)} mentioned you in {{title}}", "", ""
    if told.asked and told.activity.data.get("vetting"):
        return f"Version {number} of {{title}} is out since you reviewed it", "Look again.", "review/"
    if told.asked:
        return (
            f"Version {number} of {{title}}, which you vetted, is not looked at yet",
            "Is the change editorial?",
            f"versions/{number}/confirm/",
        )
    return f"{_name(told.publisher)} published version {number} of {{title}}", "", ""


@_says(Verb.MOVED)
def _moved(told: Told) -> Said:
    move = told.move
    if move is None:
        return None
    done = {
        MoveKind.UP: f"moved up to {Rung(move.to_rung).label.lower()}",
        MoveKind.RENEWED: "was vetted anew",
        MoveKind.DOWN: f"stepped down to {Rung(move.to_rung).label.lower()}",
        MoveKind.ASIDE: "was set aside",
        MoveKind.TAKEN_UP: "was taken up again",
    }[MoveKind(move.kind)]
    if told.asked:
        return f"{{title}}, on which a post of yours builds, {done}", "Does yours still hold?", "#stands"
    return f"{{title}} {done}", move.why, "#stands"


@_says(Verb.REPORTED)
def _reported(told: Told) -> Said:
    report = told.subject
    if not isinstance(report, FieldReport) or report.withdrawn_at or report.shown is None:
        return None
    place, outcome = report.shown.place.name, report.shown.get_outcome_display().lower()
    if told.asked:
        return (
            f"{{title}}, on which a post of yours builds, did not work when {_name(report.organization.name)} tried it",
            "Does yours still hold?",
            report.get_absolute_url(),
        )
    sentence = f"{_name(report.organization.name)} tried {{title}} in {_name(place)}: {outcome}"
    return sentence, report.shown.account, report.get_absolute_url()


@_says(Verb.EDITED_REPORT, Verb.WITHDREW_REPORT)
def _report_changed(told: Told) -> Said:
    done = "changed" if told.activity.verb == Verb.EDITED_REPORT else "withdrew"
    return f"{_name(told.organization)} {done} its field report on {{title}}", "", "#reports"


@_says(Verb.OPENED_VETTING)
def _opened(told: Told) -> Said:
    vetting = told.subject
    asks = vetting.asks if isinstance(vetting, Vetting) else ""
    return f"{_name(told.publisher)} asks: does {{title}} hold up?", asks, "#vetting"


@_says(Verb.CLOSED_VETTING)
def _closed(told: Told) -> Said:
    ending = told.activity.data.get("ending")
    done = "was withdrawn" if ending == "withdrawn" else "ended without a verdict"
    why = told.subject.closed_why if isinstance(told.subject, Vetting) else ""
    return f"The vetting of {{title}} {done}", why, "#vetting"


@_says(Verb.REVIEWED, Verb.CHANGED_VERDICT)
def _reviewed(told: Told) -> Said:
    review = told.subject
    if not isinstance(review, Review):
        return None
    verdict = "approves" if review.verdict == Verdict.APPROVE else "needs more"
    speaks = f"{_name(told.by)}, {_name(review.organization.name)}," if review.organization else _name(told.by)
    done = "changed the verdict on" if told.activity.verb == Verb.CHANGED_VERDICT else "reviewed"
    quiet = review.missing if review.verdict == Verdict.MORE and review.missing else review.supports
    return f"{speaks} {done} version {review.version.number} of {{title}}: {verdict}", quiet, "#vetting"


@_says(Verb.ANSWERED_REQUEST)
def _answered(told: Told) -> Said:
    quiet = told.subject.answer.words if isinstance(told.subject, Review) and hasattr(told.subject, "answer") else ""
    return f"{_name(told.publisher)} answers your request for more on {{title}}", quiet, "review/"


@_says(Verb.PROLONGED_REQUEST)
def _prolonged(told: Told) -> Said:
    return "You have more time to look at {title} again", "", "review/"


@_says(Verb.CLOSED_REQUEST)
def _request_closed(told: Told) -> Said:
    done = f"{_name(told.by)} closed a request for more" if told.activity.by else "A request for more lapsed"
    return f"{done} on {{title}}", "", "#vetting"


@_says(Verb.CONFIRMED_EDITORIAL)
def _confirmed(told: Told) -> Said:
    return f"{_name(told.by)} confirms: the newest version of {{title}} says the same", "", ""


@_says(Verb.ADDED_EVIDENCE, Verb.WITHDREW_EVIDENCE)
def _evidence(told: Told) -> Said:
    piece = told.subject
    added = told.activity.verb == Verb.ADDED_EVIDENCE
    if not isinstance(piece, Evidence) or (added and piece.withdrawn_at):
        return None
    done = "added evidence to" if added else "withdrew evidence from"
    return f"{_name(told.publisher)} {done} {{title}}", piece.statement if added else piece.withdrawn_why, "#evidence"


@_says(Verb.SAID_IT_HOLDS)
def _holds(told: Told) -> Said:
    return f"{_name(told.publisher)} says that {{title}} still holds", "", ""


@_says(Verb.LINKED)
def _linked(told: Told) -> Said:
    return f"{_name(told.publisher)} links to a post that you follow or wrote: {{title}}", "", "#lineage"


@_says(Verb.CHECK_BACK_PASSED)
def _check_back(told: Told) -> Said:
    return "You expected to know more about {title} by now", "How does it stand?", "check-back/"


@_says(Verb.COMMENTED)
def _commented(told: Told) -> Said:
    comment = told.subject
    if not isinstance(comment, Comment) or comment.withdrawn_at:
        return None
    done = {
        CommentKind.CHALLENGE: "challenges a claim in",
        CommentKind.QUESTION: "asks about",
        CommentKind.SEE_TOO: "sees this too:",
        CommentKind.COMMENT: "commented on",
    }[CommentKind(comment.kind)]
    if told.notification.why == Why.MENTION:
        done = "mentioned you on"
    elif told.notification.why == Why.REPLY:
        done = "answered you on"
    return f"{_name(told.by)} {done} {{title}}", markup.render(comment.body).words, f"#comment-{comment.pk}"


@_says(Verb.ACCEPTED_ANSWER)
def _accepted(told: Told) -> Said:
    return f"{_name(told.by)} says that your answer settles the challenge on {{title}}", "", "#comments"


@_says(Verb.REDACTED)
def _redacted(told: Told) -> Said:
    return "A moderator took a text out of {title}", "The reason stands in the moderation log.", "/moderation-log/"


@_says(Verb.CHANGED_ORGANIZATION)
def _verified(told: Told) -> Said:
    organization = told.activity.organization
    if organization is None:
        return None
    return (
        f"{organization.name} is verified",
        "Its reviews and field reports count now.",
        organization.get_absolute_url(),
    )


@_says(Verb.PROPOSED_DRAFT)
def _proposed(told: Told) -> Said:
    draft = told.subject
    if not isinstance(draft, Draft) or draft.proposed_at is None:
        return None  # published, or given back, meanwhile
    return f"{told.by} sends you a draft to publish: “{draft}”", "", draft.get_absolute_url()


@_says(Verb.RETURNED_DRAFT)
def _returned(told: Told) -> Said:
    draft = told.subject
    if not isinstance(draft, Draft):
        return None
    return f"{told.by} gave your draft back: “{draft}”", draft.note, draft.get_absolute_url()


@_says(Verb.COMMENTED_ON_DRAFT)
def _commented_on_draft(told: Told) -> Said:
    draft = told.subject
    if not isinstance(draft, Draft):
        return None
    return f"{told.by} commented on your draft “{draft}”", "", f"/drafts/{draft.pk}/comments/#comments"
