"""What a member follows, as a list of posts."""

from typing import TYPE_CHECKING

from django.db import connection

from knowledge.posts.listing import Row
from knowledge.posts.models import Post

if TYPE_CHECKING:
    from accounts.members.models import Member


def followed_rows(member: "Member", *, older_than: Row | None = None, limit: int = 20) -> list[Row]:
    """The newest posts in anything the member subscribes to, each once, newest first, that the member may read.

    One walk along an index for each subscription, of at most `limit` rows; one query for all of them, and one that asks
    `visible_to`.
    """
    at, number = (older_than.at, older_than.number) if older_than else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT l.post_id, l.published_at FROM knowledge_subscription s"
            " CROSS JOIN LATERAL (SELECT post_id, published_at FROM knowledge_listing"
            "   WHERE kind = s.kind AND object_id = s.object_id"
            "   AND (%(at)s::timestamptz IS NULL OR (published_at <= %(at)s::timestamptz"
            "     AND (published_at < %(at)s::timestamptz OR post_id < %(number)s::bigint)))"
            "   ORDER BY published_at DESC, post_id DESC LIMIT %(limit)s) l"
            " WHERE s.member_id = %(member)s AND s.kind <> 'post'"
            " ORDER BY l.published_at DESC, l.post_id DESC LIMIT %(limit)s",
            {"member": member.pk, "at": at, "number": number, "limit": limit},
        )
        rows = [Row(*row) for row in cursor.fetchall()]
    visible = set(
        Post.objects.visible_to(member).filter(pk__in=[row.number for row in rows]).values_list("pk", flat=True)
    )
    return [row for row in rows if row.number in visible]
