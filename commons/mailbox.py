"""A mailbox on another server, looked into over TLS (IMAP, RFC 3501): what is new in it, and that it was seen."""

import contextlib
import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from commons.numbers import parse_number

STEP_SECONDS = 20.0  # for each answer of the server
RUN_SECONDS = 50.0  # for all of them together
MAILS_MOST = 200  # of one look; the next comes in a minute


class Away(Exception):
    """The mailbox cannot be looked into; the message says why."""


class Mailbox:
    """An open mailbox."""

    def __init__(self, server: imaplib.IMAP4) -> None:
        self.server = server

    def new(self) -> list[str]:
        """The numbers (UIDs) of mails that were neither seen nor put aside, oldest first."""
        _, found = self.server.uid("SEARCH", "UNSEEN", "UNFLAGGED")
        numbers = b" ".join(part for part in found if isinstance(part, bytes)).decode("ascii", "replace").split()
        return sorted((number for number in numbers if parse_number(number)), key=int)[:MAILS_MOST]

    def mail(self, number: str, most: int) -> bytes:
        """A mail, as it came; of a larger one so many bytes and one. It stays unseen."""
        # A server that sends more than it is asked for is cut off by the deadline of the whole look
        _, found = self.server.uid("FETCH", number, f"(BODY.PEEK[]<0.{most + 1}>)")
        return next((part[1] for part in found if isinstance(part, tuple) and isinstance(part[1], bytes)), b"")

    def seen(self, number: str) -> None:
        """Mark a mail as seen: it was received."""
        self.server.uid("STORE", number, "+FLAGS.SILENT", "(\\Seen)")

    def put_aside(self, number: str) -> None:
        """Flag a mail that nothing can be done with, for a person to look at; it is not fetched again."""
        self.server.uid("STORE", number, "+FLAGS.SILENT", "(\\Flagged)")


@contextlib.contextmanager
def mailbox(url: str, *, seconds: float = RUN_SECONDS) -> Iterator[Mailbox]:
    """Open a mailbox (imaps://user:password@host/INBOX) for so many seconds at most. Raises Away when that cannot be, or ends.

    Its server must show a certificate that this machine trusts, for its name.
    """
    parts = urlsplit(url)
    if parts.scheme != "imaps" or not (parts.hostname and parts.username and parts.password):
        raise Away("INBOUND_IMAP_URL is not written as imaps://user:password@host/INBOX")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if re.search(r'["\\\r\n]', folder):
        raise Away("INBOUND_IMAP_URL names a folder that cannot be named")
    line = _Line(parts.hostname, parts.port or 993)
    timer = threading.Timer(seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        server = line.open()
        with server:  # says goodbye at the end
            server.login(unquote(parts.username), unquote(parts.password))
            answer, words = server.select(f'"{folder}"')
            if answer != "OK":
                raise Away(f"the folder {folder} cannot be opened ({words!r})")
            yield Mailbox(server)
    except (imaplib.IMAP4.error, OSError) as trouble:
        raise Away(" ".join(str(trouble).split()) or type(trouble).__name__) from trouble
    finally:
        timer.cancel()
        line.cut()


class _Line:
    """The line to a server, which can be cut at any moment: while it is being opened too, and while TLS is agreed upon."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.handle: socket.socket | None = None

    def open(self) -> imaplib.IMAP4:
        line = self

        class Server(imaplib.IMAP4_SSL):
            def _create_socket(self, timeout: float | None) -> socket.socket:
                plain = socket.create_connection((line.host, line.port), timeout)
                line.handle = plain.dup()
                return self.ssl_context.wrap_socket(plain, server_hostname=line.host)

        return Server(self.host, self.port, ssl_context=ssl.create_default_context(), timeout=STEP_SECONDS)

    def cut(self) -> None:
        if self.handle is not None:
            with contextlib.suppress(OSError):
                self.handle.shutdown(socket.SHUT_RDWR)
            self.handle.close()
