"""Where somebody is sent once they have done something: `next`, which anybody can write into a link."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

MOST = 2000  # characters as they are sent; more than a browser's address line shows, and less than a redirect may have
SIGNING_OUT = frozenset({"account_logout", "admin:logout"})


def next_page(request: HttpRequest) -> str:
    """Return where `next` of a form or an address leads, if that is a page of ours; else nothing."""
    asked = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    return asked if is_page(asked) else ""


def is_page(address: str) -> bool:
    """Return whether an address is the path of a page of this site that can be looked at, and does nothing.

    A page that only takes what a form sends is none, nor is signing out, nor one that takes a form from anywhere. `..` is
    refused: the browser would take away what stands before it, and go elsewhere.
    """
    if not address.startswith("/") or not address.isprintable() or "\\" in address or len(iri_to_uri(address)) > MOST:
        return False
    if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        return False
    path = unquote(urlsplit(address).path)
    if not path.isprintable() or "\\" in path or not {".", ".."}.isdisjoint(path.split("/")):
        return False
    try:
        match = resolve(path)
    except (Resolver404, ValueError):
        return False
    is_act = match.view_name in SIGNING_OUT or getattr(match.func, "csrf_exempt", False)
    return not is_act and _answers_get(match.func)


def _answers_get(view: Any) -> bool:
    """Whether a view may be asked by GET, as far as its decorators (`require_POST`), or its class, say."""
    if (view_class := getattr(view, "view_class", None)) and not hasattr(view_class, "get"):
        return False
    while view is not None:
        names, cells = getattr(view, "__code__", None), getattr(view, "__closure__", None) or ()
        held = dict(zip(names.co_freevars, cells, strict=False)) if names else {}
        if "request_method_list" in held and "GET" not in held["request_method_list"].cell_contents:
            return False
        view = getattr(view, "__wrapped__", None)
    return True
