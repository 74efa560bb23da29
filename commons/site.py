"""What every page says of the site itself."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

THEMES = {"light": "Light", "dark": "Dark"}
THEME_COOKIE = "theme"


def about() -> dict[str, Any]:
    """Names and addresses of the site."""
    return {
        "name": settings.SITE_NAME,
        "url": settings.SITE_URL,
        "contact": settings.SITE_CONTACT,
        "trial": settings.TRIAL,
    }


def context(request: HttpRequest) -> dict[str, Any]:
    """Names and addresses of the site for templates, and the appearance that the reader chose."""
    return {"site": about(), "theme": theme(request)}


def theme(request: HttpRequest) -> str:
    """The appearance that the reader chose; empty for that of their device."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def absolute(path: str) -> str:
    """The full address of a path on this site; never made from what a request says its host is."""
    return f"{settings.SITE_URL}{path}"


def host() -> str:
    """Return the site's host name, as it stands in message identifiers."""
    return urlsplit(settings.SITE_URL).hostname or "localhost"
