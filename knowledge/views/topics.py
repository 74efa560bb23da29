"""Issue areas, tags and places: what there is to follow, and what was learned there."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from knowledge.ladder.open import vettings_in
from knowledge.posts.listing import HOME, Key
from knowledge.search.lists import PostList, post_list
from knowledge.stored import kept
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.button import button_for, cadence_of
from knowledge.subscriptions.models import Cadence, Followable
from knowledge.topics.find import find_places, find_tags
from knowledge.topics.models import Place, PlaceKind, Tag
from knowledge.topics.tree import area_called, subs, tree
from knowledge.views.lists import list_page


@require_safe
def issue_areas(request: HttpRequest) -> HttpResponseBase:
    stamped = stamp(HOME.stamp)
    return kept.answer(
        request,
        stamped,
        lambda: render(request, "topics/issue_areas.html", {"tops": kept.pieces.get(("tree", stamped.number), tree)}),
    )


@require_safe
def issue_area(request: HttpRequest, slug: str) -> HttpResponseBase:
    area = area_called(slug)
    posts = post_list(request.user, area.get_absolute_url(), request.GET, about=Key(Followable.AREA, area.pk))

    def context() -> dict[str, object]:
        return {
            "area": area,
            "vettings": kept.pieces.get(("vettings", area.pk, posts.stamped.number), lambda: vettings_in(area.pk)),
            "sub_areas": kept.pieces.get(("subs", area.pk, posts.stamped.number), lambda: subs(area)),
        }

    return _page(request, "topics/issue_area.html", posts, Followable.AREA, context)


@require_safe
def tag(request: HttpRequest, slug: str) -> HttpResponseBase:
    found = get_object_or_404(Tag, slug=slug)
    posts = post_list(request.user, found.get_absolute_url(), request.GET, about=Key(Followable.TAG, found.pk))
    about = f"What organizations are learning about {found.name}."
    return _page(
        request,
        "topics/topic.html",
        posts,
        Followable.TAG,
        lambda: {"name": found.name, "sort_of": "Tag", "about": about},
    )


@require_safe
def place(request: HttpRequest, slug: str) -> HttpResponseBase:
    found = get_object_or_404(Place.objects.select_related("parent__parent"), slug=slug)
    posts = post_list(request.user, found.get_absolute_url(), request.GET, about=Key(Followable.PLACE, found.pk))

    def context() -> dict[str, object]:
        around: list[Place] = []
        above = found.parent
        while above:
            around.insert(0, above)
            above = above.parent
        return {
            "name": found.label,
            "here": found.name,
            "around": around,
            "sort_of": PlaceKind(found.kind).label,
            "about": f"What organizations are learning in {found.label}.",
        }

    return _page(request, "topics/topic.html", posts, Followable.PLACE, context)


@require_safe
def complete_places(request: HttpRequest) -> HttpResponse:
    """The places whose name begins with `q`, the largest first: for completion as one types."""
    return _completions([found.label for found in find_places(request.GET.get("q", ""))])


@require_safe
def complete_tags(request: HttpRequest) -> HttpResponse:
    """The tags in use that begin with `q`: for completion as one types."""
    return _completions(find_tags(request.GET.get("q", "")))


def _completions(labels: list[str]) -> HttpResponse:
    response = JsonResponse({"found": labels})
    response["Cache-Control"] = "public, max-age=300"
    return response


def _page(request: HttpRequest, template: str, posts: PostList, kind: Followable, context) -> HttpResponseBase:  # type: ignore[no-untyped-def]
    def made() -> HttpResponse:
        cadence = cadence_of(request.user, kind, posts.about.object_id)
        return list_page(request, template, posts, lambda: whole(cadence), own=(cadence,))

    def whole(cadence: Cadence | None) -> dict[str, object]:
        return {
            **context(),
            **button_for(cadence, kind, posts.about.object_id, f"{posts.path}feed.atom"),
            "posts": (posts.stamped if posts.keys[0] == posts.about else stamp(posts.about.stamp)).posts,
            "canonical": posts.path,
        }

    return kept.answer(request, posts.stamped, made)
