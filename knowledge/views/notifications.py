"""What happened that concerns a member: the page that lists it, and marking it as read."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commons.access import acting
from commons.numbers import parse_number
from knowledge.notifications import actions
from knowledge.notifications.models import Notification
from knowledge.notifications.things import subscriptions_of
from knowledge.notifications.words import Item, items
from knowledge.search.filters import NO_PLACE

PAGE_SIZE = 60  # notifications; several of one sort on one post are one line


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: HttpRequest) -> HttpResponseBase:
    """A member's notifications, newest first; POST marks all that the page showed as read."""
    member = acting(request)
    if request.method == "POST":
        up_to = _number(request.POST.get("up_to", ""))
        actions.read_all(by=member, up_to=up_to)
        messages.success(request, "All read.")
        return redirect("notifications")
    those = Notification.objects.visible_to(member).order_by("-pk")
    if older := request.GET.get("older", ""):
        those = those.filter(pk__lt=_number(older))
    rows = list(those[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    return render(
        request,
        "notifications/list.html",
        {
            "days": _by_day(items(shown, member), member.time_zone),
            "newest": shown[0].pk if shown else 0,
            "older": shown[-1].pk if len(rows) > PAGE_SIZE else 0,
            "is_first": not older,
            "subscriptions": subscriptions_of(member, 12),
        },
    )


@never_cache
@login_required
@require_safe
def go(request: HttpRequest, pk: int) -> HttpResponse:
    """To where a notification leads; it, and what stands with it in one line, is read then."""
    member = acting(request)
    this = get_object_or_404(Notification.objects.visible_to(member), pk=pk)
    found = items([this], member)
    if this.post_id and this.why in ("followed", "own"):
        same = Notification.objects.filter(
            member=member, post=this.post_id, what=this.what, why__in=["followed", "own"]
        )
        actions.read(list(same.filter(read_at=None).values_list("pk", flat=True)), by=member)
    else:
        actions.read([this.pk], by=member)
    return redirect(found[0].href if found else "notifications")


def _number(text: str) -> int:
    if (number := parse_number(text)) is None:
        raise BadRequest(NO_PLACE)
    return number


def _by_day(lines: list[Item], zone: str) -> list[tuple[str, list[Item]]]:
    """The lines under "Today", "This week" and "Earlier", as it is where the member is."""
    today = timezone.localdate(timezone=ZoneInfo(zone))
    found: dict[str, list[Item]] = {}
    for line in lines:
        days = (today - line.at.astimezone(ZoneInfo(zone)).date()).days
        name = "Today" if days <= 0 else "This week" if days < 7 else "Earlier"
        found.setdefault(name, []).append(line)
    return list(found.items())
