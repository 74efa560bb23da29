"""The page of a list of posts, with what stands around it."""

from collections.abc import Callable, Hashable, Mapping

from django.http import HttpRequest, HttpResponse

from knowledge.search.lists import PostList
from knowledge.views.shared import shared_page


def list_page(
    request: HttpRequest,
    template: str,
    posts: PostList,
    context: Callable[[], Mapping[str, object]],
    own: tuple[Hashable, ...] = (),
) -> HttpResponse:
    """The page of this list. `context` gives what the template wants beside the list; what it takes from the reader must be
    in `own`. What stands around the cards is drawn once for each state of the list.
    """
    listed = posts.context()
    links = listed["older"], listed["newer"], listed["first"], listed["narrowing"]
    state = (posts.path, posts.filters.canonical(), posts.stamped.number, *links, *own)
    return shared_page(request, template, state, lambda: {**listed, **context()}, {"cards": listed["cards"]})
