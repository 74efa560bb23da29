"""What a person typed outlives an expired session: kept while they sign in, and put back into the form.

It is kept for hours, few of it for each address that asks, and never more in all than the bounds here: anybody can send a form.
"""

import datetime as dt
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import models, transaction
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils import timezone

from commons import gate
from commons.clients import client_ip, client_network
from commons.locks import Lock, wait_for
from commons.next_page import is_page

SESSION_KEY = "kept_form"
UNTYPED = ("csrfmiddlewaretoken", "action")
PASSWORDS = ("password", "password1", "password2", "oldpassword")

LIMIT = gate.BODY + 50_000  # characters of one form, names and values: a body, and all that stands beside it
KEPT_FOR = dt.timedelta(hours=6)
FORMS_OF_NETWORK = 10  # kept at a time for one address (IPv6: for one /64)
BYTES_OF_NETWORK = 4 * 1024 * 1024
BYTES_OF_ALL = 256 * 1024 * 1024

TOO_LONG = "That is more than any form here takes, so it cannot be kept meanwhile."
TOO_MANY = "Much was sent from your network in the last hours, so this cannot be kept meanwhile."


class KeptForm(models.Model):
    """One form that was sent while signed out. The key to it is in one browser's session alone; here stands its digest."""

    key = models.CharField(max_length=64, primary_key=True)
    path = models.TextField()
    typed = models.TextField()
    size = models.PositiveIntegerField()  # bytes of what was typed
    network = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["network"], name="kept_forms_of_network")]


class NotKept(Exception):
    """What was typed cannot be kept; the reason is a sentence for who typed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def keep(request: HttpRequest) -> None:
    """Keep what was sent, for the form at this address; one form a session, the last. Raises NotKept."""
    typed = request.POST.copy()
    for name in (*UNTYPED, *PASSWORDS):
        typed.pop(name, None)
    if sum(len(name) + len(value) for name, values in typed.lists() for value in values) > LIMIT:
        raise NotKept(TOO_LONG)
    key, network = secrets.token_urlsafe(32), client_network(client_ip(request))
    text = json.dumps(dict(typed.lists()), ensure_ascii=False)
    form = KeptForm(key=_digest(key), path=request.path, typed=text, size=len(text.encode()), network=network)
    form.expires_at = timezone.now() + KEPT_FOR
    with transaction.atomic():
        wait_for(Lock.KEPT_FORMS)
        throw_away_expired()
        if earlier := _earlier(request):
            earlier.delete()
        _require_room(form)
        form.save(force_insert=True)
    request.session[SESSION_KEY] = {"key": key, "path": request.path}


def played_back(request: HttpRequest) -> list[tuple[str, str]]:
    """What was sent, name and value, for a page that offers it again; passwords are typed anew."""
    if request.method != "POST":
        return []
    left_out = {"csrfmiddlewaretoken", *PASSWORDS}
    return [(name, value) for name, values in request.POST.lists() for value in values if name not in left_out]


def is_ours(request: HttpRequest) -> bool:
    """Return whether a form was sent from a page of ours. What another site sends in a person's name is not played back."""
    origin = request.META.get("HTTP_ORIGIN") or request.META.get("HTTP_REFERER", "")
    return not origin or _is_ours(_split(origin), request)


def came_from(request: HttpRequest) -> str:
    """Return the page of ours, its path and its query, that a request says it comes from (RFC 9110, 10.1.3); else nothing."""
    referrer = _split(request.META.get("HTTP_REFERER", ""))
    page = referrer._replace(scheme="", netloc="", fragment="").geturl()
    return page if _is_ours(referrer, request) and is_page(page) else ""


def _split(address: str) -> SplitResult:
    """Return the parts of an address that anybody may have written; of one that is none, no parts."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_ours(address: SplitResult, request: HttpRequest) -> bool:
    return address.netloc in {request.get_host(), urlsplit(settings.SITE_URL).netloc}


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Send a reader to sign in and back; what they had typed is kept."""
    return away_and_back(request, redirect_to_login(request.get_full_path()), "Sign in")


def away_and_back(request: HttpRequest, onward: HttpResponseRedirect, do: str) -> HttpResponseBase:
    """Keep what was sent and send its writer `onward`, to `do` what must be done first.

    Where it cannot be kept they are told so before they go (429; 413 for too much), with what they typed before them, and go
    in another tab.
    """
    if request.method != "POST":
        return onward
    try:
        keep(request)
    except NotKept as refused:
        page = {
            "reason": refused.reason,
            "typed": played_back(request),
            "path": request.get_full_path(),
            "onward": onward.url,
            "do": do,
        }
        response = render(request, "do_this_first.html", page, status=413 if refused.reason == TOO_LONG else 429)
        response["Cache-Control"] = "no-store"
        if response.status_code == 429:
            response["Retry-After"] = str(int(KEPT_FOR.total_seconds()))
        return response
    return onward


def taken_back(request: HttpRequest) -> QueryDict | None:
    """What was kept for the form at this address, once; None where nothing was."""
    kept = request.session.get(SESSION_KEY)
    if not kept or kept["path"] != request.path:
        return None
    del request.session[SESSION_KEY]
    if "typed" in kept:  # by a version of the commons that kept it in the session
        return QueryDict(kept["typed"])
    form = KeptForm.objects.filter(key=_digest(kept["key"]), path=request.path, expires_at__gt=timezone.now()).first()
    if form is None:
        return None
    form.delete()
    typed = QueryDict(mutable=True)
    for name, values in json.loads(form.typed).items():
        typed.setlist(name, values)
    return typed


def throw_away_expired() -> int:
    """Delete what nobody came back for in time; return how many forms."""
    return KeptForm.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def _earlier(request: HttpRequest) -> Any:
    """Return the form that this browser sent before, in whose place this one is kept."""
    kept = request.session.get(SESSION_KEY) or {}
    return KeptForm.objects.filter(key=_digest(kept["key"])) if "key" in kept else None


def _require_room(form: KeptForm) -> None:
    ours = Q(network=form.network)
    held = KeptForm.objects.aggregate(
        forms=Count("pk", filter=ours), of_network=Sum("size", filter=ours, default=0), of_all=Sum("size", default=0)
    )
    if (
        held["forms"] >= FORMS_OF_NETWORK
        or held["of_network"] + form.size > BYTES_OF_NETWORK
        or held["of_all"] + form.size > BYTES_OF_ALL
    ):
        raise NotKept(TOO_MANY)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
