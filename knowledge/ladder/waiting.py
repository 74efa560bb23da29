# ruff: noqa: S608 - every text put together here is our own
"""What waits for a member: lines on their signed-in home, each with the one thing to do."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.utils.html import format_html

from accounts.organizations.models import PUBLISHING_ROLES
from commons.compiled import planned_once
from knowledge.posts.listing import visible_posts
from knowledge.posts.models import slug_of

if TYPE_CHECKING:
    from accounts.members.models import Member

SHOWN = 5  # lines of each sort

# Each gives: sort, the post's number, its shown title, whose it is or who asked, a number that the address may need
_STANDING = "SELECT DISTINCT ON (vetting_id) * FROM knowledge_review WHERE by_id = %(me)s ORDER BY vetting_id, id DESC"
_NEWEST = "SELECT id, number FROM knowledge_version WHERE post_id = p.number ORDER BY number DESC LIMIT 1"
LINES = {
    # My verdict is of a version that is not the newest any more
    "look_again": f"""
        SELECT p.number, s.title, o.name, n.number AS of FROM ({_STANDING}) r
        JOIN knowledge_vetting t ON t.id = r.vetting_id AND t.closed_at IS NULL
        JOIN knowledge_post p ON p.number = t.post_id
        JOIN LATERAL ({_NEWEST}) n ON n.id <> r.version_id
        JOIN knowledge_version s ON s.id = p.shown_id JOIN accounts_organization o ON o.id = p.organization_id
        ORDER BY t.until LIMIT %(shown)s""",
    # I was one of those who vetted it, and there is a newer version
    "confirm": f"""
        SELECT p.number, s.title, o.name, n.number AS of FROM ({_STANDING}) r
        JOIN knowledge_move m ON m.cause_id = r.vetting_id
        JOIN knowledge_post p ON p.number = m.post_id AND p.rung = 3 AND p.vetting_until IS NULL
        JOIN LATERAL ({_NEWEST}) n ON n.id <> p.shown_id
        JOIN knowledge_version s ON s.id = p.shown_id JOIN accounts_organization o ON o.id = p.organization_id
        WHERE r.verdict = 'approve' AND r.relation = 'none' AND NOT EXISTS (
          SELECT FROM knowledge_move later WHERE later.post_id = p.number AND later.cause_id IS NOT NULL AND later.id > m.id)
        ORDER BY p.moved_at DESC LIMIT %(shown)s""",
    # Somebody asks my organization for more, and nobody has answered
    "request": """
        SELECT p.number, s.title, b.name, r.id AS of FROM knowledge_post p
        JOIN knowledge_vetting t ON t.post_id = p.number AND t.closed_at IS NULL
        JOIN knowledge_review r ON r.vetting_id = t.id AND r.verdict = 'more'
        JOIN accounts_member b ON b.id = r.by_id
        JOIN knowledge_version s ON s.id = p.shown_id
        WHERE p.organization_id = ANY(%(mine)s) AND p.vetting_until IS NOT NULL
          AND NOT EXISTS (SELECT FROM knowledge_review later
            WHERE later.vetting_id = t.id AND later.by_id = r.by_id AND later.id > r.id)
          AND NOT EXISTS (SELECT FROM knowledge_requestanswer a WHERE a.review_id = r.id)
          AND NOT EXISTS (SELECT FROM knowledge_requestclosing c WHERE c.review_id = r.id)
        ORDER BY r.id LIMIT %(shown)s""",
    # Somebody disputes a claim of my organization
    "challenge": """
        SELECT p.number, s.title, b.name, c.id AS of FROM knowledge_comment c
        JOIN knowledge_post p ON p.number = c.post_id
        JOIN accounts_member b ON b.id = c.by_id
        JOIN knowledge_version s ON s.id = p.shown_id
        WHERE c.awaits_id = ANY(%(mine)s)
        ORDER BY c.id LIMIT %(shown)s""",
    # The day on which my organization expected to know more has passed
    "check_back": """
        SELECT p.number, s.title, '' AS name, 0 AS of FROM knowledge_post p
        JOIN knowledge_version s ON s.id = p.shown_id
        WHERE p.organization_id = ANY(%(mine)s) AND p.quiet_since IS NOT NULL
          AND p.rung = 1 AND p.aside_at IS NULL ORDER BY p.quiet_since LIMIT %(shown)s""",
    # What a post of my organization builds on was set aside, stepped down, or did not work elsewhere
    "still_holds": """
        SELECT p.number, s.title, g.title, l.id AS of FROM knowledge_link l
        JOIN knowledge_post p ON p.number = l.post_id AND p.aside_at IS NULL
        JOIN knowledge_post t ON t.number = l.to_id AND t.withdrawn_at IS NULL AND t.hidden_at IS NULL AND t.held_at IS NULL
        JOIN knowledge_version s ON s.id = p.shown_id JOIN knowledge_version g ON g.id = t.shown_id
        WHERE l.awaits_id = ANY(%(mine)s) AND l.ended_at IS NULL
        ORDER BY l.id LIMIT %(shown)s""",
    # Somebody asks for reviews in what I follow
    "review": """
        SELECT DISTINCT p.number, s.title, o.name, 0 AS of FROM knowledge_subscription f
        JOIN knowledge_listing l ON l.kind = f.kind AND l.object_id = f.object_id
        JOIN knowledge_post p ON p.number = l.post_id AND p.vetting_until IS NOT NULL
        JOIN knowledge_version s ON s.id = p.shown_id JOIN accounts_organization o ON o.id = p.organization_id
        WHERE f.member_id = %(me)s AND NOT p.organization_id = ANY(%(all_mine)s)
          AND NOT EXISTS (SELECT FROM knowledge_review r JOIN knowledge_vetting t ON t.id = r.vetting_id
            WHERE t.post_id = p.number AND t.closed_at IS NULL AND r.by_id = %(me)s)
        LIMIT %(shown)s""",
}


class Line(NamedTuple):
    """One thing that waits: what it is in words (safe HTML), and where it is done."""

    words: str
    href: str


def waiting_for(member: "Member") -> list[Line]:
    """What waits for a member, in posts that they may read. One query, and two that keep its plan."""
    those, params = visible_posts(member)
    publishing = [key for key, role in member.roles.items() if role in PUBLISHING_ROLES]
    asked: dict[str, Any] = {"me": member.pk, "mine": publishing, "all_mine": list(member.roles), "shown": SHOWN}
    asked |= {f"v{place}": value for place, value in enumerate(params)}
    with connection.cursor() as cursor, planned_once(cursor):
        cursor.execute(_query(those), asked)
        return [_line(*row) for row in cursor.fetchall()]


@lru_cache(maxsize=512)
def _query(those: str) -> str:
    """The query, with the posts that may be read as SQL; put together once for each sort of reader."""
    for place in range(those.count("%s")):
        those = those.replace("%s", f"%(v{place})s", 1)
    branches = " UNION ALL ".join(f"SELECT '{sort}', line.* FROM ({sql}) AS line" for sort, sql in LINES.items())
    return f"SELECT * FROM ({branches}) AS waiting WHERE number IN ({those})"


def _line(sort: str, number: int, title: str, who: str, of: int) -> Line:
    address = f"/posts/{number}/{slug_of(title)}/"
    words, href = {
        "look_again": ("Version {} is out since you reviewed “{}”. Look again", f"{address}review/"),
        "confirm": ("Version {} of “{}”, which you vetted, is not looked at yet. Is the change editorial?",
                    f"{address}versions/{of}/confirm/"),
        "request": ("{} asks for more on “{}”. Answer with a newer version", f"/reviews/{of}/answer/"),
        "challenge": ("{} challenges “{}”. Answer", f"/comments/{of}/answer/"),
        "check_back": ("{}You expected to know more about “{}” by now. How does it stand?", f"{address}check-back/"),
        "still_holds": ("“{}”, on which “{}” builds, has fallen. Does it still hold?", f"{address}lineage/{of}/still-holds/"),
        "review": ("{} asks whether “{}” holds up. Review it", f"{address}review/"),
    }[sort]  # fmt: skip
    first = of if sort in ("look_again", "confirm") else who
    return Line(format_html(words, first, title), href)
