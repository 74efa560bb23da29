"""Who holds the key of a private feed, and what they follow as one list."""

from collections.abc import Mapping, Sequence
from time import monotonic

from django.db import connection
from django.http import Http404

from accounts.members.models import Member
from knowledge.feeds.forms import Form
from knowledge.posts.following import followed
from knowledge.posts.listing import EPOCH, MICROSECOND, Row, listed
from knowledge.posts.models import Post
from knowledge.search.filters import Filters
from knowledge.search.lists import PAGE_SIZE
from knowledge.search.models import SavedSearch
from knowledge.search.results import CANDIDATES, SECONDS, TOO_MUCH, results
from knowledge.search.saved import filters_of
from knowledge.stored.fragments import Read
from knowledge.stored.stamps import NEVER, Stamped
from knowledge.subscriptions.models import Followable, Subscription

SEARCHES = 20  # saved searches of one member that are looked through, the newest


def holder_of(key: str) -> tuple[Member, Stamped] | None:
    """The member whose feed has this key, and a stamp for all they follow; None for a key that is nobody's, or ended.

    One query. The stamp's number is the sum of those of each listing followed: it grows with any of them. That the
    member follows something else by now, their own stamp says.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, m.handle, m.personal_stamp, coalesce(sum(s.number), 0)"
            " FROM knowledge_following f JOIN accounts_member m ON m.id = f.member_id AND m.is_active"
            " LEFT JOIN knowledge_subscription u ON u.member_id = m.id AND u.kind <> 'post'"
            " LEFT JOIN knowledge_savedsearch q ON u.kind = 'search' AND q.id = u.object_id"
            # Looked up row by row, whatever the planner believes of the table
            " LEFT JOIN LATERAL (SELECT number FROM knowledge_stamp WHERE listing = CASE u.kind WHEN 'search'"
            "   THEN coalesce(q.listings[1], 'home') ELSE u.kind || '-' || u.object_id END OFFSET 0) s ON true"
            " WHERE f.feed_key = %s GROUP BY m.id",
            [key],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    pk, handle, personal_stamp, number = row
    return Member(pk=pk, handle=handle, personal_stamp=personal_stamp), Stamped(int(number), NEVER, 0)


class Followed:
    """What one member follows and may see, saved searches too. What they follow changes: the feed is paged, and no archive."""

    size = PAGE_SIZE
    is_archived = False

    def __init__(self, member: Member, form: Form) -> None:
        self.member = member
        self.fragment = form.fragment
        self.read: Mapping[int, Read] = {}
        self.note = ""

    def rows(self, *, older_than: Row | None = None, newer_than: Row | None = None, limit: int) -> list[Row]:
        rows, self.read = followed(self.member, older_than=older_than, limit=limit, fragment=self.fragment)
        found = {*rows, *self._searched(older_than, limit)}
        return sorted(found, key=lambda row: (row.at, row.number), reverse=True)[:limit]

    def written(self, rows: Sequence[Row], form: Form) -> list[str]:
        numbers = [row.number for row in rows]
        read = self.read if all(number in self.read for number in numbers) else None
        return form.of_posts(numbers, read)

    def _searched(self, older_than: Row | None, limit: int) -> set[Row]:
        """Return the newest posts in the member's saved searches, but for those muted: a few queries each.

        Together they have as long as one search.
        """
        until = monotonic() + SECONDS
        searches = Subscription.objects.of(self.member).filter(kind=Followable.SEARCH).order_by("-pk")[:SEARCHES]
        saved = list(SavedSearch.objects.filter(pk__in=list(searches.values_list("object_id", flat=True))))
        muted = set(self.member.muted.values_list("post", flat=True)) if saved else set()
        found: set[Row] = set()
        for search in saved:
            try:
                filters = filters_of(search)
            except Http404:
                continue  # what it names is no longer there
            if not filters.q:
                more = limit + len(muted)
                found.update(
                    listed(
                        self.member, keys=filters.keys, standings=filters.standings, older_than=older_than, limit=more
                    )
                )
            elif (left := until - monotonic()) > 0:
                found.update(self._with_words(filters, older_than, left))
            else:
                self.note = TOO_MUCH
        return {row for row in found if row.number not in muted}

    def _with_words(self, filters: Filters, older_than: Row | None, seconds: float) -> list[Row]:
        """Return the newest posts with these words, as far as a search looks, with the times that lists are sorted by."""
        found = results(self.member, filters, by_date=True, shown=CANDIDATES, seconds=seconds)
        if not found.is_whole:
            self.note = TOO_MUCH
        times = Post.objects.filter(pk__in=found.numbers).values_list("pk", "published_at")
        rows = [Row(pk, (at - EPOCH) // MICROSECOND) for pk, at in times]
        return [row for row in rows if not older_than or (row.at, row.number) < (older_than.at, older_than.number)]
