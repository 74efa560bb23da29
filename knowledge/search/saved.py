"""Saved searches: a filtered list to which one subscribes, and which of them a post has just come into."""

import datetime as dt
import logging
from functools import partial
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef
from django.http import QueryDict
from django.utils import timezone

from commons.db.errors import is_away
from commons.each import do_each
from knowledge.posts.listing import Key, keys_of
from knowledge.search.filters import Filters, parse
from knowledge.search.models import SavedSearch
from knowledge.search.question import ASKED, question_of
from knowledge.subscriptions.models import Followable, Subscription

if TYPE_CHECKING:
    from knowledge.posts.models import Post

logger = logging.getLogger(__name__)
BATCH = 1_000  # saved searches asked in one query
KEEP_UNFOLLOWED = dt.timedelta(days=15)  # twice as long as a mail holds that asks whether one wants to follow


def save_search(filters: Filters, name: str) -> SavedSearch:
    """Return the saved search of these filters, saved now; the same list is saved once, however its address was typed.

    Sorting is none of it.
    """
    query = filters.canonical(sort="newest", older_than=None, newer_than=None)
    saved, _ = SavedSearch.objects.update_or_create(
        query=query,
        defaults={"since": timezone.now()},
        create_defaults={
            "listings": [key.stamp for key in filters.keys],
            "standings": [int(standing) for standing in filters.standings],
            "q": filters.q,
            "name": name[:300],
        },
    )
    return saved


def name_of(filters: Filters) -> str:
    """What a filtered list is called: “deposit”, Homelessness, hunch."""
    parts = [f"“{filters.q}”"] if filters.q else []
    parts += [str(thing) for thing in filters.things.values()]
    parts += [standing.label for standing in filters.standings]
    return ", ".join(parts) or "Everything"


def filters_of(saved: SavedSearch) -> Filters:
    """The filters of a saved search. Raises Http404 where something that it names is no longer there."""
    return parse(QueryDict(saved.query))


def searches_with(post: "Post") -> list[Key]:
    """Return the saved searches that this post is in, as things to which one subscribes.

    Only those to which somebody is subscribed: what nobody has confirmed runs for nobody. They are asked by whole batches; where a
    batch fails, each of it alone, so that one that fails stops no other. Two queries for each batch.
    """
    found: list[int] = []
    last = 0
    while batch := _followed_searches(post, after=last):
        last = batch[-1][0]
        found += [pk for pk, q in batch if not q]
        questions = {pk: question for pk, q in batch if (question := question_of(q))}
        try:
            found += _asked_of(post, questions)
        except DatabaseError as error:
            if is_away(error):
                raise
            logger.warning(
                "Saved searches %s to %s cannot be asked at once (%s); one by one.", batch[0][0], last, error
            )
            do_each(
                (f"saved search {pk} for post {post.pk}", partial(_ask_alone, post, pk, question, found))
                for pk, question in questions.items()
            )
    return [Key("search", pk) for pk in found]


def _followed_searches(post: "Post", *, after: int) -> list[tuple[int, str]]:
    """Return the next saved searches that somebody follows and whose listings and standings this post has: keys and words."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, q FROM knowledge_savedsearch s"
            " WHERE s.id > %(after)s AND s.listings <@ %(listings)s::varchar[]"
            " AND (s.standings = '{}' OR %(standing)s = ANY(s.standings))"
            " AND EXISTS (SELECT FROM knowledge_subscription u LEFT JOIN accounts_member m ON m.id = u.member_id"
            "   WHERE u.kind = 'search' AND u.object_id = s.id AND (u.reader_id IS NOT NULL OR m.is_active))"
            " ORDER BY s.id LIMIT %(most)s",
            {
                "after": after,
                "listings": [key.stamp for key in keys_of(post)],
                "standing": int(post.standing),
                "most": BATCH,
            },
        )
        return cursor.fetchall()


def _asked_of(post: "Post", questions: dict[int, str]) -> list[int]:
    """Return the keys of those questions that find this post. One query; where it fails, the transaction goes on."""
    if not questions:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id FROM knowledge_words w, unnest(%(ids)s::bigint[], %(questions)s::text[]) AS a(id, question)"  # noqa: S608
            f" WHERE w.kind = 'post' AND w.object_id = %(post)s AND w.vector @@ {ASKED.format('a.question')} ORDER BY a.id",
            {"ids": list(questions), "questions": list(questions.values()), "post": post.pk},
        )
        return [pk for (pk,) in cursor.fetchall()]


def _ask_alone(post: "Post", pk: int, question: str, found: list[int]) -> None:
    found += _asked_of(post, {pk: question})


def forget_unfollowed(*, now: dt.datetime) -> int:
    """Throw away the saved searches that nobody follows, and that nobody can confirm any more; return how many."""
    followed = Subscription.objects.filter(kind=Followable.SEARCH, object_id=OuterRef("pk"))
    gone, _ = SavedSearch.objects.filter(~Exists(followed), since__lt=now - KEEP_UNFOLLOWED).delete()
    return gone
