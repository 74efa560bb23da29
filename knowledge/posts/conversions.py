"""Files that wait in line until the worker has read them: documents in one line, pictures in another.

The verb that takes a file in writes a row and a job in one transaction; no thread of the web waits. In each line the turn goes
round the members: next is always a file of the member who was served longest ago, and a member has one under way at a time.
"""

import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, InterfaceError, OperationalError, connection, models, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from accounts.members.limits import FILES
from accounts.members.models import Member
from commons import apart, queue
from commons.access import require
from commons.delivery import is_over
from commons.each import SomeFailed, do_each
from commons.pace import keep_pace
from knowledge.posts.models import Attachment, Conversion, ConversionKind, ConversionState, Draft, Post

if TYPE_CHECKING:
    from django.core.files.base import File

logger = logging.getLogger(__name__)
JOBS = {ConversionKind.DOCUMENT: queue.DOCUMENTS, ConversionKind.PICTURE: queue.PICTURES}
# How many may wait or be read at a time: of one member (a paste brings up to 40 pictures), and in all
MEMBER_MOST = {ConversionKind.DOCUMENT: 5, ConversionKind.PICTURE: 40}
MOST = {ConversionKind.DOCUMENT: 200, ConversionKind.PICTURE: 1_000}
BYTES_MOST = 2 * 1024 * 1024 * 1024  # of all files that wait
NOUNS = {ConversionKind.DOCUMENT: "documents", ConversionKind.PICTURE: "pictures"}
# Without a beat, until a reading is taken for cut off; each program beats as it begins, and every 5 seconds
LEASE = dt.timedelta(seconds=20)
# The same while the file itself is fetched: a bucket that is away takes a minute to say so
FETCH_LEASE = dt.timedelta(minutes=2)
AWAY_WAIT = dt.timedelta(minutes=1)  # from one try to the next while the storage, the disk or the database is away
AWAY_MOST = dt.timedelta(days=1)  # that a file waits for them, before it is refused
TRIES = 2  # a file whose reading was cut off so often is refused
KEEP = dt.timedelta(days=1)  # rows of files that were read
KEEP_UNFINISHED = dt.timedelta(days=7)  # those of files that nobody read: the worker was away
CLAIMS = 20  # others' claims, met on the way to one's own

BUSY = "Many files are being read at this moment. Nothing was kept; send it again in some minutes."
AWAY = "Files cannot be kept at this moment. Nothing is lost but this; send it again in some minutes."
CUT_OFF = "The reading of this file was cut off twice, and it was not kept. Save it anew, smaller, and send that."
AWAY_LONG = "This file could not be read for a day, and it was not kept. Send it again."
MAY_NOT = "You may not add this any more."


class FilesAway(ValidationError):
    """Files cannot be kept at this moment; the message says so, in words for who sent one."""

    def __init__(self) -> None:
        super().__init__(AWAY)


Beat = Callable[[], object]
Act = Callable[[], Attachment | Draft | models.Model]


@transaction.atomic
def begin_conversion(
    kind: ConversionKind,
    sent: "File[bytes]",
    *,
    by: Member,
    post: Post | None = None,
    typed: dict[str, Any] | None = None,
) -> Conversion:
    """Take a file in and have the worker read it.

    Raises TooOften, and ValidationError where the member has as many in line as one may have, the line is full, or files cannot be
    kept. The member's own count is exact; the others may be passed by a few that come at once.
    """
    keep_pace(FILES, by=by)
    require(by.is_active)
    Member.objects.select_for_update(no_key=True).get(pk=by.pk)  # two at once count each other
    own = Conversion.objects.unfinished(kind).filter(by=by).count()
    if own >= MEMBER_MOST[kind]:
        raise ValidationError(
            f"{own} of your {NOUNS[kind]} wait to be read already. Send this one when some of them have been."
        )
    size = sent.size or 0
    waiting = Conversion.objects.unfinished(kind).aggregate(count=Count("pk"))
    bytes_waiting = Conversion.objects.exclude(file="").aggregate(total=Sum("size"))["total"] or 0
    if waiting["count"] >= MOST[kind] or bytes_waiting + size > BYTES_MOST:
        raise ValidationError(BUSY)
    made = Conversion(kind=kind, by=by, name=_name(sent.name or ""), size=size, post=post, typed=typed or {})
    try:
        sent.seek(0)
        made.file.save(made.name, sent, save=False)
    except OSError:
        logger.exception("A file could not be kept.")
        raise FilesAway from None
    made.save()
    queue.defer(JOBS[kind], timestamp=0)
    return made


def _name(name: str) -> str:
    """A file's name as it was sent, as far as a row can hold it: its end tells its kind."""
    plain = "".join(one for one in PurePath(name).name if one.isprintable())
    return plain[-255:]


def files_before(conversion: Conversion) -> int:
    """Return how many files, at most, come before one that waits: the member's own, and as many turns of each other member."""
    counts = Conversion.objects.unfinished(conversion.kind).exclude(by=conversion.by_id).values("by")
    own = Conversion.objects.unfinished(conversion.kind).filter(by=conversion.by_id, pk__lt=conversion.pk).count()
    return own + sum(min(row["count"], own + 1) for row in counts.annotate(count=Count("pk")))


def claimable(kind: str, *, now: dt.datetime) -> "models.QuerySet[Conversion]":
    """Files whose turn may come: those that wait while no other of their member is being read, unless they are put off, and those
    whose reading was cut off. (Two who claim at once have read the clock one after the other: only a lease far ahead is of a clock
    that ran ahead.)
    """
    is_free = is_over("lease_until", now, FETCH_LEASE)
    cut_off = Q(state=ConversionState.RUNNING) & is_free
    waits = Q(state=ConversionState.WAITING) & (Q(lease_until=None) | is_free)
    running = Conversion.objects.filter(by=OuterRef("by"), kind=kind, state=ConversionState.RUNNING)
    rows: models.QuerySet[Conversion] = Conversion.objects.filter(kind=kind).filter(
        cut_off | (waits & ~Exists(running))
    )
    return rows


def claim(kind: str) -> Conversion | None:
    """Take the next file whose turn it is, under a lease; None when there is none. One that was begun too often is refused."""
    for _ in range(CLAIMS):
        now = timezone.now()
        served = Conversion.objects.filter(by=OuterRef("by"), kind=kind).order_by().values("by")
        try:
            with transaction.atomic():
                found = (
                    claimable(kind, now=now)
                    .annotate(served_at=Subquery(served.annotate(at=Max("started_at")).values("at")))
                    .order_by(F("served_at").asc(nulls_first=True), "pk")
                    .select_for_update(skip_locked=True, of=("self",))
                    .first()
                )
                if found is None:
                    return None
                if found.tries >= TRIES:
                    _refuse(found, CUT_OFF)
                    continue
                found.state, found.tries = ConversionState.RUNNING, found.tries + 1
                found.started_at, found.lease_until = now, now + FETCH_LEASE
                found.save(update_fields=["state", "tries", "started_at", "lease_until"])
                return found
        except IntegrityError:
            continue  # another of this member was begun at this moment
    return None


def convert_next(kind: ConversionKind, read: Callable[[Conversion, "File[bytes]", Beat], Act]) -> None:
    """Read the file whose turn it is, where there is one, and have the next one's job run.

    `read` looks at the file, outside of any transaction, and returns the verb that keeps what came of it: that runs in one
    transaction with the row, so it is done once however often the reading was begun. A ValidationError of either refuses the
    file, with its words; while the storage, the disk or the database is away, it waits.
    """
    conversion = claim(kind)
    if conversion is not None:
        _convert(conversion, read)
    if claimable(kind, now=timezone.now()).exists():  # asked after the row is closed: its member's next waited for that
        queue.defer(JOBS[kind], timestamp=0)


def _convert(conversion: Conversion, read: Callable[[Conversion, "File[bytes]", Beat], Act]) -> None:
    try:
        with conversion.file.storage.open(str(conversion.file.name)) as file:
            file.name = conversion.name
            _beat(conversion)
            act = read(conversion, file, partial(_beat, conversion))
        _beat(conversion)
        _keep(conversion, act)
    except (FilesAway, OSError, OperationalError, InterfaceError):
        logger.exception("A file that waits could not be read, or not be kept.")
        if not connection.is_usable():
            connection.close()  # the next query makes it anew
        _put_off(conversion)
    except ValidationError as refused:
        _close(conversion, refused=" ".join(refused.messages))
    except PermissionDenied as refused:
        _close(conversion, refused=str(refused) or MAY_NOT)
    except apart.Stopped:
        _wait_again(conversion, counts=False)
    except apart.Interrupted:
        _wait_again(conversion)
    except Exception:
        logger.exception("A file could not be converted.")
        _wait_again(conversion)


@transaction.atomic
def _keep(conversion: Conversion, act: Act) -> None:
    """Do the verb, and close the row with what came of it."""
    held = _held(conversion)
    if held is None:
        return  # another has taken it up meanwhile
    made = act()
    held.state, held.finished_at, held.lease_until = ConversionState.DONE, timezone.now(), None
    if isinstance(made, Draft):
        held.draft = made
    elif isinstance(made, Attachment):
        held.attachment = made
    held.typed = {}
    _let_go(held)
    held.save()


@transaction.atomic
def _close(conversion: Conversion, *, refused: str) -> None:
    if held := _held(conversion):
        _refuse(held, refused)


@transaction.atomic
def _wait_again(conversion: Conversion, *, counts: bool = True) -> None:
    """Let a file wait for another turn; one that had as many as there are is refused. A turn that does not count is as none."""
    held = _held(conversion)
    if held is None:
        return
    if not counts:
        held.tries -= 1
    if held.tries >= TRIES:
        _refuse(held, CUT_OFF)
        return
    held.state, held.lease_until = ConversionState.WAITING, None
    held.save(update_fields=["state", "lease_until", "tries"])


@transaction.atomic
def _put_off(conversion: Conversion) -> None:
    """Let a file wait that could not be read by no fault of its own: its turn counts as none, and the next comes after
    `AWAY_WAIT`. One that waited for longer than `AWAY_MOST` is refused.
    """
    held, now = _held(conversion), timezone.now()
    if held is None:
        return
    if held.created_at < now - AWAY_MOST:
        _refuse(held, AWAY_LONG)
        return
    held.state, held.lease_until, held.tries = ConversionState.WAITING, now + AWAY_WAIT, held.tries - 1
    held.save(update_fields=["state", "lease_until", "tries"])


def _refuse(held: Conversion, words: str) -> None:
    held.state, held.refused, held.finished_at, held.lease_until = (
        ConversionState.REFUSED,
        words,
        timezone.now(),
        None,
    )
    _let_go(held)
    held.save()


def _held(conversion: Conversion) -> Conversion | None:
    """The row, locked; None where its reading is not this one's any more."""
    mine = {"pk": conversion.pk, "state": ConversionState.RUNNING, "tries": conversion.tries}
    held: Conversion | None = Conversion.objects.select_for_update(of=("self",)).filter(**mine).first()
    return held


def _beat(conversion: Conversion) -> None:
    """Hold on to a file while its programs run, and until what they read is kept."""
    mine = {"pk": conversion.pk, "state": ConversionState.RUNNING, "tries": conversion.tries}
    Conversion.objects.filter(**mine).update(lease_until=timezone.now() + LEASE)


def _let_go(held: Conversion) -> None:
    """Throw the file away, once it is certain that its row needs it no more."""
    if held.file.name:
        transaction.on_commit(partial(held.file.storage.delete, held.file.name), robust=True)
        held.file = ""


def wake_waiting() -> None:
    """Have jobs run for the files whose turn may come: those that were put off, and those that a killed worker took with it."""
    now = timezone.now()
    for kind, job in JOBS.items():
        if claimable(kind, now=now).exists():
            queue.defer(job, timestamp=0)


def forget_conversions(*, now: dt.datetime) -> None:
    """Throw away rows of files that were read, and files that no row names: those of a transaction that was undone.

    One that fails stops no other: SomeFailed is raised once all the others are done.
    """
    old = Q(finished_at__lt=now - KEEP) | Q(created_at__lt=now - KEEP_UNFINISHED)
    those = list(Conversion.objects.filter(old).values_list("pk", flat=True))
    rows = ((f"file {pk} that waited", partial(_forget, pk)) for pk in those)
    files = ((f"{path}, which no row names", partial(_forget_file, path, before=now - KEEP)) for path in _kept())
    if failed := do_each(chain(rows, files)):
        raise SomeFailed(failed)


@transaction.atomic
def _forget(pk: int) -> None:
    held = Conversion.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if held is not None:
        _let_go(held)
        held.delete()


def _forget_file(path: str, *, before: dt.datetime) -> None:
    with contextlib.suppress(FileNotFoundError):  # it went meanwhile
        if default_storage.get_modified_time(path) < before and not Conversion.objects.filter(file=path).exists():
            default_storage.delete(path)


def _kept() -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError):  # none was ever kept
        for name in default_storage.listdir(Conversion.FOLDER)[1]:
            yield f"{Conversion.FOLDER}/{name}"
