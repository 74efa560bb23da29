"""Search, and the list of everything."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from knowledge.posts.pieces import card_list
from knowledge.search.lists import post_list
from knowledge.search.results import CANDIDATES, results
from knowledge.stored import kept
from knowledge.views.lists import list_page


@require_safe
def search(request: HttpRequest) -> HttpResponseBase:
    """With words, what matches them, best first; without, everything new, narrowed by filters."""
    posts = post_list(request.user, "/search/", request.GET)

    def made() -> HttpResponse:
        if not posts.filters.q:
            return list_page(request, "search/search.html", posts, dict)
        numbers, more = results(request.user, posts.filters)
        return render(
            request,
            "search/search.html",
            {
                "filters": posts.filters,
                "chips": posts.chips(),
                "cards": card_list(numbers),
                "more_than": CANDIDATES if more else 0,
                "feed": posts.feed,
                "subscribe_to_list": posts.subscribe_at,
            },
        )

    return kept.answer(request, posts.stamped, made)
