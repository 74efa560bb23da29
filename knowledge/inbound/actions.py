"""Mail that comes: an answer becomes a comment, a note to one's private address a draft, a report stops mail to an address.

Every way in (a mail provider's webhook, a mailbox that is looked into) calls the one verb here.
"""

from dataclasses import dataclass
from email.message import Message

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts.members.models import Member
from commons import gate, queue
from commons.pace import Door, TooOften, through
from commons.site import absolute, host
from knowledge.comments.actions import CommentIsGone, comment
from knowledge.comments.models import Comment
from knowledge.inbound.models import Became, Received
from knowledge.inbound.reading import UNREADABLE, Mail, NoText, read, texts_of
from knowledge.inbound.reports import Failure, Report, report_of
from knowledge.inbound.writing import newly_written
from knowledge.notifications import replying
from knowledge.notifications.bounces import bounced
from knowledge.notifications.mails import message_id
from knowledge.notifications.models import Letter, Sort
from knowledge.posts.drafts import TooManyDrafts, begin_draft
from knowledge.posts.models import Post
from knowledge.subscriptions.private_mail import HUNCH, owner_of

ANSWERS_MOST = 3  # mails a day that say to one address what became of theirs
ANSWERS_MOST_ALL = 500  # the same to all, so that nobody writes to strangers by way of this commons

NO_COMMENT = "Your mail did not become a comment"
NO_DRAFT = "Your mail did not become a draft"
NOT_TAKEN = "Your mail was not taken"
NO_SUCH_ADDRESS = "Nothing takes mail at the address you wrote to."
TOO_OLD = "The address you answered to is not one of ours, or is older than a year. Comment on the post’s page instead."
NOT_THEIRS = (
    "It came from another address than the member’s that we wrote to. Answer from the address of your account, "
    "so that we know it is you."
)
NOT_ACTIVE = "Your account is closed or suspended."
NOT_VISIBLE = "The post was withdrawn, or you may not see it any more."
IS_GONE = "The comment you answer was withdrawn meanwhile. You can still comment on the post’s page."
NOTHING_WRITTEN = "There was no text in it beside what it quotes."


@dataclass(frozen=True)
class Taken:
    """What a mail became."""

    became: Became
    reason: str = ""
    made_id: int | None = None


class NotTaken(Exception):
    """A mail that becomes nothing, and why, in words for who sent it."""

    def __init__(self, title: str, words: str, link: str = "") -> None:
        super().__init__(words)
        self.title, self.words, self.link = title, words, link


@transaction.atomic
def receive(mail: bytes | Message, *, to: tuple[str, ...] = ()) -> Received:
    """Take a mail that came (to these addresses, where its envelope is known), once: the same mail again does nothing more.

    Whatever it holds, it comes to an end that is written down in words; what is refused is answered with one mail, but never
    where a program wrote it (RFC 3834).
    """
    this = read(mail if isinstance(mail, bytes) else _bytes(mail), to)
    received, is_new = Received.objects.get_or_create(key=this.key, defaults={"sender": this.sender})
    if not is_new:
        return received
    try:
        with transaction.atomic(), through(Door.MAIL):
            taken = _take(this)
    except NotTaken as refused:
        answered = _answer(this, refused.title, refused.words, refused.link)
        taken = Taken(Became.REFUSED, refused.words if answered else f"{refused.words} (Said to nobody.)")
    received.became, received.reason, received.made_id = taken.became, taken.reason[: gate.REASON], taken.made_id
    received.save()
    return received


def _bytes(mail: Message) -> bytes:
    """A mail that a provider handed on in parts, as it would have come; one that cannot be put together says nothing."""
    try:
        return mail.as_bytes()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, ArithmeticError):
        return b"\n\n"


def _take(mail: Mail) -> Taken:
    if report := report_of(mail.message):
        return _came_back(report, mail)
    if mail.automatic:
        return Taken(Became.IGNORED, mail.automatic)
    if not mail.sender:
        return Taken(Became.IGNORED, "It does not say who sent it, or says several things of it.")
    if token := _token(mail, replying.REPLY):
        return _comment(token, mail)
    if key := _token(mail, HUNCH):
        return _draft(key, mail)
    raise NotTaken(NOT_TAKEN, NO_SUCH_ADDRESS)


def _token(mail: Mail, beginning: str) -> str:
    return next((token for address in mail.to if (token := replying.token_in(address, beginning))), "")


# An answer


def _comment(token: str, mail: Mail) -> Taken:
    """An answer to mail of ours becomes a comment, by the same verb and under the same rules as on the site."""
    try:
        answers = replying.answers(token)
    except replying.NotOurs:
        raise NotTaken(NO_COMMENT, TOO_OLD, absolute("/")) from None
    member = _sender(answers.member, mail, NO_COMMENT)
    post = Post.objects.visible_to(member).select_related("shown", "organization").filter(pk=answers.post).first()
    if post is None:
        raise NotTaken(NO_COMMENT, NOT_VISIBLE)
    address = absolute(post.get_absolute_url())
    body = _passed(_text(mail, NO_COMMENT), gate.COMMENT, "a comment", title=NO_COMMENT, link=address)
    parent = Comment.objects.filter(pk=answers.comment, post=post).first() if answers.comment else None
    try:
        made = comment(post, by=member, body=body, parent=parent)
    except CommentIsGone:
        raise NotTaken(NO_COMMENT, IS_GONE, address) from None
    except TooOften as refused:
        raise NotTaken(NO_COMMENT, str(refused), address) from None
    except PermissionDenied as denied:
        raise NotTaken(NO_COMMENT, str(denied)) from None
    _say_what_was_left_out(mail, "Your comment is on the post", absolute(made.get_absolute_url()))
    return Taken(Became.COMMENT, made_id=made.pk)


def _sender(pk: int, mail: Mail, title: str) -> Member:
    """The member who sent this, from an address that they have confirmed. Raises NotTaken."""
    member = Member.objects.filter(pk=pk).first()
    theirs = EmailAddress.objects.filter(user=member, email__iexact=mail.sender, verified=True)
    if member is None or not theirs.exists():
        raise NotTaken(title, NOT_THEIRS)
    if not member.is_active:
        raise NotTaken(title, NOT_ACTIVE)
    return member


# A note


def _draft(key: str, mail: Mail) -> Taken:
    """A mail to a member's private address becomes a draft of a hunch, and never a post."""
    owner = owner_of(key)
    if owner is None:
        raise NotTaken(NO_DRAFT, NO_SUCH_ADDRESS)
    member = _sender(owner.pk, mail, NO_DRAFT)
    text = _text(mail, NO_DRAFT, whole=True)
    subject = " ".join(mail.subject.split())
    title = subject
    if len(title) > gate.TITLE:  # cut, and nothing of it lost
        title, text = f"{subject[: gate.TITLE - 2].rsplit(' ', 1)[0][: gate.TITLE - 2]} …", f"{subject}\n\n{text}"
    title = _passed(title, gate.TITLE, "a title", title=NO_DRAFT, lines=False)
    body = _passed(text, gate.BODY, "a draft", title=NO_DRAFT, may_be_empty=bool(title))
    try:
        draft = begin_draft(by=member, title=title, body=body, from_mail=True)
    except TooOften as refused:
        raise NotTaken(NO_DRAFT, str(refused), absolute("/drafts/")) from None
    except TooManyDrafts as many:
        raise NotTaken(NO_DRAFT, str(many), absolute("/drafts/")) from None
    _say_what_was_left_out(mail, "Your draft is kept", absolute("/drafts/"))
    return Taken(Became.DRAFT, made_id=draft.pk)


# Both


def _text(mail: Mail, title: str, *, whole: bool = False) -> str:
    try:
        if mail.trouble:
            raise NoText(mail.trouble)
        return newly_written(*texts_of(mail), whole=whole)
    except NoText as why:
        raise NotTaken(title, str(why) or UNREADABLE) from None


def _passed(
    text: str, limit: int, what: str, *, title: str, link: str = "", lines: bool = True, may_be_empty: bool = False
) -> str:
    """What was written, through the gate that everything people type passes. Raises NotTaken."""
    try:
        passed = gate.passed(text, limit=limit, lines=lines, what=what)
    except ValidationError as refused:
        raise NotTaken(title, " ".join(refused.messages), link) from None
    if not passed and lines and not may_be_empty:
        raise NotTaken(title, NOTHING_WRITTEN, link)
    return passed


def _say_what_was_left_out(mail: Mail, title: str, link: str) -> None:
    if number := mail.attachments:
        left_out = "a file that was" if number == 1 else f"{number} files that were"
        _answer(mail, title, f"It was taken without {left_out} attached: mail brings text alone.", link)


def _answer(mail: Mail, title: str, words: str, link: str = "") -> bool:
    """Say to who sent a mail what became of it; but not to a program, nor to one address often. Whether it is said."""
    address = mail.answer_to.lower()
    try:
        validate_email(address)
    except ValidationError:
        return False
    if address.rpartition("@")[2] in {host(), settings.MAIL_REPLY_HOST}:
        return False  # it would come back here
    today = Letter.objects.filter(sort=Sort.ANSWER).of_the_last_day(timezone.now())
    if today.count() >= ANSWERS_MOST_ALL or today.filter(address=address).count() >= ANSWERS_MOST:
        return False
    asks = {"title": title, "words": words, "link": link, "about": mail.subject[:200], "to_message": mail.message_id}
    letter = Letter(address=address, sort=Sort.ANSWER, period=mail.key[:40], asks=asks)
    Letter.objects.bulk_create([letter], ignore_conflicts=True)
    queue.wake(queue.LETTERS)
    return True


# A report


def _came_back(report: Report, mail: Mail) -> Taken:
    """Mail to the address of which a report speaks stops; but only where it speaks of a mail that we sent to it.

    Anybody can write a report. One that is heard comes to an address that we signed for that letter, or names the letter's
    Message-ID, which only its reader and the servers on its way have seen.
    """
    if not report.failures:
        return Taken(Became.IGNORED, "A report that mail is late, or has arrived.")
    letter = _letter_of(report, mail)
    if letter is None:
        return Taken(Became.IGNORED, "A report that does not speak of mail of ours.")
    failure = _worst(report.failures)
    bounced(letter.to, failure.reason, kind=failure.kind)
    return Taken(Became.BOUNCE, failure.reason)


def _worst(failures: list[Failure]) -> Failure:
    return min(failures, key=lambda failure: ("complain", "hard", "soft").index(failure.kind))


def _letter_of(report: Report, mail: Mail) -> Letter | None:
    for address in (*mail.to, *report.sent_from):
        if token := replying.token_in(address, replying.BOUNCE):
            try:
                return replying.came_back(token)
            except replying.NotOurs:
                return None
    return _letter_called(report)


def _letter_called(report: Report) -> Letter | None:
    """The letter of the Message-ID that a report names, where it went to an address of which the report speaks."""
    local, _, at = report.message_id.strip("<>").rpartition("@")
    sort, _, rest = local.partition(".")
    period = rest.rpartition(".")[0]
    if at != host() or sort not in Sort.values or not period:
        return None
    named = {address for failure in report.failures for address in failure.addresses} | set(report.sent_to)
    letters = Letter.objects.select_related("member", "reader").filter(sort=sort, period=period)
    for address in sorted(named)[:20]:
        for way in ("member__email__iexact", "reader__address__iexact", "address__iexact"):
            letter = letters.filter(**{way: address}).first()
            if letter and message_id(letter) == report.message_id:
                return letter
    return None
