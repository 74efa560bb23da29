"""Who hears of a fact, written down as one notification each: by whole batches in SQL, and once however often it is done."""

from typing import Any, NamedTuple

from django.db import connection, transaction

from commons import news
from commons.activity.models import Activity
from knowledge.notifications.facts import Fact, fact_of
from knowledge.posts.listing import readers
from knowledge.search.saved import searches_with

BATCH = 10_000  # members told in one transaction

# Of several reasons one has to hear of a thing, the first counts: what concerns oneself, then the most eager subscription.
_HEARD = """
  SELECT DISTINCT ON (who) who, why, kind, object_id, cadence FROM (
    SELECT d.who, d.why, '' AS kind, NULL::bigint AS object_id, coalesce(f.direct, 'at_once') AS cadence, 0 AS rank
    FROM unnest(%(direct)s::bigint[], %(whys)s::text[]) AS d(who, why)
    LEFT JOIN knowledge_following f ON f.member_id = d.who
    UNION ALL
    SELECT s.member_id, 'followed', s.kind, s.object_id, s.cadence,
      array_position(ARRAY['at_once', 'daily', 'weekly', 'site'], s.cadence::text)
    FROM unnest(%(kinds)s::text[], %(ids)s::bigint[]) AS k(kind, object_id)
    JOIN knowledge_subscription s ON s.kind = k.kind AND s.object_id = k.object_id
    WHERE s.member_id > %(after)s AND s.since <= %(at)s AND %(what)s = ANY (s.wants) AND NOT EXISTS (
      SELECT FROM knowledge_muted m WHERE m.member_id = s.member_id AND m.post_id = %(post)s)
  ) AS heard
  WHERE who > %(after)s AND who IS DISTINCT FROM %(by)s
  ORDER BY who, rank LIMIT %(batch)s"""

_HEARD_BY_READERS = """
  SELECT DISTINCT ON (s.reader_id) s.reader_id AS who, 'followed' AS why, s.kind, s.object_id, s.cadence
  FROM unnest(%(kinds)s::text[], %(ids)s::bigint[]) AS k(kind, object_id)
  JOIN knowledge_subscription s ON s.kind = k.kind AND s.object_id = k.object_id
  WHERE s.reader_id > %(after)s AND s.since <= %(at)s AND %(what)s = ANY (s.wants)
  ORDER BY s.reader_id, s.cadence LIMIT %(batch)s"""

_WRITTEN = """
WITH heard AS MATERIALIZED ({heard}),
made AS (
  INSERT INTO knowledge_notification ({column}, activity_id, post_id, what, why, kind, object_id, cadence, at)
  SELECT who, %(activity)s, %(post)s, %(what)s, why, kind, object_id, cadence, %(at)s FROM heard
  WHERE {allowed} ORDER BY who
  ON CONFLICT DO NOTHING RETURNING {column} AS who)
{then}"""

_TELL_PAGES = """,
news AS (
  SELECT pg_notify(%(channel)s, string_agg(who::text, ',')) FROM (
    SELECT who, (row_number() OVER () - 1) / %(most)s AS part FROM made) AS parted GROUP BY part)
SELECT count(*), max(who), (SELECT count(*) FROM news) FROM heard"""

_COUNT = "SELECT count(*), max(who), 0 FROM heard"


class Told(NamedTuple):
    """How many heard of a fact in one batch, made or there already, and the last of them."""

    number: int
    last: int | None


def tell(activity: Activity) -> int:
    """Write a notification for everybody whom an activity concerns and who may see what it is about, now; give their number.

    Each batch is a transaction of its own: what was told stays told, and doing it all again tells nobody twice.
    """
    fact = fact_of(activity)
    if fact is None:
        return 0
    if fact.keys and fact.post:
        fact.keys.update(searches_with(fact.post))
    total = 0
    for batch in (_to_members, _to_readers):
        last: int | None = 0
        while last is not None:
            with transaction.atomic():
                told = batch(fact, last)
            total += told.number
            last = told.last if told.number == BATCH else None
    return total


def _to_members(fact: Fact, after: int) -> Told:
    allowed, params = ("true", ()) if fact.post is None else readers(fact.post.pk)
    asked: dict[str, Any] = {f"p{place}": value for place, value in enumerate(params)}
    for name in asked:
        allowed = allowed.replace("%s", f"%({name})s", 1)
    return _write(
        fact,
        after,
        asked,
        heard=_HEARD,
        column="member_id",
        allowed=f"who IN ({allowed})" if fact.post else "true",
        then=_TELL_PAGES,
    )


def _to_readers(fact: Fact, after: int) -> Told:
    """Readers without an account hear of what everybody may read."""
    if fact.post is None or not fact.keys or not fact.post.is_public:
        return Told(0, None)
    return _write(fact, after, {}, heard=_HEARD_BY_READERS, column="reader_id", allowed="true", then=_COUNT)


def _write(fact: Fact, after: int, asked: dict[str, Any], **parts: str) -> Told:
    keys = sorted(fact.keys)
    direct = {member: str(why) for member, why in fact.direct.items() if member > after}
    asked |= {
        "activity": fact.activity.pk,
        "at": fact.activity.at,
        "by": fact.activity.by_id,
        "post": fact.post.pk if fact.post else None,
        "what": str(fact.what),
        "kinds": [key.kind for key in keys],
        "ids": [key.object_id for key in keys],
        "direct": list(direct),
        "whys": list(direct.values()),
        "after": after,
        "batch": BATCH,
        "channel": news.CHANNEL,
        "most": news.MEMBERS_A_MESSAGE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN.format(**parts), asked)
        number, last, _ = cursor.fetchone()
    return Told(number, last)
