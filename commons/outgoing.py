"""Requests that the commons sends to others' servers: each within a time of its own, following no redirect, reading little."""

import contextlib
import functools
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from commons.alarm import alarm

SECONDS = 10.0  # for the whole of a request; a socket's own time-out is for each of its steps
READ = 500  # bytes of an answer's text that are read: how it says what is wrong

# What IANA's registries of special-purpose addresses say is not reached from everywhere, and what was withdrawn or stands
# for an address of the other version. Python's own list is shorter, and differs from version to version.
_NOT_PUBLIC = [
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by a carrier's customers (RFC 6598)
        "127.0.0.0/8",  # this machine (RFC 1122)
        "169.254.0.0/16",  # link-local (RFC 3927): a cloud's machines ask there what they are
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols' own (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # AMT (RFC 7450)
        "192.88.99.0/24",  # relays of 6to4, deprecated (RFC 7526)
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # many at once (RFC 5771)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, 8190)
        "::/96",  # unspecified, this machine, and IPv4-compatible, deprecated (RFC 4291)
        "64:ff9b:1::/48",  # translation within a network (RFC 8215)
        "100::/64",  # discarded (RFC 6666)
        "100:0:0:1::/64",  # a dummy prefix (RFC 9780)
        "2001::/23",  # protocols' own, Teredo among them (RFC 2928, 4380)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
        "3ffe::/16",  # 6bone, handed back (RFC 3701)
        "5f00::/16",  # segment routing (RFC 9602)
        "fc00::/7",  # unique local (RFC 4193)
        "fe80::/10",  # link-local (RFC 4291)
        "fec0::/10",  # site-local, deprecated (RFC 3879)
        "ff00::/8",  # many at once (RFC 4291)
    )
]
# Those that stand for an IPv4 address, and how many bits of them stand after it: that one counts
_HOLDING_IPV4 = {
    ipaddress.ip_network("::ffff:0:0/96"): 0,  # mapped (RFC 4291)
    ipaddress.ip_network("::ffff:0:0:0/96"): 0,  # translated (RFC 2765)
    ipaddress.ip_network("64:ff9b::/96"): 0,  # NAT64 (RFC 6052)
    ipaddress.ip_network("2002::/16"): 80,  # 6to4 (RFC 3056)
}


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
        # The address itself may let in whoever knows it, as a browser's for pushes does
        raise NotReached(f"The server of the address cannot be looked up: {trouble}.") from trouble
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
    """Return whether an IP address is one of the internet's: not this machine's, a network's own, or one for many at once."""
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    for block, after in _HOLDING_IPV4.items():
        if found in block:
            found = ipaddress.IPv4Address(int(found) >> after & 0xFFFFFFFF)
            break
    return found.is_global and not any(found in block for block in _NOT_PUBLIC)


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


def _deadline(connection: _Connection, until: float) -> contextlib.AbstractContextManager[None]:
    """Within this, the connection is cut off when its time is up: who sends a byte now and then could hold us for hours."""

    def cut() -> None:
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    return alarm(until - time.monotonic(), cut)
