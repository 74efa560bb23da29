"""The versions of a post: all of them, each as it was published, and any two compared."""

from collections.abc import Callable
from typing import Any

from django.db.models import Max, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from commons.numbers import parse_number
from knowledge.posts.compare import compare
from knowledge.posts.listing import Key
from knowledge.posts.models import Post, Version
from knowledge.posts.pieces import areas_of, bodies, places_of
from knowledge.stored import kept
from knowledge.stored.stamps import stamp
from knowledge.views.asked import gone_or_missing

SIDE_BY_SIDE = "side-by-side"
NEWEST = Version.objects.filter(post=OuterRef("pk")).order_by().values("post").annotate(newest=Max("number"))


def _of_post(request: HttpRequest, number: int, make: Callable[[Post], HttpResponse]) -> HttpResponseBase:
    """What `make` gives of a post whose versions this reader may read, with the number of its `newest`.

    Where they may not: 404 and 410 as the post's own address answers.
    """

    def made() -> HttpResponse:
        posts = Post.objects.with_history_for(request.user).select_related("shown", "organization")
        post = posts.annotate(newest=Subquery(NEWEST.values("newest"))).filter(pk=number).first()
        return make(post) if post else gone_or_missing(request, number)

    return kept.answer(request, stamp(Key("post", number).stamp), made)


@require_safe
def version(request: HttpRequest, number: int, slug: str, version: int) -> HttpResponseBase:
    """A version as it was published. Its address stays for as long as the commons does."""

    def made(post: Post) -> HttpResponse:
        this = get_object_or_404(Version.objects.select_related("by"), post=post, number=version)
        if request.path != this.get_absolute_url():
            return redirect(this, permanent=True)
        shown = post.shown.number
        return render(
            request,
            "posts/version.html",
            {
                "post": post,
                "version": this,
                "body": bodies([this])[this.pk],
                "areas": areas_of(this),
                "places": places_of(this),
                "is_shown": this.number == shown,
                "is_unseen": this.number > shown,
                "before": this.number - 1,
                "after": this.number + 1 if this.number < post.newest else None,  # type: ignore[attr-defined]
            },
        )

    return _of_post(request, number, made)


@require_safe
def versions(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """All versions of a post, newest first, and a form to compare two."""

    def made(post: Post) -> HttpResponse:
        if request.path != (address := reverse("post_versions", args=[number, post.slug])):
            return redirect(address, permanent=True)
        return render(request, "posts/versions.html", _every(post))

    return _of_post(request, number, made)


@require_safe
def chosen(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """Where the form to compare two versions leads: on to the address of the comparison, or back with a word."""

    def made(post: Post) -> HttpResponse:
        older, newer = (parse_number(request.GET.get(name)) for name in ("from", "to"))
        if older is None or newer is None:
            return redirect("post_versions", number, post.slug)
        return redirect(_address(post, older, newer, side_by_side=_side_by_side(request)))

    return _of_post(request, number, made)


@require_safe
def compared(request: HttpRequest, number: int, slug: str, older: int, newer: int) -> HttpResponseBase:
    """What changed from one version to another: word by word, in one text or side by side (`view` in the address)."""

    def made(post: Post) -> HttpResponse:
        side_by_side = _side_by_side(request)
        numbers = {older, newer}
        found = {each.number: each for each in post.versions.filter(number__in=numbers)}
        if found.keys() != numbers:
            raise Http404
        first, last = min(numbers), max(numbers)
        address = _address(post, first, last, side_by_side=False)
        if request.path != address:
            return redirect(_address(post, first, last, side_by_side=side_by_side))
        every = _every(post)
        return render(
            request,
            "posts/compared.html",
            {
                **every,
                "older": found[first],
                "newer": found[last],
                "between": [each for each in reversed(every["versions"]) if first < each.number <= last],
                "changes": compare(found[first], found[last]),
                "side_by_side": side_by_side,
                "address": address,
            },
        )

    return _of_post(request, number, made)


def _every(post: Post) -> dict[str, Any]:
    """All versions of a post, newest first, without their texts; and the one that nobody has looked at, if there is one."""
    texts = ("body", "tried", "where_since", "seen", "seen_source", "change_mind")
    every = list(post.versions.defer(*texts).select_related("by", "confirmation__by").order_by("-number"))
    newest = every[0]
    return {"post": post, "versions": every, "newest": newest, "unseen": newest if newest != post.shown else None}


def _side_by_side(request: HttpRequest) -> bool:
    return request.GET.get("view") == SIDE_BY_SIDE


def _address(post: Post, older: int, newer: int, *, side_by_side: bool) -> str:
    address = reverse("versions_compared", args=[post.number, post.slug, older, newer])
    return f"{address}?view={SIDE_BY_SIDE}" if side_by_side else address
