# ruff: noqa: S608 - every text put together here is our own
"""Mail that is due: a row made once for each somebody, sort and period. What it tells is gathered once, when it is first sent."""

import datetime as dt
import logging
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.members.models import Member
from commons.delivery import CLOCKS_APART, DUE_AHEAD, Outcome
from commons.locks import Lock, try_for
from knowledge.notifications.models import Bounce, Letter, Notification, Sort
from knowledge.subscriptions.models import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

MORNING = dt.time(7)  # when digests go out, where their reader is
TOGETHER = DUE_AHEAD  # what happens within so long of the last mail as it happens comes in one
CADENCES = (Sort.AT_ONCE, Sort.DAILY, Sort.WEEKLY)  # those that tell notifications, of the cadence of the same name

# Members on holiday are written to when they are back; those of whom we know no address any more, or who are suspended, never
_REACHED = """m.is_active AND NOT EXISTS (
    SELECT FROM knowledge_following f WHERE f.member_id = m.id AND f.paused_until > (%(now)s AT TIME ZONE 'UTC')::date)"""

_AT_ONCE = f"""
  INSERT INTO knowledge_letter (member_id, sort, period, due_at, address, asks, tries, outcome, reason)
  SELECT n.member_id, 'at_once', 'n' || min(n.id), greatest(%(now)s, (
      SELECT max(least(l.closed_at, %(now)s)) + make_interval(secs => %(together)s) FROM knowledge_letter l
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
      WHERE n.{column} = m.id AND n.letter_id IS NULL AND n.cadence = %(sort)s::text
        AND (n.at < z.cut OR n.at > %(ahead)s))
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
                        "ahead": now + CLOCKS_APART,
                        "sort": str(sort),
                        "zones": zones,
                        "cuts": cuts,
                        "periods": [period_of(cut, zone) for cut, zone in zip(cuts, zones, strict=True)],
                    },
                )
                made += cursor.rowcount
    return made


def make_due() -> None:
    """Make all letters that are due, unless somebody does so at this moment. Where one sort cannot be made, the other is."""
    for make in (make_at_once, make_digests):
        try:
            with transaction.atomic():
                if try_for(Lock.LETTERS):
                    make()
        except DatabaseError:
            log.exception("Letters could not be made (%s).", make.__name__)


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


FIRST = (Sort.AT_ONCE, Sort.ANSWER, Sort.CONFIRM)  # they stand behind no morning's digests


def take(
    sorts: "list[Sort]", now: dt.datetime, *, most: int = 1, made_since: dt.datetime | None = None
) -> list[Letter]:
    """Take up the letters that are due longest, and that nobody else has: up to so many; none where there is none.

    They are this sender's for the lease. Whoever is killed in between leaves them to the next.
    """
    open_letters = Letter.objects.select_related("member", "reader")
    if made_since:
        open_letters = open_letters.filter(due_at__gte=made_since)
    letters: list[Letter] = []
    for those in ([sort for sort in sorts if sort in FIRST], [sort for sort in sorts if sort not in FIRST]):
        if those and not letters:
            letters = open_letters.filter(sort__in=those).claim_due(most, now=now)
    return letters


# What these letters tell, gathered when this is first asked: what nobody was written of yet. A notification from a time that has
# not come happened all the same. (OFFSET 0 has each letter look into the index, whatever the tables' sizes are believed to be.)
_GATHER = """
  WITH those AS (
    SELECT l.id AS letter_id, n.id AS notification_id
    FROM knowledge_letter l CROSS JOIN LATERAL (
      SELECT n.id FROM knowledge_notification n
      WHERE n.{column} = l.{column} {alone} AND n.letter_id IS NULL AND n.cadence = l.sort AND NOT n.cadence = 'site'
        AND (l.sort = 'at_once' OR n.at < l.due_at OR n.at > %(ahead)s)
      OFFSET 0) n
    WHERE l.id = ANY(%(letters)s) AND l.{column} IS NOT NULL)
  UPDATE knowledge_notification n SET letter_id = those.letter_id
  FROM those WHERE n.id = those.notification_id AND n.letter_id IS NULL"""


@transaction.atomic
def gather(letters: "Sequence[Letter]") -> dict[int | None, list[Notification]]:
    """Return what each of these letters tells, the newest first, by its number. It stays the same once it was gathered."""
    now = timezone.now()
    fresh = [letter.pk for letter in letters if letter.gathered_at is None and letter.sort in CADENCES]
    locked = Letter.objects.select_for_update().filter(pk__in=fresh, gathered_at=None).order_by("pk")
    if fresh and (numbers := list(locked.values_list("pk", flat=True))):
        ahead = now + CLOCKS_APART
        with connection.cursor() as cursor:
            for column, alone in (("member_id", ""), ("reader_id", "AND n.member_id IS NULL")):
                if any(getattr(letter, column) for letter in letters):
                    cursor.execute(_GATHER.format(column=column, alone=alone), {"letters": numbers, "ahead": ahead})
        Letter.objects.filter(pk__in=numbers).update(gathered_at=now)
    found: dict[int | None, list[Notification]] = {letter.pk: [] for letter in letters}
    for notification in Notification.objects.filter(letter__in=letters).order_by("-pk"):
        found[notification.letter_id].append(notification)
    return found


@transaction.atomic
def send_again(letter: Letter) -> None:
    """Put a letter that was given up, or refused, back among those that are due, whatever came back from its address."""
    Bounce.objects.filter(address__iexact=letter.to).delete()
    Letter.objects.filter(pk=letter.pk, outcome__in=[Outcome.FAILED, Outcome.REFUSED]).update(
        outcome=Outcome.WAITING, closed_at=None, leased_until=None, tries=0, reason=""
    )
