"""Subscribing: a page of its own for each thing, and the page that lists what one follows."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.members.models import Member
from accounts.organizations.models import Organization
from commons import keeping
from commons.access import acting
from knowledge.posts.following import followed
from knowledge.posts.models import Post
from knowledge.posts.pieces import card_list
from knowledge.search.filters import parse
from knowledge.subscriptions import actions
from knowledge.subscriptions.button import button
from knowledge.subscriptions.models import Cadence, Followable, Subscription
from knowledge.topics.models import IssueArea, Place, Tag

MODELS: dict[str, type[Model]] = {
    Followable.AREA: IssueArea,
    Followable.TAG: Tag,
    Followable.PLACE: Place,
    Followable.ORGANIZATION: Organization,
    Followable.MEMBER: Member,
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """Subscribe to a thing, change the cadence, or stop. Without an account: its feed, and the way to sign in."""
    thing = _thing(request, kind, pk)
    address = thing.get_absolute_url()
    if request.method == "POST":
        if not request.user.is_authenticated:
            return keeping.to_sign_in(request)
        cadence = request.POST.get("cadence") or Cadence.WEEKLY
        if request.POST.get("action") == "stop":
            actions.unsubscribe(Followable(kind), pk, by=request.user)
            messages.success(request, f"You no longer follow {thing}.")
        elif cadence not in Cadence.values:
            raise BadRequest("Choose as it happens, daily, weekly or only on the site.")
        else:
            actions.subscribe(Followable(kind), pk, by=request.user, cadence=Cadence(cadence))
            messages.success(request, f"Subscribed to {thing}, {Cadence(cadence).label.lower()}.")
        back = request.POST.get("next", "")
        return redirect(back if url_has_allowed_host_and_scheme(back, None) else address)
    return render(
        request,
        "subscriptions/subscribe.html",
        {"thing": thing, "address": address, **button(request.user, Followable(kind), pk, f"{address}feed.atom")},
    )


@never_cache
@login_required
@require_safe
def following(request: HttpRequest) -> HttpResponse:
    """What a member follows, each with its cadence, and what is new in it, newest first."""
    filters = parse(request.GET)
    rows, read = followed(acting(request), older_than=filters.older_than, limit=21)
    return render(
        request,
        "subscriptions/following.html",
        {
            "subscriptions": _named(request, acting(request).subscriptions.order_by("-since")[:200]),
            "cards": card_list([row.number for row in rows[:20]], read),
            "older": f"?{filters.at('older', rows[19])}" if len(rows) > 20 else "",
        },
    )


def _thing(request: HttpRequest, kind: str, pk: int) -> Any:
    if kind == Followable.POST:
        return get_object_or_404(Post.objects.visible_to(request.user).select_related("shown"), pk=pk)
    if kind not in MODELS:
        raise Http404
    return get_object_or_404(MODELS[kind], pk=pk)


def _named(request: HttpRequest, subscriptions: Any) -> list[tuple[Any, Subscription]]:
    """Each subscription with the thing it is to, a query a kind; what the member may no longer see is left out."""
    subscriptions = list(subscriptions)
    wanted: dict[str, set[int]] = {}
    for subscription in subscriptions:
        wanted.setdefault(subscription.kind, set()).add(subscription.object_id)
    found: dict[tuple[str, int], Any] = {}
    for kind, pks in wanted.items():
        things = (
            Post.objects.visible_to(request.user).select_related("shown").filter(pk__in=pks)
            if kind == Followable.POST
            else MODELS[kind]._default_manager.filter(pk__in=pks)
        )
        found |= {(kind, thing.pk): thing for thing in things}
    return [
        (found[subscription.kind, subscription.object_id], subscription)
        for subscription in subscriptions
        if (subscription.kind, subscription.object_id) in found
    ]
