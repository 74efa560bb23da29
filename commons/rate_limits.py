"""How often something may happen: counted in a table of its own, where what counts is never pushed out by anything else."""

import datetime as dt
import hashlib
import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone

AHEAD_MOST = dt.timedelta(minutes=1)  # a hit later than this from now is of a clock that ran ahead, and is not believed


class RateLimit(models.Model):
    """When one thing happened lately. Its key is a digest: whose address or number it is cannot be read from it."""

    key = models.CharField(max_length=64, primary_key=True)
    hits = ArrayField(models.DateTimeField())
    expires_at = models.DateTimeField(db_index=True)  # from then on none of its hits counts


@dataclass(frozen=True)
class Rate:
    """So many times within so long, in a window that moves with the clock."""

    amount: int
    within: dt.timedelta


@dataclass(frozen=True)
class Exceeded:
    """The rate that one more hit would break, and when it may be tried again."""

    rate: Rate
    until: dt.datetime

    @property
    def seconds(self) -> int:
        """Return how long that is from now, in whole seconds, at least one."""
        return max(math.ceil((self.until - timezone.now()).total_seconds()), 1)


def hit(rates: tuple[Rate, ...], *parts: object) -> Exceeded | None:
    """Count one hit of the thing that `parts` name, if that breaks none of these rates; else count nothing and say which.

    One statement decides and counts: of any number at once, as many get in as may. In a transaction the others wait for its
    end, and a hit that is rolled back was none. Where one thing is counted at different rates, their longest is the same.
    """
    now, longest = timezone.now(), max(rate.within for rate in rates)
    values: dict[str, Any] = {
        "key": _digest(parts),
        "now": now,
        "ahead": now + AHEAD_MOST,
        "oldest": now - longest,
        "expires": now + longest,
    }
    room = []
    for number, rate in enumerate(rates):
        values |= {f"amount_{number}": rate.amount, f"since_{number}": now - rate.within}
        room.append(
            "(SELECT count(*) FROM unnest(counted.hits) hit "  # noqa: S608 - the names of parameters
            f"WHERE hit > %(since_{number})s AND hit <= %(ahead)s) < %(amount_{number})s"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO commons_ratelimit AS counted (key, hits, expires_at) "  # noqa: S608 - put together above
            "VALUES (%(key)s, ARRAY[%(now)s::timestamptz], %(expires)s) "
            "ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, "
            "hits = ARRAY(SELECT hit FROM unnest(counted.hits) hit "
            "WHERE hit > %(oldest)s AND hit <= %(ahead)s ORDER BY hit) "
            f"|| %(now)s::timestamptz WHERE {' AND '.join(room)}",
            values,
        )
        if cursor.rowcount:
            return None
    return _exceeded(rates, values["key"], now)


def throw_away_expired() -> int:
    """Delete the counters of which nothing counts any more; return how many."""
    return RateLimit.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def folded(address: str) -> str:
    """Return an e-mail address as limits count it: however it is written, it is one (`ANA@…`, `ana@…`, a long s for an s).

    The database finds a member by `UPPER(email)`, for which these are the same letters.
    """
    return unicodedata.normalize("NFKC", address.strip()).upper().casefold()


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()


def _exceeded(rates: tuple[Rate, ...], key: object, now: dt.datetime) -> Exceeded:
    """Return the rate that keeps a hit out longest. (A moment later it may be none: then it is the first, from now on.)"""
    hits = RateLimit.objects.filter(key=key).values_list("hits", flat=True).first() or []
    broken = []
    for rate in rates:
        counted = sorted(when for when in hits if now - rate.within < when <= now + AHEAD_MOST)
        if len(counted) >= rate.amount:
            broken.append(Exceeded(rate, counted[-rate.amount] + rate.within if rate.amount else now + rate.within))
    return max(broken, key=lambda exceeded: exceeded.until, default=Exceeded(rates[0], now))
