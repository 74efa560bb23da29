"""What tests/commons/test_streams.py serves: streams of whichever member the path names, behind the shipped bridge."""

import os
import time

from commons import news, streams
from commons.serving import Bridge

for name in ("BEAT_SECONDS", "LONGEST_SECONDS", "STREAMS"):
    if given := os.environ.get(f"TEST_{name}"):
        setattr(streams, name, float(given))


def wsgi(environ, start_response):
    """`/stream/17` for member 17; `/late/17` takes its time to answer."""
    what, _, member = environ["PATH_INFO"].strip("/").partition("/")
    headers = [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Set-Cookie", "a=1")]
    if what in ("late", "slow"):
        time.sleep(1)
    if member:
        headers.append((news.HEADER, member))
    start_response("200 OK", headers)
    return [news.EVENT] if what == "new" else [b""]


application = Bridge(wsgi, threads=4, streams=streams.Streams({"conninfo": os.environ["DATABASE_URL"]}))
