"""The front page: the ladder first, then what moved, where a reader can help, and every issue area."""

from collections.abc import Iterator

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from accounts.members.models import Member
from knowledge.ladder.open import vettings
from knowledge.ladder.waiting import Line, waiting_for
from knowledge.notifications.bounces import bounce_of
from knowledge.posts.following import followed
from knowledge.posts.listing import HOME, Key, listed
from knowledge.posts.models import Post
from knowledge.posts.pieces import CUT, card_list
from knowledge.posts.rungs import Rung, Standing
from knowledge.stored import kept
from knowledge.stored.stamps import Stamped, stamp, stamps
from knowledge.topics.tree import tree
from knowledge.views.shared import shared_page

MOVED_SHOWN, QUIET_SHOWN, FOLLOWED_SHOWN = 6, 4, 10


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    stamped = stamp(HOME.stamp)
    return kept.answer(request, stamped, lambda: _page(request, stamped))


def _page(request: HttpRequest, stamped: Stamped) -> HttpResponse:
    top, rest = kept.pieces.get(("home", stamped.number), lambda: _for_everybody(stamped))
    following, waiting = SafeString(), SafeString()
    if request.user.is_authenticated:
        waiting = format_html_join("", '<li><a href="{1}">{0}</a></li>', _waiting_for(request.user))
        rows, read = followed(request.user, limit=FOLLOWED_SHOWN)
        following = card_list([row.number for row in rows], read)
    filled = {"top": top, "waiting": waiting, "following": following, "rest": rest}
    return shared_page(request, "home/home.html", (), dict, filled)


def _waiting_for(member: Member) -> Iterator[Line]:
    if bounce := bounce_of(member):
        words = format_html(
            "Mail to {} came back: {}. Try again, or change your address", bounce.address, bounce.reason
        )
        yield Line(words, "/following/#came-back")
    yield from waiting_for(member)


def _for_everybody(stamped: Stamped) -> list[SafeString]:
    """What the front page shows to every reader, drawn once for each change of it: what stands above and below the reader's own."""
    everyone = AnonymousUser()
    counts = stamps(Key("standing", standing).stamp for standing in Standing)
    moving = listed(everyone, moved=True, limit=MOVED_SHOWN)
    context = {
        "cut": CUT,
        "total": stamped.posts,
        "aside": counts[Key("standing", Standing.ASIDE).stamp].posts,
        "ladder": [
            {"rung": rung, "posts": counts[Key("standing", rung).stamp].posts} for rung in sorted(Rung, reverse=True)
        ],
        "moving": card_list(row.number for row in moving),
        "vettings": vettings(),
        "quiet_posts": list(
            Post.objects.visible_to(everyone)
            .filter(comment_count=0)
            .select_related("organization", "shown")
            .order_by("-published_at", "-number")[:QUIET_SHOWN]
        ),
        "tops": tree(),
    }
    return [mark_safe(piece) for piece in render_to_string("home/everybody.html", context).split(CUT)]  # noqa: S308
