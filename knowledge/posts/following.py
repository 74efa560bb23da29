"""What a member follows, as a list of posts."""

from typing import TYPE_CHECKING, Any

from django.db import connection

from knowledge.posts.listing import CARD, MICROSECONDS, Row, visible_posts
from knowledge.stored.fragments import BESIDE, COLUMNS, Read, renderer

if TYPE_CHECKING:
    from accounts.members.models import Member


def followed(
    member: "Member", *, older_than: Row | None = None, limit: int = 20, fragment: str = CARD
) -> tuple[list[Row], dict[int, Read]]:
    """The newest posts in any listing the member subscribes to, each once, newest first, that the member may read and has
    not muted; with their fragments of one kind as they are stored.

    One query: a walk along an index for each subscription, of at most `limit` rows.
    """
    those, params = visible_posts(member)
    older = " AND (n.published_at, n.post_id) < (%s, %s)" if older_than else ""
    place: list[Any] = [older_than.moment, older_than.number] if older_than else []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.post_id, {MICROSECONDS.format('l.published_at')}, {COLUMNS} FROM ("  # noqa: S608 - our own names
            "SELECT DISTINCT l.post_id, l.published_at FROM knowledge_subscription s"
            " CROSS JOIN LATERAL (SELECT n.post_id, n.published_at FROM knowledge_listing n"
            f"   WHERE n.kind = s.kind AND n.object_id = s.object_id{older} AND NOT EXISTS"
            "     (SELECT FROM knowledge_muted u WHERE u.member_id = s.member_id AND u.post_id = n.post_id)"
            "   ORDER BY n.published_at DESC, n.post_id DESC LIMIT %s) l"
            f" WHERE s.member_id = %s AND s.kind <> 'post' AND l.post_id IN ({those})"
            " ORDER BY l.published_at DESC, l.post_id DESC LIMIT %s) l"
            f"{BESIDE} ORDER BY l.published_at DESC, l.post_id DESC",
            [renderer(), *place, limit, member.pk, *params, limit, fragment],
        )
        found = cursor.fetchall()
    return [Row(*row[:2]) for row in found], {row[0]: Read(*row[2:]) for row in found if row[3] is not None}
