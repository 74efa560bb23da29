"""Search, and the list of everything."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commons.headers import NEVER_STORED
from knowledge.posts.pieces import card_list
from knowledge.search.lists import post_list
from knowledge.search.results import CANDIDATES, TOO_MUCH, results
from knowledge.stored import kept
from knowledge.views.lists import list_page


@require_safe
def search(request: HttpRequest) -> HttpResponseBase:
    """With words, what matches them, best first; without, everything new, narrowed by filters."""
    posts = post_list(request.user, "/search/", request.GET)

    def made() -> HttpResponse:
        if not posts.filters.q:
            return list_page(request, "search/search.html", posts, dict)
        found = results(request.user, posts.filters)
        response = render(
            request,
            "search/search.html",
            {
                "filters": posts.filters,
                "chips": posts.chips(),
                "cards": card_list(found.numbers),
                "more_than": CANDIDATES if found.is_bounded else 0,
                "too_much": "" if found.is_whole else TOO_MUCH,
                "feed": posts.feed,
                "subscribe_to_list": posts.subscribe_at,
            },
        )
        if not found.is_whole:
            response["Cache-Control"] = NEVER_STORED  # the next time there may be more
        return response

    return kept.answer(request, posts.stamped, made)
