"""A bare Django in one file: what the benchmarks compare servers with.

`application` is for WSGI servers, `bridged` is the same behind the shipped bridge, `asgi` is what Django itself offers an
ASGI server, and `streams` is `bridged` with event streams beside it. `/stamp` and `/list` need DATABASE_URL, and the tables
that bench/floor.py and bench/pages.py make.
"""

import asyncio
import os
import signal

import dj_database_url
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template import Context, Engine
from django.urls import path

from commons.serving import Bridge, Receive, Scope, Send, until_gone

ETAG = '"1"'
LARGE = b"x" * (4 * 1024 * 1024)
BEAT_SECONDS = 25  # how often an idle stream says that it lives: proxies close silent connections, often after 30 s

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="bench",  # noqa: S106
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None)}
    if os.environ.get("DATABASE_URL")
    else {},
)


def hello(request: HttpRequest) -> HttpResponse:
    """A few bytes; 304 for who has them. Reads what was sent, as a form would."""
    if request.headers.get("If-None-Match") == ETAG:
        return HttpResponseNotModified(headers={"ETag": ETAG})
    return HttpResponse(f"hello {len(request.body)}\n", headers={"ETag": ETAG})


def large(request: HttpRequest) -> HttpResponse:
    """Four megabytes: more than the system's buffers take from a server whose reader is slow."""
    return HttpResponse(LARGE)


def stamp(request: HttpRequest) -> HttpResponse:
    """What short polling asks: one row by its key; 304 when it is the one the page knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stamp FROM bench_stamp WHERE id = %s", [500])
        tag = f'"{cursor.fetchone()[0]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    return HttpResponse(tag, headers={"ETag": tag})


def rows(request: HttpRequest) -> HttpResponse:
    """A bare list: twenty rows in one query, through a template."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, title, said FROM bench_row ORDER BY id DESC LIMIT 20")
        page = LIST.render(Context({"rows": cursor.fetchall()}))
    return HttpResponse(page)


urlpatterns = [path("", hello), path("large", large), path("stamp", stamp), path("list", rows)]

LIST = Engine().from_string(
    "<!doctype html><title>List</title><ol>{% for row in rows %}"
    '<li><h2><a href="/{{ row.0 }}/">{{ row.1 }}</a></h2><p>{{ row.2 }}</p>{% endfor %}</ol>'
)

application = get_wsgi_application()
asgi = get_asgi_application()
bridged = Bridge(application)


class Streams:
    """`/stream`, an event stream that stays open in the event loop and costs no thread; `/news` wakes all of them."""

    def __init__(self) -> None:
        self.news: asyncio.Future[bytes] | None = None
        self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is neither of the two goes over the bridge."""
        if self.news is None:
            self.news = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        if scope["path"] == "/stream":
            await self.hold(receive, send)
        elif scope["path"] == "/news":
            self.wake(b"data: news\n\n")
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await bridged(scope, receive, send)

    async def hold(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            while not gone.done() and not self.stopping:
                news = self.news
                assert news
                either: set[asyncio.Future] = {gone, news}
                await asyncio.wait(either, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                said = news.result() if news.done() else b":\n\n"
                await send({"type": "http.response.body", "body": said, "more_body": not self.stopping})
        finally:
            gone.cancel()

    def wake(self, said: bytes) -> None:
        assert self.news
        self.news.set_result(said)
        self.news = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        """End all streams, or the server would wait for them; then have it stop by its own handler, on its other signal."""
        self.stopping = True
        self.wake(b"")
        os.kill(os.getpid(), signal.SIGINT)


streams = Streams()
