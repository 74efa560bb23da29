"""Telling a WebSub hub (W3C Recommendation of 23 January 2018) which feeds have changed; it tells those who subscribed there."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from knowledge.notifications.things import things
from knowledge.posts.listing import HOME, Key

FORMS = ("atom", "rss", "json")
SECONDS = 10.0  # for the whole of a request; a socket's own time-out is for each of its steps


class HubTrouble(Exception):
    """The hub did not take the message; it is tried again later."""


def tell_hub(listings: Iterable[str]) -> None:
    """Say to the hub that the feeds of these listings ("area-3", "post-17" ...) have changed. Raises HubTrouble.

    How a publisher tells its hub is left to the two (section 7); what all hubs take is the form that was usual before the
    Recommendation: `hub.mode=publish`, and `hub.url` for each address, here those by which the feeds call themselves.
    """
    if settings.WEBSUB_HUB and (feeds := feeds_of(listings)):
        form = urlencode([("hub.mode", "publish"), *(("hub.url", feed) for feed in feeds)])
        _post(settings.WEBSUB_HUB, form.encode())


def feeds_of(listings: Iterable[str]) -> list[str]:
    """The addresses of the public feeds of these listings, in each form; of what is gone, or not public, none."""
    keys = {
        HOME if name == HOME.stamp else Key(name.rpartition("-")[0], int(name.rpartition("-")[2])) for name in listings
    }
    paths = {"/"} if HOME in keys else set()
    for key, thing in things(keys - {HOME}).items():
        paths.add(f"/posts/{key.object_id}/" if key.kind == "post" else thing.get_absolute_url())
    return [f"{settings.SITE_URL}{path}feed.{form}" for path in sorted(paths) for form in FORMS]


def _post(address: str, form: bytes) -> None:
    """Send a form, within `SECONDS`, whatever the other end does."""
    to = urlsplit(address)
    kind = http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
    connection = kind(to.netloc, timeout=SECONDS)
    path = f"{to.path or '/'}{f'?{to.query}' if to.query else ''}"
    try:
        with _deadline(connection):
            connection.request("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as trouble:
        raise HubTrouble(f"{to.hostname} was not told: {trouble or type(trouble).__name__}.") from trouble
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise HubTrouble(f"{to.hostname} answered {status}.")


@contextlib.contextmanager
def _deadline(connection: http.client.HTTPConnection):  # type: ignore[no-untyped-def]
    """Within this, the connection is cut off after `SECONDS`: a hub that sends a byte now and then could hold us for hours."""

    def cut() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
