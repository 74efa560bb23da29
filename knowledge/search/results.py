"""Finding posts by words: PostgreSQL full text over what every concept wrote to `words`."""

from typing import TYPE_CHECKING, Any

from django.db import connection

from knowledge.posts.listing import HOME
from knowledge.posts.models import Post
from knowledge.search.filters import Filters

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

CANDIDATES = 500  # only the newest this many matches compete for rank: ranking reads every one of them
SHOWN = 20


def results(
    viewer: "Member | AnonymousUser",
    filters: Filters,
    *,
    by_date: bool = False,
    before: int | None = None,
    shown: int = SHOWN,
) -> tuple[list[int], bool]:
    """The numbers of the posts that match the words and filters, best match first (or newest), and whether more competed.

    With `before` only posts with a lower number are looked at; at most `shown` are given.
    The words are read as people type them (quotes for phrases, - for not, or); as they stand and by English stems.
    """
    keys = [key for key in filters.keys if key != HOME]
    params: dict[str, Any] = {"q": filters.q, "standings": [int(standing) for standing in filters.standings]}
    where = ""
    if before is not None:
        where += " AND w.object_id < %(before)s"
        params["before"] = before
    for position, key in enumerate(keys):
        where += (
            " AND EXISTS (SELECT 1 FROM knowledge_listing o WHERE o.post_id = w.object_id"  # noqa: S608
            f" AND o.kind = %(kind{position})s AND o.object_id = %(object{position})s)"
        )
        params |= {f"kind{position}": key.kind, f"object{position}": key.object_id}
    if filters.standings:
        where += (
            " AND EXISTS (SELECT 1 FROM knowledge_listing o WHERE o.post_id = w.object_id"
            " AND o.kind = 'standing' AND o.object_id = ANY(%(standings)s))"
        )
    order = "object_id DESC" if by_date else "ts_rank(vector, query) DESC, object_id DESC"
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH asked AS (SELECT websearch_to_tsquery('simple', %(q)s) || websearch_to_tsquery('english', %(q)s)"  # noqa: S608
            "   AS query),"
            f" matches AS MATERIALIZED (SELECT w.object_id, w.vector, query FROM asked, knowledge_words w"
            f"   WHERE w.kind = 'post' AND w.vector @@ query{where} ORDER BY w.object_id DESC LIMIT {CANDIDATES})"
            f" SELECT object_id, count(*) OVER () FROM matches ORDER BY {order} LIMIT {shown * 3}",
            params,
        )
        rows = cursor.fetchall()
    numbers = [number for number, _ in rows]
    visible = set(Post.objects.visible_to(viewer).filter(pk__in=numbers).values_list("pk", flat=True))
    return [number for number in numbers if number in visible][:shown], bool(rows) and rows[0][1] >= CANDIDATES
