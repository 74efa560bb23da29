"""Where mail goes: to a server by SMTP when the site has one; in the trial, to a page that shows it, and to the console."""

import contextlib
import logging
import math
import smtplib
import socket
import sys
import time
from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.db import models

from commons.alarm import alarm


class TrialMail(models.Model):
    """A mail that the trial would have sent, kept for its mailbox page for some days."""

    to = models.TextField()
    subject = models.TextField()
    body = models.TextField()
    html = models.TextField(default="")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"


class MailboxBackend(BaseEmailBackend):
    """Django's mail, kept in the trial's mailbox and shown on the console."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            TrialMail.objects.create(
                to=", ".join(message.recipients()),
                subject=str(message.subject),
                body=str(message.body),
                html=next((part[0] for part in getattr(message, "alternatives", ()) if part[1] == "text/html"), ""),
            )
            print(f"\nMail to {', '.join(message.recipients())}: {message.subject}\n{message.body}", file=sys.stderr)
        return len(email_messages)


log = logging.getLogger(__name__)

SEND_SECONDS = 40.0  # how long one mail may take, with its line; EMAIL_TIMEOUT is that of each step alone
GOODBYE_SECONDS = 5.0  # how long the end of a line may take
MAILS_A_CONNECTION = 100  # afterwards a new one: servers count what comes on each
CLOSING = 421  # what a server answers that closes the line, or takes no mail at all just now (RFC 5321, 3.8)
SMTP, LINE = "django.core.mail.backends.smtp.EmailBackend", "commons.mail.LineBackend"


class TooSlow(SMTPException):
    """The mail server took longer over one mail than a mail may take."""


class Away(SMTPException):
    """No mail can be sent just now: the mail server is not reached, or refuses the line, its encryption, or who signs in."""


class LineBackend(EmailBackend):
    """Django's mail by SMTP, on a line that another thread can cut from its first moment on: as it is greeted, or encrypted."""

    until = math.inf  # the time, by `time.monotonic`, after which no line is opened any more
    is_handing_over = False  # the text of a mail was begun: from here on, a cut line leaves open whether it was taken
    _held: socket.socket | None = None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        kind = _TlsLine if self.use_ssl else _Line
        return type(kind.__name__, (kind,), {"backend": self})

    def open(self) -> bool | None:
        """Open a line, where there is none, and greet the server on it."""
        is_new = super().open()
        if is_new and self.connection:
            self.connection.ehlo_or_helo_if_needed()
        return is_new

    def reach(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a mail server that answers. Raises OSError, also where `until` is past.

        (Looking up a name takes as long as the resolver lets it, at most.)
        """
        trouble: OSError = TimeoutError("timed out")
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for address in dict.fromkeys(str(each[4][0]) for each in found):
            if (left := self.until - time.monotonic()) <= 0:
                break
            try:
                line = socket.create_connection((address, port), timeout=min(self.timeout or left, left))
            except OSError as error:
                trouble = error
                continue
            line.settimeout(self.timeout)
            self._held = line.dup()  # once TLS has begun, only the duplicate can be cut without its knowing
            if time.monotonic() < self.until:  # else whoever cut this came before there was anything to cut
                return line
            line.close()
        raise trouble

    def cut(self) -> None:
        """End whatever is under way on the line, at once. For another thread."""
        if held := self._held:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        try:
            super().close()
        finally:
            held, self._held = self._held, None
            if held:
                held.close()


class _Line(smtplib.SMTP):
    """A line whose socket its backend opens, and holds."""

    backend: LineBackend

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # where smtplib connects
        return self.backend.reach(host, port)

    def data(self, msg: Any) -> Any:
        self.backend.is_handing_over = True
        return super().data(msg)


class _TlsLine(smtplib.SMTP_SSL, _Line):
    """The same, encrypted from the start: smtplib does that with the socket that `_Line` gets."""


class KeptConnection:
    """A connection to the mail server, opened for the first mail and kept for the next; for one thread."""

    def __init__(self) -> None:
        self._backend: Any = None
        self._mails = 0
        self._until = 0.0

    def send(self, message: EmailMessage) -> None:
        """Send one mail, within SEND_SECONDS for all of it: also for opening a line, and another where the first does not hold.

        Raises Away, TooSlow, or what smtplib raises where this one mail is concerned. A server that answers each step just in
        time could else hold a sender for longer than it has the mail for.
        """
        self._until = time.monotonic() + SEND_SECONDS
        with alarm(SEND_SECONDS, lambda: _cut(self._backend)):
            if self._mails >= MAILS_A_CONNECTION:
                self.close()
            try:
                self._send(message)
            except (SMTPException, OSError) as error:
                if not self._is_over():
                    raise
                kind = Away if isinstance(error, Away) else TooSlow
                raise kind(f"The mail server took more than {SEND_SECONDS:g} seconds.") from error

    def close(self) -> None:
        """Say goodbye, where a line is open. The next mail opens another."""
        backend, self._backend = self._backend, None
        if backend is None:
            return
        try:
            with alarm(GOODBYE_SECONDS, lambda: _cut(backend)):
                backend.close()
        except (SMTPException, OSError):
            log.debug("The mail server did not say goodbye.")

    def _send(self, message: EmailMessage) -> None:
        """Send one mail, on the line that was kept where there is one.

        A server may close a line between two mails (RFC 5321, 3.8): then the mail goes on a new one, since nothing of it was
        handed over yet.
        """
        is_kept = self._backend is not None
        try:
            if not is_kept:
                self._open()
            self._backend.is_handing_over = False
            message.connection = self._backend
            message.send()
            self._mails += 1
        except Exception as error:
            if is_answer(error):
                raise
            may_be_taken = getattr(self._backend, "is_handing_over", False) and not _is_closing(error)
            self._drop()
            if isinstance(error, Away) or not isinstance(error, SMTPException | OSError):
                raise
            if may_be_taken or self._is_over():
                raise
            if not is_kept:
                raise Away(in_words(error)) from error
            self._send(message)

    def _open(self) -> None:
        self._backend, self._mails = get_connection(LINE if settings.EMAIL_BACKEND == SMTP else None), 0
        self._backend.is_handing_over, self._backend.until = False, self._until
        try:
            self._backend.open()
        except (SMTPException, OSError) as error:
            raise Away(in_words(error)) from error

    def _drop(self) -> None:
        """Leave a line that does not hold, or that is in the middle of something, without a goodbye."""
        _cut(self._backend)
        self.close()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until


def _cut(backend: Any) -> None:
    if isinstance(backend, LineBackend):
        backend.cut()


def is_answer(error: BaseException) -> bool:
    """Whether the mail server answered that it does not take this one mail, now or ever, on a line that holds."""
    answers = (SMTPRecipientsRefused, SMTPDataError, SMTPSenderRefused)
    return isinstance(error, answers) and not _is_closing(error)


def _is_closing(error: BaseException) -> bool:
    if isinstance(error, SMTPRecipientsRefused):
        return any(code == CLOSING for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == CLOSING


def in_words(error: BaseException) -> str:
    """Return what went wrong, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def refused_for_good(error: BaseException) -> str:
    """What the server said, where it will never take this mail for this address (RFC 5321, 4.2.1: 5yz); else nothing.

    That it refuses who sends is the site's trouble, and not the address's: it may be mended, and is tried again.
    """
    code: int
    words: bytes | str
    if isinstance(error, SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    elif isinstance(error, SMTPDataError):
        code, words = error.smtp_code, error.smtp_error
    else:
        return ""
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"{code} {said}" if 500 <= code < 600 else ""
