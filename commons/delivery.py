"""What is to be delivered (mail, push): a row each, taken up by one sender at a time, tried again later, and closed with a word
on what became of it.

A sender has a row for as long as its *lease*. One that is killed lets go of it when the lease is over; one that is slow, and
alive, renews it, so that nobody else sends the same.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from smtplib import SMTPException
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from commons import gate, mail, queue
from commons.db.errors import is_away

log = logging.getLogger(__name__)

LONGEST_WAIT = dt.timedelta(hours=6)  # between two tries
# How far the clocks of two machines may be apart. What a clock that ran ahead wrote down is further, and is not believed
CLOCKS_APART = dt.timedelta(minutes=10)
DUE_AHEAD = dt.timedelta(minutes=10)  # the furthest ahead that any mail is made due
LEASE = dt.timedelta(seconds=50)  # of mail: longer than one mail may take, and shorter than a minute
SPARE = dt.timedelta(seconds=5)  # what is left of a lease when a mail that takes longest is over
SOON = dt.timedelta(minutes=1)  # what is due within so long is waited for; the schedule finds the rest
CUT_OFF_MOST = 2  # mails in a row that are cut off, after which the server counts as away
RUN_SECONDS = 50.0  # a run ends after so long, and asks for another where something is left


class Outcome(models.TextChoices):
    """What became of what was to be delivered."""

    WAITING = "", "Waiting"
    SENT = "sent", "Sent"
    NOTHING = "nothing", "Nothing left to tell"
    GONE = "gone", "Nobody to send it to"
    REFUSED = "refused", "Refused for good"
    FAILED = "failed", "Given up"


def is_over(field: str, now: dt.datetime, longest: dt.timedelta = LONGEST_WAIT) -> Q:
    """Return the condition that the time in a field has come, or is further ahead than anything is ever put off.

    The second was written by a clock that ran ahead, and would else have to be waited for.
    """
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + CLOCKS_APART})


def backoff(
    tries: int, *, first: dt.timedelta = dt.timedelta(minutes=2), most: dt.timedelta = LONGEST_WAIT
) -> dt.timedelta:
    """Return how long to wait after so many tries (1 is the first): each time twice as long as before, up to `most`."""
    return min(first * 2 ** min(max(tries - 1, 0), 20), most)


class DeliveryQuerySet(models.QuerySet[Any]):
    def free(self, now: dt.datetime) -> Self:
        """Keep those that are open, and that no sender has or has put off."""
        return self.filter(Q(leased_until=None) | is_over("leased_until", now), closed_at=None)

    def claim(self, most: int, *, lease: dt.timedelta, now: dt.datetime, **changes: Any) -> list[Any]:
        """Take up to so many of these that are free, in their order, and return them. They are this caller's for the lease."""
        with transaction.atomic():
            rows = list(self.free(now).select_for_update(skip_locked=True, of=("self",))[:most])
            if rows:
                self.model._default_manager.filter(pk__in=[row.pk for row in rows]).update(
                    leased_until=now + lease, **changes
                )
        for row in rows:
            row.leased_until = now + lease
        return rows

    def free_again_at(self, now: dt.datetime) -> dt.datetime | None:
        """Return when the first of these becomes free, where that is soon (within a minute)."""
        later = self.filter(closed_at=None, leased_until__gt=now, leased_until__lte=now + SOON)
        found: dt.datetime | None = later.aggregate(at=models.Min("leased_until"))["at"]
        return found


class Delivery(models.Model):
    """One thing that is to be delivered to one somebody."""

    # Until when nobody else takes it up: while it is being sent, or until it is tried again
    leased_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.WAITING, blank=True)
    reason = models.CharField("why, in words", max_length=gate.REASON, blank=True)

    objects: ClassVar[Any] = DeliveryQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def closing(cls) -> dict[str, Any]:
        """Return what else changes in a row that is closed."""
        return {}

    def close(self, outcome: Outcome, reason: str = "") -> None:
        """Write down what became of it, and why. What is closed stays as it is."""
        type(self)._default_manager.filter(pk=self.pk, closed_at=None).update(
            outcome=outcome,
            reason=reason[: gate.REASON],
            closed_at=timezone.now(),
            leased_until=None,
            **self.closing(),
        )

    def put_off(self, wait: dt.timedelta, reason: str) -> None:
        """Leave it alone for so long, and write down why."""
        type(self)._default_manager.filter(pk=self.pk, closed_at=None).update(
            leased_until=timezone.now() + wait, reason=reason[: gate.REASON]
        )


class MailDeliveryQuerySet(DeliveryQuerySet):
    def claim_due(self, most: int, *, now: dt.datetime) -> list[Any]:
        """Take up to so many of these that are due, the longest due first; that is one try of each. See `claim`."""
        due = self.filter(is_over("due_at", now, DUE_AHEAD)).order_by("due_at", "pk")
        rows = due.claim(most, lease=LEASE, now=now, tries=F("tries") + 1)
        for row in rows:
            row.tries += 1
        return rows


class MailDelivery(Delivery):
    """One mail that is due to somebody."""

    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar[Any] = MailDeliveryQuerySet.as_manager()

    class Meta:
        abstract = True

    def try_later(self, words: str) -> None:
        """Put it off, or give it up, after a try that failed, with what was said."""
        raise NotImplementedError

    def refuse(self, words: str) -> None:
        """Close it: the mail server said that it will never take it."""
        self.close(Outcome.REFUSED, f"The mail server refused it: {words}")


Row = TypeVar("Row", bound=MailDelivery)


class MailRun:
    """One run of one sender: a connection that is kept, and the rows it claims, until none is left or the time is up.

    Several run beside each other, here and on other machines. A run that finds more than it takes asks for another beside it, so
    that as many senders work as the worker's lane has room for. It ends early when the mail server is away, since the next
    mail would fare no better, and when the worker is to stop.
    """

    def __init__(self, job: str, *, seconds: float = RUN_SECONDS) -> None:
        self.job = job
        self.sent = 0
        self.is_away = False
        self._until = time.monotonic() + seconds
        self._server = mail.KeptConnection()
        self._cut_off = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def rows(self, claim: Callable[[], Sequence[Row]], most: int) -> Iterable[Sequence[Row]]:
        """Give what `claim` takes up (`most` rows at the most), until it takes up nothing, or this run is over."""
        while not self.is_away:
            if time.monotonic() >= self._until or queue.stopping.is_set():
                queue.wake(self.job)
                return
            claimed = claim()
            if not claimed:
                return
            if len(claimed) == most:
                queue.wake(self.job)
            yield claimed

    def send(
        self,
        rows: Sequence[Row],
        compose: Callable[[Row], Any],
        refused: Callable[[Row, BaseException, str], None] = lambda row, error, words: None,
    ) -> int:
        """Send these rows, each as what `compose` makes of it, or nothing where that closed it; return how many were sent.

        One that fails holds up no other: it is put off alone, or closed where the server will never take it (`refused` hears that).
        """
        sent, ends = 0, time.monotonic() + LEASE.total_seconds()
        waiting = list(rows)
        while waiting:
            if queue.stopping.is_set() or self.is_away:
                _let_go(waiting)
                break
            if ends - time.monotonic() < mail.SEND_SECONDS + SPARE.total_seconds() / 2:
                waiting, ends = _renewed(waiting), time.monotonic() + LEASE.total_seconds()
                if not waiting:
                    break
            sent += self._send(waiting.pop(0), compose, refused)
        self.sent += sent
        return sent

    def _send(self, row: Row, compose: Callable[[Row], Any], refused: Callable[[Row, BaseException, str], None]) -> int:
        try:
            message = compose(row)
            if message is None:
                return 0
            self._server.send(message)
        except mail.Away as error:
            self.is_away = True
            row.try_later(mail.in_words(error))
        except (SMTPException, OSError) as error:
            if words := mail.refused_for_good(error):
                row.refuse(words)
                refused(row, error, words)
            else:
                self._cut_off = 0 if mail.is_answer(error) else self._cut_off + 1
                self.is_away = self._cut_off >= CUT_OFF_MOST
                row.try_later(mail.in_words(error))
        except Exception as error:
            if is_away(error):
                raise  # for all of them
            log.exception("%s %s could not be made.", type(row).__name__, row.pk)
            row.try_later(type(error).__name__)
        else:
            row.close(Outcome.SENT)
            self._cut_off = 0
            return 1
        return 0


def _let_go(rows: Sequence[Row]) -> None:
    """Give rows back untried: they are free at once."""
    if rows:
        _still_ours(rows).update(leased_until=None, tries=F("tries") - 1)


def _renewed(rows: Sequence[Row]) -> list[Row]:
    """Begin the lease of these rows anew; return those that nobody else has taken up meanwhile."""
    until = timezone.now() + LEASE
    with transaction.atomic():
        ours = set(_still_ours(rows).select_for_update().values_list("pk", flat=True))
        type(rows[0])._default_manager.filter(pk__in=ours).update(leased_until=until)
    for row in rows:
        row.leased_until = until
    return [row for row in rows if row.pk in ours]


def _still_ours(rows: Sequence[Row]) -> "models.QuerySet[Any]":
    """Return those of these rows whose lease is still the one under which they were claimed."""
    same = Q(pk__in=[row.pk for row in rows], leased_until=rows[0].leased_until, closed_at=None)
    return type(rows[0])._default_manager.filter(same)
