"""What the mail that tells of things looks like: its words, in HTML and in plain text, and its headers."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac

from accounts.members.models import Member
from commons import site
from commons.site import host
from knowledge.notifications.leaving import DIRECT, confirm_at, leave_at
from knowledge.notifications.models import Letter, Notification, Sort
from knowledge.notifications.replying import bounce_address, reply_address
from knowledge.notifications.things import EVERYONE
from knowledge.notifications.words import Item, items
from knowledge.posts.listing import Key
from knowledge.posts.models import Post
from knowledge.subscriptions.models import Followable, Reader, What

READ_MOST = 400  # notifications that one mail reads; what is more is counted
LINES_MOST = 25  # posts that one mail shows; the others are a click away
SUBJECT_MOST = 120
# What changed its standing first, then what wants one's eyes; what concerns oneself before all
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Moved", (What.MOVES, What.ASIDE)),
    ("Wants your eyes", (What.VETTINGS,)),
    ("Tried elsewhere", (What.REPORTS,)),
    ("New hunches", (What.NEW,)),
    ("Changed", (What.VERSIONS,)),
    ("Said", (What.COMMENTS,)),
)
CONCERNS = "Concerns you"


@dataclass
class Line:
    """One post in a mail, with all that happened to it, of one section."""

    post: Post | None
    items: list[Item] = field(default_factory=list)

    @property
    def lead(self) -> Item:
        return self.items[0]

    @property
    def rung(self) -> str:
        return self.post.standing.slug if self.post else "hunch"

    @property
    def border(self) -> str:
        """The kind of line that stands for where the post stands."""
        return {"vetted": "solid", "emerging": "dashed", "hunch": "dotted", "aside": "double"}[self.rung]

    @property
    def rule(self) -> str:
        """The same in plain text."""
        return {"vetted": "-----", "emerging": "- - -", "hunch": ". . .", "aside": "====="}[self.rung]


@dataclass
class Followed:
    """One thing that caused something in this mail, and how it is left."""

    words: str
    leave_at: str


def compose(letter: Letter, notifications: Sequence[Notification]) -> EmailMultiAlternatives | None:
    """The mail that a letter is, for its reader as they may see things now; None where nothing is left to tell."""
    if letter.sort == Sort.CONFIRM:
        return _asking(letter)
    if letter.sort == Sort.ANSWER:
        return _answering(letter)
    who: Member | Reader | None = letter.member or letter.reader
    assert who is not None
    viewer: Member | AnonymousUser = letter.member or EVERYONE
    told = items(notifications[:READ_MOST], viewer)
    if not told:
        return None
    sections = _sections(told)
    shown, left = _bounded(sections)
    followed = _followed(told, who)
    is_digest = letter.sort != Sort.AT_ONCE
    whole_list = _list_of(letter, told)
    context = {
        "sections": shown,
        "left": left,
        "followed": followed,
        "is_member": letter.member is not None,
        "leave_at": leave_at(who, whole_list),
        "period": _period(letter),
        "counts": _counts(told),
        "title": _title(letter, told),
        "preview": _counts(told),
        "letter": letter,
    }
    reply_to = _reply_to(letter, told)
    context["takes_replies"] = bool(reply_to)
    name = "digest" if is_digest else "notice"
    subject, thread = _subject(letter, told), _thread(letter, told)
    return _mail(letter, name, subject, context, list_name=whole_list, thread=thread, reply_to=reply_to)


def _sections(told: Sequence[Item]) -> list[tuple[str, list[Line]]]:
    """The items under their headings, those of one post in one line; the newest first."""
    found: dict[str, dict[int, Line]] = {CONCERNS: {}, **{name: {} for name, _ in SECTIONS}}
    for item in told:
        name = next((name for name, whats in SECTIONS if item.what in whats), CONCERNS)
        name = CONCERNS if item.key is None else name
        place = item.post.pk if item.post else -item.pk
        found[name].setdefault(place, Line(item.post)).items.append(item)
    return [(name, list(lines.values())) for name, lines in found.items() if lines]


def _bounded(sections: list[tuple[str, list[Line]]]) -> tuple[list[tuple[str, list[Line]]], int]:
    shown, room = [], LINES_MOST
    for name, lines in sections:
        if room > 0:
            shown.append((name, lines[:room]))
        room -= len(lines)
    return shown, max(0, -room)


def _followed(told: Sequence[Item], who: Member | Reader) -> list[Followed]:
    """What caused this mail, each thing once, with the way to leave it."""
    found: dict[Key | None, Followed] = {}
    for item in told:
        if item.key and item.key not in found:
            name = f"{item.key.kind}:{item.key.object_id}"
            found[item.key] = Followed(f"{item.because}.", leave_at(who, name))
        elif item.key is None and None not in found:
            found[None] = Followed("It concerns you: what you wrote, or what was said to you.", leave_at(who, DIRECT))
    return list(found.values())


def _list_of(letter: Letter, told: Sequence[Item]) -> str:
    """The list that the mail as a whole is of: the one thing that caused it, or all of its cadence."""
    keys = {item.key for item in told}
    if len(keys) == 1 and letter.sort == Sort.AT_ONCE:
        (key,) = keys
        return f"{key.kind}:{key.object_id}" if key else DIRECT
    return str(letter.sort)


def _title(letter: Letter, told: Sequence[Item]) -> str:
    span = {Sort.DAILY: "Your day", Sort.WEEKLY: "Your week"}.get(Sort(letter.sort))
    if span is None:
        return "Something happened" if len(told) == 1 else f"{len(told)} things happened"
    names = {item.followed for item in told}
    if len(names) == 1 and (name := names.pop()):
        return f"{span} in {name}"
    return f"{span} on {settings.SITE_NAME}"


def _subject(letter: Letter, told: Sequence[Item]) -> str:
    if letter.sort == Sort.AT_ONCE:
        words = told[0].text if len(told) == 1 else f"{told[0].text}, and {len(told) - 1} more"
    else:
        words = f"{_title(letter, told)}: {_counts(told).rstrip('.').lower()}"
    words = " ".join(words.split())  # a header is one line, whatever a title holds (RFC 5322, 2.2)
    return words if len(words) <= SUBJECT_MOST else f"{words[: SUBJECT_MOST - 2].rsplit(' ', 1)[0]} …"


TAKEN_UP = "taken up"
COUNTED: dict[str, tuple[str, str]] = {
    What.MOVES: ("moved", "moved"),
    What.ASIDE: ("set aside", "set aside"),
    TAKEN_UP: ("taken up again", "taken up again"),
    What.VETTINGS: ("in vetting", "in vetting"),
    What.REPORTS: ("tried elsewhere", "tried elsewhere"),
    What.NEW: ("new hunch", "new hunches"),
    What.VERSIONS: ("changed", "changed"),
    What.COMMENTS: ("discussed", "discussed"),
}


def _counts(told: Sequence[Item]) -> str:
    """How many posts moved, were tried, are new: "1 moved, 2 new hunches." """
    parts = []
    for what, (one, many) in COUNTED.items():
        posts = {item.post.pk if item.post else -item.pk for item in told if _counted_as(item) == what}
        if posts:
            parts.append(f"{len(posts)} {one if len(posts) == 1 else many}")
    return f"{', '.join(parts)}." if parts else ""


def _counted_as(item: Item) -> str:
    return TAKEN_UP if item.what == What.ASIDE and item.icon != "rung-aside" else item.what


def _period(letter: Letter) -> str:
    """The days a digest is of, in words; nothing for mail as it happens."""
    if letter.sort not in (Sort.DAILY, Sort.WEEKLY):
        return ""
    last = dt.date.fromisoformat(letter.period)
    if letter.sort == Sort.DAILY:
        return f"Until {last.day} {last:%B}, in the morning"
    first = last - dt.timedelta(days=7)
    last -= dt.timedelta(days=1)
    return (
        f"{first.day} {first:%B} to {last.day} {last:%B}"
        if first.month != last.month
        else f"{first.day} to {last.day} {last:%B}"
    )


def _thread(letter: Letter, told: Sequence[Item]) -> str:
    """What mail programs put together: mail about one post, and the digests of one sort (RFC 5322, 3.6.4)."""
    posts = {item.post.pk if item.post else 0 for item in told}
    if letter.sort == Sort.AT_ONCE and len(posts) == 1 and 0 not in posts:
        return f"<post-{posts.pop()}@{host()}>"
    return "" if letter.sort == Sort.AT_ONCE else f"<{letter.sort}-{_who(letter)}@{host()}>"


def _reply_to(letter: Letter, told: Sequence[Item]) -> str:
    """The address at which an answer becomes a comment, for mail to a member about one post; nothing for any other."""
    posts = {item.post.pk if item.post else 0 for item in told}
    if letter.sort != Sort.AT_ONCE or letter.member_id is None or len(posts) != 1 or 0 in posts:
        return ""
    return reply_address(letter.member_id, posts.pop(), _comment_told(told))


def _comment_told(told: Sequence[Item]) -> int | None:
    """The comment that a mail tells of, where it tells of nothing else: an answer to it stands below it."""
    if len(told) != 1 or len(told[0].notifications) != 1:
        return None
    activity = told[0].notifications[0].activity
    return activity.subject_id if activity.subject_kind == "comment" else None


def _answering(letter: Letter) -> EmailMultiAlternatives:
    """The one mail that says to somebody what became of theirs. It names the mail that it answers (RFC 3834, 3.1)."""
    asks = letter.asks
    mail = _mail(letter, "answer", asks["title"], {**asks, "letter": letter}, thread=asks.get("to_message", ""))
    mail.extra_headers["Auto-Submitted"] = "auto-replied"
    return mail


def _asking(letter: Letter) -> EmailMultiAlternatives:
    """The mail that asks the owner of an address whether they want to subscribe."""
    asks = letter.asks
    context = {
        "name": asks["name"],
        "cadence": asks["cadence"],
        "confirm_at": confirm_at(letter.address, asks["kind"], asks["object_id"], asks["cadence"]),
        "letter": letter,
    }
    return _mail(letter, "confirm", f"Do you want to follow {asks['name']}?", context)


def _mail(
    letter: Letter,
    template: str,
    subject: str,
    context: dict[str, object],
    *,
    list_name: str = "",
    thread: str = "",
    reply_to: str = "",
) -> EmailMultiAlternatives:
    context = {"site": site.about(), **context}
    headers = {"Message-ID": message_id(letter), "Auto-Submitted": "auto-generated"}
    if thread:
        headers |= {"References": thread, "In-Reply-To": thread}
    if list_name:
        who: Member | Reader | None = letter.member or letter.reader
        assert who is not None
        name = list_name.replace(":", "-").replace("_", "-")
        headers |= {
            "List-Id": f"{settings.SITE_NAME.replace('<', '').replace('>', '')} <{name}.{host()}>",
            "List-Unsubscribe": f"<{leave_at(who, list_name)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "bulk",
        }
    if comes_back_to := bounce_address(letter):
        headers["From"] = settings.DEFAULT_FROM_EMAIL
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string(f"emails/{template}/body.txt", context),
        from_email=comes_back_to or None,  # the envelope's sender
        to=[letter.to],
        reply_to=[reply_to] if reply_to else None,
        headers=headers,
    )
    mail.attach_alternative(render_to_string(f"emails/{template}/body.html", context), "text/html")
    return mail


def message_id(letter: Letter) -> str:
    """The same for every sending of one letter: made of whose it is, its sort and its period (RFC 5322, 3.6.4)."""
    return f"<{letter.sort}.{letter.period}.{_who(letter)}@{host()}>"


def _who(letter: Letter) -> str:
    who = f"m{letter.member_id}" if letter.member_id else f"r{letter.reader_id}" if letter.reader_id else letter.address
    return salted_hmac("letter", who, algorithm="sha256").hexdigest()[:24]


def asks_period(kind: Followable, object_id: int, today: dt.date) -> str:
    """The period of a mail that asks: one a day for each thing, however often its form is sent."""
    return hashlib.sha256(f"{kind}:{object_id}:{today.isoformat()}".encode()).hexdigest()[:32]
