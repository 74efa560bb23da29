"""Answers for pages and feeds that stand on a stamp: 304 without making anything, and pages kept while nothing changed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from knowledge.stored.fragments import renderer
from knowledge.stored.stamps import Stamped

T = TypeVar("T")


class Kept:
    """The last things made in this process, each under what it was made from: a key that changes when they change."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.things: OrderedDict[Hashable, object] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing under this key, made by `make` where it is not there. What was not asked for longest goes first."""
        with self.lock:
            if key in self.things:
                self.things.move_to_end(key)
                return self.things[key]  # type: ignore[return-value]
        thing = make()
        self.put(key, thing)
        return thing

    def put(self, key: Hashable, thing: object) -> None:
        """Keep a thing under this key, in place of what was there."""
        with self.lock:
            self.things[key] = thing
            self.things.move_to_end(key)
            while len(self.things) > self.limit:
                self.things.popitem(last=False)


pages = Kept(settings.KEPT_PAGES)
pieces = Kept(512)


def answer(request: HttpRequest, stamped: Stamped, make: Callable[[], HttpResponse]) -> HttpResponseBase:
    """What `make` gives, with validators (RFC 9110, 8.8) made from the stamp, or a 304 without calling it.

    `stamped` must have been read before anything the page shows. What a reader without a cookie gets is kept in this
    process, and given again for as long as the stamp stands.
    """
    plain = not request.COOKIES
    personal = "" if plain else _personal(request)
    if personal is None:
        return make()
    etag = f'W/"{renderer()}-{stamped.number}{personal}"'
    # A member's page can change without its listing: only the tag speaks for it.
    modified = int(stamped.at.timestamp()) if plain else None
    not_modified = get_conditional_response(request, etag, modified)
    if not_modified is not None and not_modified.status_code == 304:
        return not_modified
    if plain and settings.KEPT_PAGES and request.method == "GET":
        status, content, kind, extra = pages.get(
            (request.get_full_path(), request.get_host(), stamped.number, renderer()), lambda: _taken_down(make())
        )
        response = HttpResponse(content, status=status, content_type=kind)
        for name, value in extra:
            response[name] = value
    else:
        response = make()
    if response.status_code == 200:
        response["ETag"] = etag
        if modified is not None:
            response["Last-Modified"] = http_date(modified)
    return response


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
    return f"-{theme}-m{request.user.pk}.{request.user.personal_stamp}"
