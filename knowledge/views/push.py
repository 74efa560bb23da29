"""Turning web push on in the browser that asks, and off in any of one's own."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commons.access import acting
from knowledge.notifications import browsers

SECTION = "/following/#devices"
# How browsers and systems call themselves, the more special ones first: many also name those they are like
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser": "Samsung Internet", "Firefox": "Firefox", "FxiOS": "Firefox",
    "CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari",
}  # fmt: skip
SYSTEMS = {
    "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Macintosh": "macOS",
    "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip


@never_cache
@login_required
@require_POST
def on(request: HttpRequest) -> HttpResponse:
    """Push to this browser from now on. (`static/js/push.js` fills the form with what the browser gave it.)"""
    given = [request.POST.get(name, "") for name in ("endpoint", "p256dh", "auth")]
    try:
        browsers.push_on(acting(request), *given, name=named(request.headers.get("User-Agent", "")))
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    else:
        messages.success(request, "On. What is told as it happens now shows on this device too.")
    return redirect(SECTION)


@never_cache
@login_required
@require_POST
def off(request: HttpRequest, pk: int) -> HttpResponse:
    """Push no more to one of the member's browsers. Twice is once."""
    browsers.push_off(acting(request), pk)
    messages.success(request, "Off. Nothing shows on that device any more.")
    return redirect(SECTION)


def named(agent: str) -> str:
    """What a browser calls itself, for its owner to tell it from their others."""
    browser = next((name for sign, name in BROWSERS.items() if sign in agent), "A browser")
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    return f"{browser} on {system}" if system else browser
