"""Answers for pages and feeds that stand on a stamp: 304 without making anything, and pages kept while nothing changed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from threading import Lock
from time import monotonic
from typing import TypeVar, cast

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from commons.headers import NEVER_STORED
from commons.markup import cut_short
from knowledge.stored.fragments import renderer
from knowledge.stored.stamps import Stamped, stamp

T = TypeVar("T")


class Kept:
    """The last things made in this process, each under what it was made from: a key that changes when they change."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.things: OrderedDict[Hashable, object] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing under this key, made by `make` where it is not there. What was not asked for longest goes first."""
        if (kept := self.look(key)) is not None:
            return cast("T", kept)
        thing = make()
        self.put(key, thing)
        return thing

    def look(self, key: Hashable) -> object | None:
        """Return the thing under this key; None where there is none."""
        with self.lock:
            if key in self.things:
                self.things.move_to_end(key)
            return self.things.get(key)

    def put(self, key: Hashable, thing: object) -> None:
        """Keep a thing under this key, in place of what was there."""
        with self.lock:
            self.things[key] = thing
            self.things.move_to_end(key)
            while len(self.things) > self.limit:
                self.things.popitem(last=False)


pages = Kept(settings.KEPT_PAGES)
pieces = Kept(512)
# On which listing's stamp the page at an address stands, and when the view last said so. It is asked again after some
# seconds, so that an address that leads elsewhere by now, or nowhere, is not held to what it was.
listings = Kept(4096)
UNKNOWN: tuple[str, float] = ("", -inf)
TRUSTED_SECONDS = 5


class Unchanged:
    """Middleware that answers 304 before anything else is asked: to a reader without a cookie who has a page already, when
    the stamp on which the page stands, as its view said a moment ago, has not moved.

    One query, and none of what stands between here and the view. Whatever is not so simple goes on to the view, which
    decides by the same rule.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if "HTTP_IF_NONE_MATCH" in meta and not meta.get("HTTP_COOKIE") and request.method in ("GET", "HEAD"):
            request.get_host()  # refuses one that is not ours; pages are the same for all that are
            listing, since = cast("tuple[str, float]", listings.things.get(request.get_full_path(), UNKNOWN))
            if monotonic() - since < TRUSTED_SECONDS and (answered := self._unchanged(request, listing)):
                return answered
        return self.get_response(request)

    @staticmethod
    def _unchanged(request: HttpRequest, listing: str) -> HttpResponseBase | None:
        try:
            return not_modified(request, stamp(listing), "")
        except (OperationalError, InterfaceError):
            return None  # the view meets the same, and has an answer for it


def answer(request: HttpRequest, stamped: Stamped, make: Callable[[], HttpResponse]) -> HttpResponseBase:
    """What `make` gives, with validators (RFC 9110, 8.8) made from the stamp, or a 304 without calling it.

    `stamped` must have been read before anything the page shows. A page that is never to be stored, because it says
    something for a while only, gets no validators. What a reader without a cookie gets is kept in this
    process, and given again for as long as the stamp stands.
    """
    plain = not request.COOKIES
    personal = "" if plain else _personal(request)
    if personal is None:
        return make()
    if unchanged := not_modified(request, stamped, personal):
        if plain and stamped.listing:
            listings.put(request.get_full_path(), (stamped.listing, monotonic()))
        return unchanged
    make = _unless_cut_short(make)
    if plain and settings.KEPT_PAGES and request.method == "GET":
        response = _kept_page((request.get_full_path(), stamped.number, renderer()), make)
    else:
        response = make()
    if response.status_code == 200 and _may_be_stored(response):
        _say(response, *_validators(stamped, personal))
        if plain and stamped.listing:
            listings.put(request.get_full_path(), (stamped.listing, monotonic()))
    return response


def answer_for_one(
    request: HttpRequest, stamped: Stamped, personal: str, make: Callable[[], HttpResponse]
) -> HttpResponseBase:
    """The same for what one reader alone may read, who is known by the address and not by a cookie: never kept here.

    `personal` tells this reader's copy from others', and changes with what is this reader's own.
    """
    if unchanged := not_modified(request, stamped, personal):
        return unchanged
    response = _unless_cut_short(make)()
    if response.status_code == 200 and _may_be_stored(response):
        _say(response, *_validators(stamped, personal))
    return response


def _unless_cut_short(make: Callable[[], HttpResponse]) -> Callable[[], HttpResponse]:
    """Return what makes a page, and says that it is not to be stored where a text in it ran out of time."""

    def made() -> HttpResponse:
        cut = cut_short()
        response = make()
        if cut_short() != cut:
            response["Cache-Control"] = NEVER_STORED
        return response

    return made


def _kept_page(key: Hashable, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the page that is kept under this key, or what `make` gives; that is kept from now on, where it may be."""
    page = cast("tuple[int, bytes, str, list[tuple[str, str]]] | None", pages.look(key))
    if page is None:
        page = _taken_down(made := make())
        if not _may_be_stored(made):
            return made
        pages.put(key, page)
    status, content, kind, extra = page
    response = HttpResponse(content, status=status, content_type=kind)
    for name, value in extra:
        response[name] = value
    return response


def _may_be_stored(response: HttpResponseBase) -> bool:
    """Return whether a page may be given again: it is not one that says something for a while only."""
    return "no-store" not in response.get("Cache-Control", "")


def not_modified(request: HttpRequest, stamped: Stamped, personal: str) -> HttpResponseBase | None:
    """The 304 for a reader who has what stands on this stamp already (RFC 9110, 13.2.2), with its validators; else None."""
    etag, modified = _validators(stamped, personal)
    answered = get_conditional_response(request, etag, modified)
    if answered is None or answered.status_code != 304:
        return None
    _say(answered, etag, modified)
    return answered


def _validators(stamped: Stamped, personal: str) -> tuple[str, int | None]:
    """The tag of a page, and when it last changed; a page with something personal can change without its listing."""
    modified = None if personal else int(stamped.at.timestamp())
    return f'W/"{renderer()}-{stamped.number}{personal}"', modified


def _say(response: HttpResponseBase, etag: str, modified: int | None) -> None:
    response["ETag"] = etag
    if modified is not None:
        response["Last-Modified"] = http_date(modified)


def _taken_down(response: HttpResponse) -> tuple[int, bytes, str, list[tuple[str, str]]]:
    extra = [(name, value) for name, value in response.items() if name not in ("Content-Type", "Vary")]
    return response.status_code, response.content, response["Content-Type"], extra


def _personal(request: HttpRequest) -> str | None:
    """What tells this reader's copy from others', or None when the page says something only once."""
    theme = request.COOKIES.get("theme", "")[:5]
    if not request.user.is_authenticated:
        return f"-{theme}" if theme in ("light", "dark") else "-c"
    if request.session.get("_messages"):
        return None
    return f"-{theme}-m{request.user.pk}.{request.user.personal_stamp}.{request.user.unread}"
