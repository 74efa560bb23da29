"""Sending the mail that is due: one letter at a time, each with its own deadline, and with a word on what became of it."""

import datetime as dt
import logging
import time
from pathlib import Path
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core import mail
from django.db import transaction
from django.utils import timezone

from commons.mail import deadline, refused_for_good
from knowledge.notifications.bounces import bounced, in_words, refused_address
from knowledge.notifications.letters import close, gather, take
from knowledge.notifications.mails import compose
from knowledge.notifications.models import Bounce, Letter, MailState, Outcome, Sort

log = logging.getLogger(__name__)

TO_FOLLOWERS = [Sort.AT_ONCE, Sort.DAILY, Sort.WEEKLY, Sort.ANSWER]
SOMEBODY_WAITS = [Sort.CONFIRM]
RUN_SECONDS = 50.0  # a run ends after so long; the next minute begins another
TRIES_MOST = 12
LONGEST_WAIT = dt.timedelta(hours=6)
BOUNCED = "Mail to this address came back"


def send_due(sorts: list[Sort], *, seconds: float = RUN_SECONDS) -> int:
    """Send letters of these sorts that are due, until none is left or the time is up; give how many were sent.

    Several may run beside each other, here and on other machines: each letter is one sender's at a time. When the mail
    server cannot be reached the run ends, since the next letter would fare no better.
    """
    if held():
        return 0
    sent, until = 0, time.monotonic() + seconds
    with_server = mail.get_connection()
    try:
        while time.monotonic() < until and (letter := take(sorts, timezone.now())) is not None:
            try:
                sent += _send(letter, with_server)
            except (SMTPException, OSError) as error:
                _put_off(letter, error)
                with_server = _anew(with_server)
                if not refused_for_good(error):
                    break
    finally:
        with_server.close()
        _count(sent)
    return sent


def _send(letter: Letter, with_server: Any) -> int:
    """Send one letter, or close it with the reason why not. Access is asked now, whatever it was when things happened."""
    if reason := _unreachable(letter):
        close(letter, Outcome.GONE, reason)
        return 0
    told = [] if letter.sort in (Sort.CONFIRM, Sort.ANSWER) else list(gather(letter))
    message = compose(letter, told)
    if message is None:
        close(letter, Outcome.NOTHING, "What it would have told is gone, or not for them to see any more.")
        return 0
    message.connection = with_server
    with deadline(with_server):
        message.send()
    close(letter, Outcome.SENT)
    return 1


def _unreachable(letter: Letter) -> str:
    """Why there is nobody to write to; nothing where there is."""
    if letter.member and not letter.member.is_active:
        return "The account is closed or suspended."
    if letter.reader and not letter.reader.subscriptions.exists():
        return "They left all their lists."
    bounce = Bounce.objects.stopping(letter.to).first()
    return f"{BOUNCED}: {bounce.reason}" if bounce else ""


def _put_off(letter: Letter, error: BaseException) -> None:
    """A letter that could not be sent is tried again later, each time after twice as long; or not, when it never will."""
    if said := refused_for_good(error):
        close(letter, Outcome.REFUSED, f"The mail server refused it: {said}")
        if isinstance(error, SMTPRecipientsRefused) and (status := refused_address(said)):
            bounced(letter.to, in_words(status, said))
        return
    words = " ".join(str(error).split()) or type(error).__name__
    log.warning("Letter %s could not be sent (try %s): %s", letter.pk, letter.tries, words)
    if letter.tries >= TRIES_MOST:
        close(letter, Outcome.FAILED, f"Tried {letter.tries} times; at last: {words}")
        return
    wait = min(dt.timedelta(minutes=2**letter.tries), LONGEST_WAIT)
    Letter.objects.filter(pk=letter.pk).update(leased_until=timezone.now() + wait, reason=words[:2000])


def _anew(with_server: Any) -> Any:
    """A fresh connection in place of one that may be in the middle of something."""
    try:
        with_server.close()
    except (SMTPException, OSError):
        log.debug("The mail server did not say goodbye.")
    return mail.get_connection()


# Held after a restore: what the database believes is unsent may have been sent long ago


def held() -> str:
    """Why no mail goes out, in words; nothing where it does.

    Every sender counts what it sent in the database, and beside it. A database that counts less than the file beside it was
    put back to an earlier day: it holds mail until the operator has looked, and releases it.
    """
    state = _state()
    if state.held_since:
        return state.held_why
    beside = _beside()
    if beside <= state.sent:
        return ""
    why = f"The database was put back to an earlier day: {beside - state.sent} mails more were sent than it knows of."
    hold(why)
    return why


def hold(why: str) -> None:
    """Let no mail out until it is released."""
    _state()
    MailState.objects.filter(held_since=None).update(held_since=timezone.now(), held_why=why[:2000])


@transaction.atomic
def release(*, skip_before: dt.datetime | None = None) -> int:
    """Let mail out again. What was due before `skip_before` is closed unsent, as sent already; give how many that were."""
    _state()
    skipped = 0
    if skip_before:
        skipped = Letter.objects.filter(closed_at=None, due_at__lt=skip_before).update(
            outcome=Outcome.NOTHING, closed_at=timezone.now(), reason="Sent before the database was put back."
        )
    MailState.objects.update(held_since=None, held_why="", sent=max(_state().sent, _beside()))
    return skipped


def _state() -> MailState:
    state, _ = MailState.objects.get_or_create(pk=1)
    return state


def _count(sent: int) -> None:
    if not sent:
        return
    with transaction.atomic():
        state = MailState.objects.select_for_update().get(pk=1)
        state.sent += sent
        state.save(update_fields=["sent"])
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(max(state.sent, _beside())))


def _beside() -> int:
    try:
        return int(_file().read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _file() -> Path:
    return Path(settings.VAR_DIR) / "mail_sent"
