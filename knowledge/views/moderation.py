"""The moderation log: what moderators did, and why. Public."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from knowledge.moderation.models import LogEntry

SHOWN = 50


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    entries = LogEntry.objects.select_related("by").order_by("-pk")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 16:
        entries = entries.filter(pk__lt=int(before))
    shown = list(entries[: SHOWN + 1])
    context = {"entries": shown[:SHOWN], "older": shown[SHOWN - 1].pk if len(shown) > SHOWN else None}
    return render(request, "moderation/log.html", context)
