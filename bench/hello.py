"""A bare Django in one file: what the benchmarks compare servers with.

`application` is for WSGI servers, `bridged` is the same behind the shipped bridge, `asgi` is what Django itself offers an
ASGI server, and `streamed` is `bridged` with the shipped event streams. `/stream`, `/stamp` and `/list` need DATABASE_URL,
the latter two also the tables that bench/floor.py and bench/pages.py make.
"""

import os

import dj_database_url
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template import Context, Engine
from django.urls import path

from commons import news
from commons.serving import Bridge
from commons.streams import Streams

ETAG = '"1"'
LARGE = b"x" * (4 * 1024 * 1024)

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


def stream(request: HttpRequest, member: int) -> HttpResponse:
    """An open page of this member."""
    return HttpResponse(headers={news.HEADER: str(member)})


urlpatterns = [
    *(path("", hello), path("large", large), path("stamp", stamp), path("list", rows)),
    path("stream/<int:member>", stream),
]

LIST = Engine().from_string(
    "<!doctype html><title>List</title><ol>{% for row in rows %}"
    '<li><h2><a href="/{{ row.0 }}/">{{ row.1 }}</a></h2><p>{{ row.2 }}</p>{% endfor %}</ol>'
)

application = get_wsgi_application()
asgi = get_asgi_application()
bridged = Bridge(application)
streamed = Bridge(application, streams=Streams({"conninfo": os.environ.get("DATABASE_URL", "")}))
