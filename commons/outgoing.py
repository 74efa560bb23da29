"""Requests that the commons sends to others' servers: each within a time of its own, following no redirect, reading little."""

import contextlib
import functools
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

SECONDS = 10.0  # for the whole of a request; a socket's own time-out is for each of its steps
READ = 500  # bytes of an answer's text that are read: how it says what is wrong

# Addresses that stand for one of the other version inside them (RFC 6052)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotReached(Exception):
    """The server could not be asked, or did not answer in time; in words."""


class Refused(NotReached):
    """The address leads where it must not."""


class Answer(NamedTuple):
    """What a server answered: its status, when it wants to be asked again, and how its text begins."""

    status: int
    retry_after: str
    text: str


def post(address: str, body: bytes, headers: Mapping[str, str], *, anywhere: bool = False) -> Answer:
    """Send `body` to an address within `SECONDS`, whatever the other end does. Raises NotReached.

    An address that came from outside must lead to a public one, over TLS: it could else have us ask what only this machine or
    its neighbors may. Its name is looked up once, and the address that was looked at is the one connected to. An address that
    whoever runs the commons has set may lead `anywhere`. (Looking up a name takes as long as the resolver lets it, at most.)
    """
    until = time.monotonic() + SECONDS
    try:
        to = urlsplit(address)
        connection = _Connection(to, _addresses(to, anywhere), until)
    except (OSError, ValueError) as trouble:
        raise NotReached(f"{address} cannot be looked up: {trouble}.") from trouble
    try:
        with _deadline(connection, until):
            path = f"{to.path or '/'}{f'?{to.query}' if to.query else ''}"
            host = to.netloc.rpartition("@")[2]
            connection.request("POST", path, body, {"Host": host, "Connection": "close", **headers})
            answer = connection.getresponse()
            text = answer.read(READ).decode("utf-8", "replace")
            return Answer(answer.status, answer.getheader("Retry-After", ""), text)
    except (OSError, ValueError, http.client.HTTPException) as trouble:
        raise NotReached(f"{to.hostname} did not answer: {trouble or type(trouble).__name__}.") from trouble
    finally:
        connection.close()


def _addresses(to: SplitResult, anywhere: bool) -> list[str]:
    """Where a name leads. Raises Refused if that is where outsiders must not send us."""
    if to.scheme not in ("http", "https") or not to.hostname:
        raise Refused("This is no address of a web server.")
    if to.scheme != "https" and not anywhere:
        raise Refused(f"{to.hostname} is not asked without TLS.")
    found = socket.getaddrinfo(to.hostname, _port(to), type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not anywhere and not all(map(is_public, addresses)):
        raise Refused(f"{to.hostname} leads to an address that is not public.")
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's: not this machine's, a network's own, or one for many at once."""
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
        found = found.ipv4_mapped or found.sixtofour or inner or found
    return found.is_global and not found.is_multicast


def _port(to: SplitResult) -> int:
    return to.port or (443 if to.scheme == "https" else 80)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """A connection to one of these addresses, by the name they were found under."""

    def __init__(self, to: SplitResult, addresses: list[str], until: float) -> None:
        super().__init__(to.hostname or "", _port(to))
        self.tls = to.scheme == "https"
        self.addresses, self.until = addresses, until

    def connect(self) -> None:
        plain = self._reach()
        # Held before the handshake, so that the deadline can cut that off too
        self.sock = (
            _tls().wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False) if self.tls else plain
        )
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def _reach(self) -> socket.socket:
        trouble: OSError = TimeoutError("timed out")
        for address in self.addresses:
            left = self.until - time.monotonic()
            if left <= 0:
                break
            try:
                return socket.create_connection((address, self.port), timeout=left)
            except OSError as error:
                trouble = error
        raise trouble


@contextlib.contextmanager
def _deadline(connection: _Connection, until: float) -> Iterator[None]:
    """Within this, the connection is cut off when its time is up: who sends a byte now and then could hold us for hours."""

    def cut() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(until - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
