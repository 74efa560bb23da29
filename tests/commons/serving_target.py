"""What tests/commons/test_serving.py serves: a small WSGI application behind the shipped bridge, each path a case."""

import hashlib
import io
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable

from commons import serving

serving.BODY_SECONDS = float(os.environ.get("TEST_BODY_SECONDS", serving.BODY_SECONDS))  # type: ignore[assignment]
serving.BODY_RATE = int(os.environ.get("TEST_BODY_RATE", serving.BODY_RATE))
LONG = [bytes([number]) * 10_000 for number in range(200)]  # 2 MB: far more than an answer may take in memory
LARGE = b"".join(LONG)
FILE = tempfile.NamedTemporaryFile()  # noqa: SIM115
FILE.write(LARGE)
FILE.flush()

counted = Counter()


class Closing:
    """An answer that counts whether it was closed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        counted["closed"] += 1


class ClosingFile(io.BufferedReader):
    """A file that counts whether it was closed."""

    def close(self):
        counted["closed"] += not self.closed
        super().close()


def wsgi(environ, start_response):
    """Answer by path."""
    path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    if path == "/counts":
        start_response("200 OK", headers)
        return [json.dumps([counted["called"], counted["closed"]]).encode()]
    if path == "/raises":
        raise RuntimeError("on purpose")
    counted["called"] += 1
    if path == "/slow":
        time.sleep(1)
    if path == "/sized":
        headers.append(("Content-Length", str(len(LARGE))))
    start_response("404 Not Found" if path == "/missing" else "200 OK", headers)
    if path == "/file":
        return environ["wsgi.file_wrapper"](ClosingFile(io.FileIO(FILE.name)))
    if path == "/short-file":
        return Closing(environ["wsgi.file_wrapper"](io.BytesIO(b"short")))
    if path in ("/long", "/endless", "/breaks", "/sized", "/large", "/raises-first"):
        return Closing(pieces(path))
    said = {name: value for name, value in environ.items() if isinstance(value, str)}
    said["body"] = hashlib.sha256(body).hexdigest()
    said["body length"] = str(len(body))
    return Closing([json.dumps(said).encode()])


def pieces(path):
    """The parts of a long answer."""
    if path == "/raises-first":
        raise RuntimeError("on purpose")
    if path in ("/sized", "/large"):
        yield LARGE
        return
    yield from LONG
    if path == "/breaks":
        raise RuntimeError("on purpose")
    while path == "/endless":
        time.sleep(0.01)
        yield LONG[0]


application = serving.Bridge(wsgi, threads=4)
