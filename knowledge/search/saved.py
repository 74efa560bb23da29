"""Saved searches: a filtered list to which one subscribes, and which of them a post has just come into."""

from typing import TYPE_CHECKING

from django.db import connection
from django.http import QueryDict

from knowledge.posts.listing import Key, keys_of
from knowledge.search.filters import Filters, parse
from knowledge.search.models import SavedSearch

if TYPE_CHECKING:
    from knowledge.posts.models import Post


def save_search(filters: Filters, name: str) -> SavedSearch:
    """The saved search of these filters; the same list is saved once, however its address was typed. Sorting is none of it."""
    query = filters.canonical(sort="newest", older_than=None, newer_than=None)
    saved, _ = SavedSearch.objects.get_or_create(
        query=query,
        defaults={
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
    """The saved searches that this post is in, as things to which one subscribes. One query."""
    listings = [key.stamp for key in keys_of(post)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM knowledge_savedsearch s"
            " WHERE s.listings <@ %(listings)s::varchar[]"
            " AND (s.standings = '{}' OR %(standing)s = ANY(s.standings))"
            " AND (s.q = '' OR EXISTS (SELECT FROM knowledge_words w WHERE w.kind = 'post' AND w.object_id = %(post)s"
            "   AND w.vector @@ (websearch_to_tsquery('simple', s.q) || websearch_to_tsquery('english', s.q))))",
            {"listings": listings, "standing": int(post.standing), "post": post.pk},
        )
        return [Key("search", pk) for (pk,) in cursor.fetchall()]
