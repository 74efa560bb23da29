"""The moderation log: what moderators did, and why. Public."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commons.numbers import parse_number
from knowledge.moderation.models import LogEntry

SHOWN = 50


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    entries = LogEntry.objects.select_related("by").order_by("-pk")
    if (before := parse_number(request.GET.get("before"))) is not None:
        entries = entries.filter(pk__lt=before)
    shown = list(entries[: SHOWN + 1])
    context = {"entries": shown[:SHOWN], "older": shown[SHOWN - 1].pk if len(shown) > SHOWN else None}
    return render(request, "moderation/log.html", context)
