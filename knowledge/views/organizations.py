"""Organizations, as everybody sees them, and an organization's own list of its posts."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.organizations.models import Organization
from accounts.organizations.permissions import can_manage
from commons.access import acting
from commons.numbers import parse_number
from knowledge.posts.listing import Key
from knowledge.posts.models import Post
from knowledge.search.filters import NO_PLACE
from knowledge.search.lists import post_list
from knowledge.stored import kept
from knowledge.stored.stamps import stamp, stamps
from knowledge.subscriptions.button import button_for, cadence_of
from knowledge.subscriptions.models import Followable
from knowledge.views.lists import list_page

SHOWN = 50


@require_safe
def organizations(request: HttpRequest) -> HttpResponse:
    """All of them by name, a page at a time, from the one named in `from` on."""
    start = request.GET.get("from", "")[:200]
    found = list(Organization.objects.order_by("name", "pk").filter(name__gte=start)[: SHOWN + 1])
    counts = stamps(f"organization-{organization.pk}" for organization in found)
    further = found[SHOWN] if len(found) > SHOWN else None
    return render(
        request,
        "organizations/organizations.html",
        {
            "organizations": [
                {"organization": organization, "posts": counts[f"organization-{organization.pk}"].posts}
                for organization in found[:SHOWN]
            ],
            "older": f"?{urlencode({'from': further.name})}" if further else "",
            "newer": "/organizations/" if start else "",
        },
    )


@require_safe
def organization(request: HttpRequest, slug: str) -> HttpResponseBase:
    found = get_object_or_404(Organization, slug=slug)
    kind = Followable.ORGANIZATION
    posts = post_list(request.user, found.get_absolute_url(), request.GET, about=Key(kind, found.pk))

    def made() -> HttpResponse:
        cadence = cadence_of(request.user, kind, found.pk)
        ours = request.user.is_authenticated and request.user.belongs_to(found)
        manages = ours and can_manage(request.user, found)

        def context() -> dict[str, object]:
            return {
                **button_for(cadence, kind, found.pk, f"{posts.path}feed.atom"),
                "organization": found,
                "posts": stamp(posts.about.stamp).posts,
                "people": found.memberships.select_related("member").order_by("since", "pk")[:30],
                "is_ours": ours,
                "can_manage": manages,
                "canonical": posts.path,
            }

        return list_page(request, "organizations/organization.html", posts, context, own=(cadence, ours, manages))

    return kept.answer(request, posts.stamped, made)


@login_required
@require_safe
def own_posts(request: HttpRequest, slug: str) -> HttpResponse:
    """All of an organization's posts, in every state: for its own members, not found for others."""
    found = get_object_or_404(Organization, slug=slug)
    if not acting(request).belongs_to(found):
        raise Http404
    before = parse_number(request.GET.get("before", ""))
    if before is None and request.GET.get("before"):
        raise BadRequest(NO_PLACE)
    posts = Post.objects.known_to(request.user).published_by(found.pk).select_related("shown").order_by("-number")
    rows = list(posts.filter(number__lt=before)[: SHOWN + 1] if before else posts[: SHOWN + 1])
    return render(
        request,
        "organizations/own_posts.html",
        {
            "organization": found,
            "own_posts": rows[:SHOWN],
            "older": f"?before={rows[SHOWN - 1].number}" if len(rows) > SHOWN else "",
        },
    )
