# ruff: noqa: S608 - every text put together here is our own
"""Mail that is due: a row made once for each somebody, sort and period. What it tells is gathered once, when it is first sent."""

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.members.models import Member
from knowledge.notifications.models import Bounce, Letter, Notification, Outcome, Sort
from knowledge.subscriptions.models import Reader

if TYPE_CHECKING:
    from django.db.models import QuerySet

MORNING = dt.time(7)  # when digests go out, where their reader is
TOGETHER = dt.timedelta(minutes=10)  # what happens within so long of the last mail as it happens comes in one
CADENCES = {Sort.AT_ONCE: "at_once", Sort.DAILY: "daily", Sort.WEEKLY: "weekly"}

# Members on holiday are written to when they are back; those of whom we know no address any more, or who are suspended, never
_REACHED = """m.is_active AND NOT EXISTS (
    SELECT FROM knowledge_following f WHERE f.member_id = m.id AND f.paused_until > (%(now)s AT TIME ZONE 'UTC')::date)"""

_AT_ONCE = f"""
  INSERT INTO knowledge_letter (member_id, sort, period, due_at, address, asks, tries, outcome, reason)
  SELECT n.member_id, 'at_once', 'n' || min(n.id), greatest(%(now)s, (
      SELECT max(l.closed_at) + make_interval(secs => %(together)s) FROM knowledge_letter l
      WHERE l.member_id = n.member_id AND l.sort = 'at_once' AND l.outcome = 'sent')), '', '{{}}', 0, '', ''
  FROM knowledge_notification n JOIN accounts_member m ON m.id = n.member_id
  WHERE n.letter_id IS NULL AND n.cadence = 'at_once' AND n.member_id IS NOT NULL AND {_REACHED}
  GROUP BY n.member_id ORDER BY n.member_id
  ON CONFLICT DO NOTHING"""

_ZONES = "unnest(%(zones)s::text[], %(cuts)s::timestamptz[], %(periods)s::text[]) AS z(zone, cut, period)"
_DIGESTS = """
  INSERT INTO knowledge_letter ({column}, sort, period, due_at, address, asks, tries, outcome, reason)
  SELECT m.id, %(sort)s::text, z.period, z.cut, '', '{{}}', 0, '', ''
  FROM {zones} JOIN {table} m ON m.time_zone = z.zone
  WHERE {reached}
    AND NOT EXISTS (SELECT FROM knowledge_letter l
      WHERE l.{column} = m.id AND l.sort = %(sort)s::text AND l.period = z.period)
    AND EXISTS (SELECT FROM knowledge_notification n
      WHERE n.{column} = m.id AND n.letter_id IS NULL AND n.cadence = %(sort)s::text AND n.at < z.cut)
  ORDER BY m.id
  ON CONFLICT DO NOTHING"""


def make_at_once(now: dt.datetime | None = None) -> int:
    """Make the letter due to each member of whose things something happened; give their number. Twice is once.

    The first comes at once; what happens within ten minutes of it comes together in the next.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AT_ONCE, {"now": now or timezone.now(), "together": TOGETHER.total_seconds()})
        return cursor.rowcount


def make_digests(now: dt.datetime | None = None) -> int:
    """Make the daily and weekly digests that are due by now, where their reader is; give their number. Twice is once.

    A digest tells what happened until the last morning (of a week: Monday's). Whoever was away makes one for the whole gap.
    """
    now = now or timezone.now()
    made = 0
    for sort in (Sort.DAILY, Sort.WEEKLY):
        for column, table in (("member_id", Member._meta.db_table), ("reader_id", Reader._meta.db_table)):
            zones = [
                *(Member if column == "member_id" else Reader).objects.values_list("time_zone", flat=True).distinct()
            ]
            cuts = [morning(now, zone, weekly=sort == Sort.WEEKLY) for zone in zones]
            reached = _REACHED if column == "member_id" else "true"
            with connection.cursor() as cursor:
                cursor.execute(
                    _DIGESTS.format(column=column, table=table, zones=_ZONES, reached=reached),
                    {
                        "now": now,
                        "sort": str(sort),
                        "zones": zones,
                        "cuts": cuts,
                        "periods": [period_of(cut, zone) for cut, zone in zip(cuts, zones, strict=True)],
                    },
                )
                made += cursor.rowcount
    return made


def morning(now: dt.datetime, zone: str, *, weekly: bool) -> dt.datetime:
    """The last morning there was in this time zone: today's or yesterday's; of a week, that of its Monday.

    By the clock on the wall, so that a digest comes at seven on both sides of daylight saving.
    """
    local = now.astimezone(zone_of(zone))
    day = local.date()
    if local.time() < MORNING:
        day -= dt.timedelta(days=1)
    if weekly:
        day -= dt.timedelta(days=day.weekday())
    return dt.datetime.combine(day, MORNING, tzinfo=zone_of(zone)).astimezone(dt.UTC)


def period_of(cut: dt.datetime, zone: str) -> str:
    """The name of the period that ends with this morning: its date, where that morning was."""
    return cut.astimezone(zone_of(zone)).date().isoformat()


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; UTC where there is none by that name any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


LEASE = dt.timedelta(minutes=5)  # how long one letter may take; a sender that died lets it go then


def take(sorts: "list[Sort]", now: dt.datetime) -> Letter | None:
    """Take up the letter that is due longest, and that nobody else has; None where there is none.

    It is this sender's for some minutes. Whoever is killed in between leaves it to the next.
    """
    with transaction.atomic():
        letter = (
            Letter.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("member", "reader")
            .filter(Q(leased_until=None) | Q(leased_until__lte=now), closed_at=None, due_at__lte=now, sort__in=sorts)
            .order_by("due_at", "pk")
            .first()
        )
        if letter is None:
            return None
        letter.leased_until, letter.tries = now + LEASE, letter.tries + 1
        letter.save(update_fields=["leased_until", "tries"])
    return letter


@transaction.atomic
def gather(letter: Letter) -> "QuerySet[Notification]":
    """What a letter tells, gathered when this is first asked: what nobody was written of yet. It stays the same afterwards."""
    letter = Letter.objects.select_for_update().get(pk=letter.pk)
    if letter.gathered_at is None:
        those = Notification.objects.filter(
            member=letter.member_id, reader=letter.reader_id, letter=None, cadence=CADENCES[Sort(letter.sort)]
        )
        if letter.sort != Sort.AT_ONCE:
            those = those.filter(at__lt=letter.due_at)
        those.update(letter=letter)
        letter.gathered_at = timezone.now()
        letter.save(update_fields=["gathered_at"])
    return letter.notifications.order_by("-pk")  # type: ignore[attr-defined]


def close(letter: Letter, outcome: Outcome, reason: str = "") -> None:
    """Write down what became of a letter, and why."""
    Letter.objects.filter(pk=letter.pk, closed_at=None).update(
        outcome=outcome, reason=reason[:2000], closed_at=timezone.now(), leased_until=None
    )


@transaction.atomic
def send_again(letter: Letter) -> None:
    """Put a letter that was given up, or refused, back among those that are due, whatever came back from its address."""
    Bounce.objects.filter(address__iexact=letter.to).delete()
    Letter.objects.filter(pk=letter.pk, outcome__in=[Outcome.FAILED, Outcome.REFUSED]).update(
        outcome=Outcome.WAITING, closed_at=None, leased_until=None, tries=0, reason=""
    )
