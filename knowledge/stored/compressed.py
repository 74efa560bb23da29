"""Feeds, gzipped for readers that ask for it: whole texts, asked for again and again, are a third as long then.

Pages are left to the proxy before the site, if it wants to: they hold tokens beside what others wrote, and the length of
the two compressed together tells something of both (BREACH). A feed holds nothing of who asks for it.
"""

import gzip
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from knowledge.stored.kept import pages

FEED = re.compile(r"/feed\.(atom|rss|json)$")
TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
SHORT = 300  # bytes that are not worth it
LEVEL = 4  # half the time of the usual 6 or less, for a twentieth more bytes


class CompressedFeeds:
    """Middleware that gzips a feed, once for as long as it is kept. Its tags are weak: they stand for both (RFC 9110, 8.8.1)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not FEED.search(request.path_info):
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        takes_it = TAKES_GZIP.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if takes_it and response.status_code == 200 and request.method == "GET" and len(response.content) > SHORT:
            response.content = self._compressed(request, response)
            response["Content-Encoding"] = "gzip"
            response["Content-Length"] = str(len(response.content))
        return response

    @staticmethod
    def _compressed(request: HttpRequest, response: HttpResponse) -> bytes:
        text = response.content
        if "ETag" not in response or "private" in response.get("Cache-Control", ""):
            return gzip.compress(text, LEVEL, mtime=0)
        key = ("gzip", request.get_full_path(), response["ETag"])
        return pages.get(key, lambda: gzip.compress(text, LEVEL, mtime=0))
