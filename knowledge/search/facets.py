"""What else a list's posts are about: the counts beside a list, each leading to a narrower one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from django.db import connection
from django.db.models import Model

from accounts.organizations.models import Organization
from knowledge.posts.listing import Key
from knowledge.posts.rungs import Standing
from knowledge.stored.kept import Kept
from knowledge.stored.stamps import Stamped
from knowledge.topics.models import IssueArea, Place, Tag

AMONG = 1000  # counts are made among the newest this many posts of a list; shown as "1,000+" beyond
SHOWN = 8  # how many of a kind are offered
LAG = 5.0  # seconds: the longest that counts may be behind the posts beside them
MODELS: dict[str, type[Model]] = {"area": IssueArea, "tag": Tag, "place": Place, "organization": Organization}

T = TypeVar("T")
_kept = Kept(256)


@dataclass(frozen=True)
class Counts:
    """How many posts of a list stand where: by standing, and by thing, most first. `total` is bounded by `AMONG`."""

    total: int
    standings: dict[Standing, int]
    things: dict[str, list[tuple[object, int]]]

    @property
    def is_bounded(self) -> bool:
        return self.total >= AMONG


def kept(
    address: str, keys: Iterable[Key], standings: Iterable[Standing], stamped: Stamped, draw: Callable[[Counts], T]
) -> T:
    """What `draw` makes of the counts of a list, among its newest `AMONG` posts, for the page at this address.

    Made again when the list's stamp moved, at most every `LAG` seconds.
    """
    keys, standings = tuple(keys), tuple(standings)
    slot = int(monotonic() / LAG)

    def made() -> tuple[int, int, T]:
        return stamped.number, slot, draw(_count(keys, standings))

    number, since, drawn = _kept.get(address, made)
    if number != stamped.number and since != slot:
        made_now = made()
        _kept.put(address, made_now)
        drawn = made_now[2]
    return drawn


def _count(keys: tuple[Key, ...], standings: tuple[Standing, ...]) -> Counts:
    _, *others = keys
    where = "".join(
        " AND EXISTS (SELECT 1 FROM knowledge_listing o WHERE o.post_id = l.post_id AND o.kind = %s AND o.object_id = %s)"
        for _ in others
    )
    matches = (
        "SELECT l.post_id, l.standing FROM knowledge_listing l WHERE l.kind = %s AND l.object_id = %s"  # noqa: S608
        f"{where}{' AND l.standing = ANY(%s)' if standings else ''} ORDER BY l.published_at DESC, l.post_id DESC LIMIT {AMONG}"
    )
    params = [value for key in keys for value in key] + ([list(map(int, standings))] if standings else [])
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH m AS MATERIALIZED ({matches}), counted AS ("  # noqa: S608 - no part of it was typed by anybody
            " SELECT l.kind, l.object_id, count(*) AS posts FROM m JOIN knowledge_listing l USING (post_id)"
            " WHERE l.kind IN ('area', 'tag', 'place', 'organization', 'standing', 'home') GROUP BY 1, 2),"
            " ranked AS (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY posts DESC, object_id) FROM counted)"
            f" SELECT kind, object_id, posts FROM ranked WHERE row_number <= {SHOWN + len(keys)}",
            params,
        )
        rows = cursor.fetchall()
    by_kind: dict[str, dict[int, int]] = {}
    for kind, object_id, posts in rows:
        by_kind.setdefault(kind, {})[object_id] = posts
    things = {}
    for kind, model in MODELS.items():
        named: Mapping[int, object] = model._default_manager.in_bulk(list(by_kind.get(kind, {})))
        things[kind] = [(named[pk], posts) for pk, posts in by_kind.get(kind, {}).items() if pk in named]
    return Counts(
        total=by_kind.get("home", {}).get(0, 0),
        standings={standing: by_kind.get("standing", {}).get(int(standing), 0) for standing in Standing},
        things=things,
    )
