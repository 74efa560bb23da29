"""The page of a list of posts, with what stands around it."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from knowledge.search.lists import PostList
from knowledge.stored.kept import pieces

CARDS = "<!--cards-->"


def list_page(
    request: HttpRequest, template: str, posts: PostList, context: Callable[[], Mapping[str, object]]
) -> HttpResponse:
    """The page of this list. `context` gives what the template wants beside the list, and is called when it is drawn.

    For readers without a cookie, what stands around the cards is drawn once for each state of the list.
    """
    listed = posts.context()
    if request.COOKIES:
        return render(request, template, {**listed, **context()})
    cards = listed["cards"]

    def around() -> list[str]:
        return render_to_string(template, {**listed, **context(), "cards": CARDS if cards else ""}, request).split(
            CARDS
        )

    links = listed["older"], listed["newer"], listed["first"], listed["narrowing"], bool(cards)
    state = (template, posts.path, posts.filters.canonical(), posts.stamped.number, *links)
    return HttpResponse(str.join(cards, pieces.get(state, around)))
