"""Finding posts by words: PostgreSQL full text over what every concept wrote to `words`, within a time of its own."""

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import OperationalError, connection, transaction

from commons.db.errors import Fault, fault_of
from knowledge.posts.listing import HOME
from knowledge.posts.models import Post
from knowledge.search.filters import Filters
from knowledge.search.question import ASKED, question_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

CANDIDATES = 500  # only the newest this many matches compete for rank: ranking reads every one of them
SHOWN = 20
SECONDS = 2.0  # of the database, for one search
NEWEST = 500  # where that is not enough, the newest so many posts are looked through
NEWEST_SECONDS = 0.3  # in this time
TOO_MUCH = "There is more than could be looked through. Add a word, or choose a filter, to narrow it."


class Results(NamedTuple):
    """What a search found."""

    numbers: list[int]  # of the posts, as they are to be shown
    is_bounded: bool = False  # more matched than competed
    is_whole: bool = True  # nothing was left out because it would have taken too long: else it is asked anew each time


def results(
    viewer: "Member | AnonymousUser",
    filters: Filters,
    *,
    by_date: bool = False,
    before: int | None = None,
    shown: int = SHOWN,
    seconds: float | None = None,
) -> Results:
    """Return the posts that match the words and filters, best match first (or newest).

    With `before` only posts with a lower number are looked at; at most `shown` are given. The words are read as people type
    them (see `question_of`); as they stand and by English stems. A question that takes the database longer than `seconds`
    (`SECONDS`) is cancelled, and asked of the newest posts alone.
    """
    question = question_of(filters.q)
    if not question:
        return Results([])
    limit, is_whole = SECONDS if seconds is None else seconds, True
    asked: dict[str, Any] = {"filters": filters, "question": question, "by_date": by_date, "before": before}
    rows = _within(limit, *_matches(**asked, limit=shown * 3))
    if rows is None:
        is_whole = False
        rows = _within(min(limit, NEWEST_SECONDS), *_matches(**asked, limit=shown * 3, newest=NEWEST)) or []
    numbers = [number for number, _ in rows]
    visible = set(Post.objects.visible_to(viewer).filter(pk__in=numbers).values_list("pk", flat=True))
    return Results(
        [number for number in numbers if number in visible][:shown],
        is_bounded=bool(rows) and rows[0][1] >= CANDIDATES,
        is_whole=is_whole,
    )


def _within(seconds: float, sql: str, params: dict[str, Any]) -> list[tuple[int, int]] | None:
    """Ask the database for so many seconds at the most; None where that, or the memory it has, was not enough."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{max(int(seconds * 1000), 1)}ms"])
            cursor.execute(sql, params)
            rows = cursor.fetchall()
            transaction.set_rollback(True)  # nothing was written, and what surrounds this gets its own limit back
            return rows
    except OperationalError as error:
        if fault_of(error) is Fault.SLOW:
            return None
        raise


def _matches(
    filters: Filters, question: str, *, by_date: bool, before: int | None, limit: int, newest: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the query of what matches, with its parameters; with `newest`, only among so many of the newest posts."""
    keys = [key for key in filters.keys if key != HOME]
    params: dict[str, Any] = {"q": question, "standings": [int(standing) for standing in filters.standings]}
    older = ""
    if before is not None:
        older = " AND object_id < %(before)s"
        params["before"] = before
    where = older
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
    words = "knowledge_words"
    if newest is not None:  # OFFSET 0: they are gathered first, whatever the planner believes of the words
        words = f"(SELECT * FROM {words} WHERE kind = 'post'{older} ORDER BY object_id DESC LIMIT {newest} OFFSET 0)"  # noqa: S608
    return (
        f"WITH asked AS (SELECT {ASKED.format('%(q)s')} AS query),"  # noqa: S608 - what was typed is a parameter
        f" matches AS MATERIALIZED (SELECT w.object_id, w.vector, query FROM asked, {words} w"
        f"   WHERE w.kind = 'post' AND w.vector @@ query{where} ORDER BY w.object_id DESC LIMIT {CANDIDATES})"
        f" SELECT object_id, count(*) OVER () FROM matches ORDER BY {order} LIMIT {limit}",
        params,
    )
