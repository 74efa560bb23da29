"""The page of a list of posts, with what stands around it."""

from collections.abc import Callable, Hashable, Mapping
from secrets import token_hex

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

from commons import site
from commons.template_filters import Reader
from knowledge.search.lists import PostList
from knowledge.stored.kept import pieces

# Marks in what is kept for many readers, where each has something of their own: nobody can know, and so write, one.
_UNKNOWN = token_hex(16)
CARDS, NAME, INITIALS, TOKEN = (f"{what}-{_UNKNOWN}" for what in ("cards", "name", "initials", "token"))


def list_page(
    request: HttpRequest,
    template: str,
    posts: PostList,
    context: Callable[[], Mapping[str, object]],
    own: tuple[Hashable, ...] = (),
) -> HttpResponse:
    """The page of this list. `context` gives what the template wants beside the list, and is called when it is drawn.

    What stands around the cards is drawn once for each state of the list. What `context` takes from the reader must be
    in `own`: readers who have the same share a drawing. Names and tokens are put in afterwards.
    """
    listed = posts.context()
    if request.user.is_authenticated and len(get_messages(request)):
        return render(request, template, {**listed, **context()})
    cards, theme = listed["cards"], site.theme(request)
    reader = Reader(True, NAME, INITIALS) if request.user.is_authenticated else Reader()

    def around() -> list[str]:
        shared = {"user": reader, "csrf_token": TOKEN, "messages": [], "cards": mark_safe(CARDS) if cards else ""}  # noqa: S308
        return render_to_string(template, {**listed, **context(), **shared}, request).split(CARDS)

    links = listed["older"], listed["newer"], listed["first"], listed["narrowing"], bool(cards)
    list_state = (posts.path, posts.filters.canonical(), posts.stamped.number, *links)
    page = str.join(cards, pieces.get((template, theme, reader.is_authenticated, own, *list_state), around))
    if request.user.is_authenticated:
        mine = {NAME: request.user.name, INITIALS: request.user.initials, TOKEN: get_token(request)}
        for mark, text in mine.items():
            page = page.replace(mark, escape(text))
    return HttpResponse(page)
