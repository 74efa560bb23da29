"""Sending the letters that are due: a batch at a time, each with its own deadline, and with a word on what became of it; and
holding them back, where they may have been sent before.
"""

import contextlib
import datetime as dt
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from smtplib import SMTPRecipientsRefused
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import NotSupportedError, ProgrammingError, connection, transaction
from django.utils import timezone

from commons import queue
from commons.account_mail import AccountMail
from commons.db.errors import is_away
from commons.delivery import CLOCKS_APART, RUN_SECONDS, MailRun, Outcome
from knowledge.notifications.bounces import bounced, in_words, refused_address
from knowledge.notifications.letters import CADENCES, gather, take
from knowledge.notifications.mails import compose
from knowledge.notifications.models import Bounce, Letter, MailState, Sort

if TYPE_CHECKING:
    from django.core.mail import EmailMultiAlternatives

    from knowledge.notifications.models import Notification

log = logging.getLogger(__name__)

TO_FOLLOWERS = [Sort.AT_ONCE, Sort.DAILY, Sort.WEEKLY, Sort.ANSWER]
SOMEBODY_WAITS = [Sort.CONFIRM]
BATCH = 20  # letters that one sender takes up together
FRESH_SECONDS = 10.0  # for which the people of a batch are believed to be as they were read; it may take minutes
BOUNCED = "Mail to this address came back"


def send_due(sorts: list[Sort], *, job: str = queue.LETTERS, seconds: float = RUN_SECONDS) -> int:
    """Send letters of these sorts that are due, until none is left or the time is up; return how many were sent.

    Several may run beside each other, here and on other machines: each letter is one sender's at a time. A run that finds much
    has `job` run beside it. While mail is held nothing goes out, but for what somebody waits for and asked for since.
    """
    since = held_since()
    if since and sorts != SOMEBODY_WAITS:
        return 0
    with MailRun(job, seconds=seconds) as run:
        for letters in run.rows(lambda: take(sorts, timezone.now(), most=BATCH, made_since=since), BATCH):
            _count(_send(run, letters))
    if later := Letter.objects.filter(sort__in=sorts).free_again_at(timezone.now()):
        queue.wake_at(job, later)
    return run.sent


def _send(run: MailRun, letters: Sequence[Letter]) -> int:
    """Send some letters, or close them with the reason why not. Who may see what is asked as each goes out."""
    stopping = Bounce.objects.among(letter.to for letter in letters).that_stop()
    bounces = {bounce.address.lower(): bounce for bounce in stopping}
    told, read_at = _gathered(letters), time.monotonic()

    def message(letter: Letter) -> "EmailMultiAlternatives | None":
        bounce = bounces.get(letter.to.lower())
        if time.monotonic() - read_at >= FRESH_SECONDS:
            letter.refresh_from_db(fields=["member", "reader"])
            bounce = Bounce.objects.stopping(letter.to).first()
        if reason := _unreachable(letter, bounce):
            letter.close(Outcome.GONE, reason)
            return None
        mail = compose(letter, (gather([letter]) if told is None else told).get(letter.pk, []))
        if mail is None:
            letter.close(Outcome.NOTHING, "What it would have told is gone, or not for them to see any more.")
        return mail

    return run.send(letters, message, _refused)


def _gathered(letters: Sequence[Letter]) -> "dict[int | None, list[Notification]] | None":
    """Return what these letters tell; None where that failed for one of them, so that each is to be asked alone."""
    try:
        return gather([letter for letter in letters if letter.sort in CADENCES])
    except Exception as error:
        if is_away(error):
            raise
        log.exception("What %s letters tell could not be gathered together.", len(letters))
        return None


def _unreachable(letter: Letter, bounce: Bounce | None) -> str:
    """Return why there is nobody to write to; nothing where there is."""
    if letter.member and not letter.member.is_active:
        return "The account is closed or suspended."
    if letter.reader and not letter.reader.subscriptions.exists():
        return "They left all their lists."
    return f"{BOUNCED}: {bounce.reason}" if bounce else ""


def _refused(letter: Letter, error: BaseException, said: str) -> None:
    """Stop further mail to an address of which its server says that there is none."""
    if isinstance(error, SMTPRecipientsRefused) and (status := refused_address(said)):
        bounced(letter.to, in_words(status, said))


# Held after a restore: what the database believes is unsent may have been sent long ago


def held() -> str:
    """Return why letters are held, in words; nothing where they go out. Begins a hold where the database was put back, or copied.

    Every sender counts what it sent in the database, and beside it: a database that counts less than the file beside it was put
    back to an earlier day. And the database knows which one it is: one that is another was made from a copy, on this server or
    another. Either holds mail until the operator has looked, and releases it.
    """
    state = _state()
    if state.held_since:
        if state.held_since > timezone.now() + CLOCKS_APART:  # by a clock that ran ahead
            MailState.objects.update(held_since=timezone.now())
        return state.held_why
    beside, database = _beside(), _database()
    if beside > state.sent:
        why = (
            f"The database was put back to an earlier day: {beside - state.sent} mails more were sent than it knows of."
        )
    elif _is_another(state.database, database) or (state.sent and not state.database and not _file().exists()):
        why = "The database was restored from a copy, in another place: what it takes for unsent may have been sent there."
    else:
        if not state.database:
            adopt_database()
        return ""
    hold(why)
    return why


def held_since() -> dt.datetime | None:
    """Return from when on letters are held; None where they go out."""
    return _state().held_since if held() else None


def hold(why: str, *, anew: bool = False) -> None:
    """Let no letter out until it is released. What somebody waits for (codes, confirmations) still goes out, if asked for since.

    One that holds already goes on from when it began; `anew`, as after a restore, from now.
    """
    _state()
    which = MailState.objects.all() if anew else MailState.objects.filter(held_since=None)
    which.update(held_since=timezone.now(), held_why=why[:2000])


def adopt_database() -> None:
    """Take the database as it is for ours: after a first start, and after a move of the whole of it that sent nothing twice."""
    _state()
    MailState.objects.update(database=_database())


@transaction.atomic
def release(*, skip_before: dt.datetime | None = None) -> int:
    """Let mail out again. What was due before `skip_before` is closed unsent, as sent already; return how many that were."""
    _state()
    skipped = 0
    if skip_before:
        for model in (Letter, AccountMail):
            skipped += model.objects.filter(closed_at=None, due_at__lt=skip_before).update(
                outcome=Outcome.NOTHING,
                closed_at=timezone.now(),
                leased_until=None,
                reason="Sent before the database was put back.",
                **model.closing(),
            )
    MailState.objects.update(held_since=None, held_why="", sent=max(_state().sent, _beside()))
    adopt_database()
    for job in (queue.LETTERS, queue.CODES, queue.PUSH):
        queue.wake(job)
    return skipped


def _database() -> str:
    """Return which database on which server this is: the server's identifier, where it tells, and the database's number.

    They survive a restart, a failover, and a move to another machine with all files; not a dump and a restore.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_function_privilege('pg_control_system()', 'execute'), oid::text"
            " FROM pg_database WHERE datname = current_database()"
        )
        may_ask, number = cursor.fetchone()
    server = ""
    if may_ask:  # everybody may, unless whoever keeps the server took that away; then the number must do
        with (
            contextlib.suppress(ProgrammingError, NotSupportedError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
            (server,) = cursor.fetchone()
    return f"{server}:{number}"


def _is_another(known: str, database: str) -> bool:
    """Whether these are two databases. What a server does not tell counts as the same."""
    pairs = zip(known.split(":"), database.split(":"), strict=False)
    return any(before and now and before != now for before, now in pairs)


def _state() -> MailState:
    state, _ = MailState.objects.get_or_create(pk=1)
    return state


def _count(sent: int) -> None:
    """Count what was sent, in the database and beside it. On a full disk only the database knows, until the next count."""
    if not sent:
        return
    with transaction.atomic():
        state = MailState.objects.select_for_update().get(pk=1)
        state.sent += sent
        state.save(update_fields=["sent"])
    path = _file()
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(str(max(state.sent, _beside())))
        fresh.replace(path)
    except OSError as error:
        log.warning("What was sent could not be counted in %s: %s", path, error.strerror)


def _beside() -> int:
    try:
        return int(_file().read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _file() -> Path:
    return Path(settings.VAR_DIR) / "mail_sent"
