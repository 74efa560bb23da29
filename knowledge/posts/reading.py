"""What a member read last of a post, and whether it has changed since."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import FilteredRelation, Q, Subquery
from django.utils import timezone

from commons.compiled import Compiled
from commons.db.base import optional_write
from knowledge.posts.models import LastRead, Post
from knowledge.subscriptions.models import Cadence, Followable, Subscription

if TYPE_CHECKING:
    from accounts.members.models import Member

VISIT = dt.timedelta(hours=1)  # so long a page that has changed goes on saying so, to be opened again or shared


class Reading(NamedTuple):
    """A member and a post: how often they hear of it, and which version they read last, if ever (as in `LastRead`)."""

    cadence: Cadence | None = None
    number: int = 0
    at: dt.datetime | None = None
    earlier: int | None = None
    earlier_at: dt.datetime | None = None


class Since(NamedTuple):
    """That a post changed since a member read it: the version they read, and when."""

    number: int
    at: dt.datetime


def _build(member: Any, post: Any) -> Any:
    subscriptions = Subscription.objects.filter(member=member, kind=Followable.POST, object_id=post)
    reading = FilteredRelation("last_reads", condition=Q(last_reads__member=member))
    read = (f"reading__{name}" for name in ("number", "at", "earlier", "earlier_at"))
    found = Post.objects.filter(pk=post).annotate(reading=reading)
    return found.values_list(Subquery(subscriptions.values("cadence")), *read)


_reading = Compiled(_build)


def reading_of(member: "Member", post: int) -> Reading:
    """How a member stands to a post, in one query."""
    for cadence, number, *rest in _reading(member.pk, post):
        return Reading(Cadence(cadence) if cadence else None, number or 0, *rest)
    return Reading()


def read(member: int, post: int, shown: int, known: Reading) -> Since | None:
    """Say that a member is reading the version `shown` of a post; gives what they read before, where that was an older one.

    Written only when it is newer than what they read last: reading on costs nothing. That it is written while a page is
    read, and not by a request of its own, costs one small statement for each version a member reads, works without
    scripts, and leaves reading safe (RFC 9110, 9.2.1): it is a note for the reader alone, whom nobody asked to change
    anything.
    """
    now = timezone.now()
    if shown > known.number:
        _keep(member, post, shown, now)
        on_this_visit = known.at is not None and now - known.at < VISIT and known.earlier
        before = (known.earlier, known.earlier_at) if on_this_visit else (known.number, known.at)
        return Since(*before) if before[0] else None  # type: ignore[arg-type]
    if shown == known.number and known.earlier and now - known.at < VISIT:  # type: ignore[operator]
        return Since(known.earlier, known.earlier_at)  # type: ignore[arg-type]
    return None


def wrote(member: int, post: int, number: int, at: dt.datetime) -> None:
    """Say that a member knows a version because it is theirs: nothing has changed for them. Part of a verb."""
    LastRead.objects.bulk_create(
        [LastRead(member_id=member, post_id=post, number=number, at=at)],
        update_conflicts=True,
        unique_fields=["member", "post"],
        update_fields=["number", "at", "earlier", "earlier_at"],
    )


def _keep(member: int, post: int, number: int, now: dt.datetime) -> None:
    """Note what is read. Two pages opened at the same moment leave the same row as one; a full disk leaves none."""
    visit = now - VISIT
    with optional_write(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_lastread AS r (member_id, post_id, number, at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (member_id, post_id) DO UPDATE SET number = EXCLUDED.number, at = EXCLUDED.at,"
            " earlier = CASE WHEN r.at > %s AND r.earlier IS NOT NULL THEN r.earlier ELSE r.number END,"
            " earlier_at = CASE WHEN r.at > %s AND r.earlier IS NOT NULL THEN r.earlier_at ELSE r.at END"
            " WHERE r.number < EXCLUDED.number",
            [member, post, number, now, visit, visit],
        )
