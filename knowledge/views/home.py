"""The front page: the ladder first, then what moved, where a reader can help, and every issue area."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from knowledge.posts.following import followed_rows
from knowledge.posts.listing import HOME, Key, listed
from knowledge.posts.models import Post
from knowledge.posts.pieces import cards
from knowledge.posts.rungs import Rung
from knowledge.stored import kept
from knowledge.stored.stamps import Stamped, stamp, stamps
from knowledge.topics.tree import tree

MOVED_SHOWN, QUIET_SHOWN, FOLLOWED_SHOWN = 6, 4, 10


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    stamped = stamp(HOME.stamp)
    return kept.answer(request, stamped, lambda: render(request, "home/home.html", _context(request, stamped)))


def _context(request: HttpRequest, stamped: Stamped) -> dict[str, object]:
    context = kept.pieces.get(("home", stamped.number), lambda: _for_everyone(stamped))
    if not request.user.is_authenticated:
        return {**context, "following": None}
    rows = followed_rows(request.user, limit=FOLLOWED_SHOWN)
    return {**context, "following": list(cards(row.number for row in rows).values())}


def _for_everyone(stamped: Stamped) -> dict[str, object]:
    """What the front page shows to every reader; made once for each change of it."""
    from django.contrib.auth.models import AnonymousUser

    everyone = AnonymousUser()
    rung_counts = stamps(Key("rung", rung).stamp for rung in Rung)
    moving = listed(everyone, moved=True, limit=MOVED_SHOWN)
    return {
        "total": stamped.posts,
        "ladder": [
            {"rung": rung, "posts": rung_counts[Key("rung", rung).stamp].posts} for rung in sorted(Rung, reverse=True)
        ],
        "moving": list(cards(row.number for row in moving).values()),
        "quiet_posts": list(
            Post.objects.visible_to(everyone)
            .filter(comment_count=0)
            .select_related("organization", "shown")
            .order_by("-published_at", "-number")[:QUIET_SHOWN]
        ),
        "tops": tree(),
    }
