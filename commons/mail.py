"""Where mail goes: to a server by SMTP when the site has one; in the trial, to a page that shows it, and to the console."""

import contextlib
import logging
import smtplib
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models


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

SEND_SECONDS = 40.0  # how long one mail may take; EMAIL_TIMEOUT is that of each step alone
MAILS_A_CONNECTION = 100  # afterwards a new one: servers count what comes on each
CLOSING = 421  # what a server answers that closes the line, or takes no mail at all just now (RFC 5321, 3.8)


class TooSlow(SMTPException):
    """The mail server took longer over one mail than a mail may take."""


@contextlib.contextmanager
def deadline(connection: Any, seconds: float = SEND_SECONDS) -> Iterator[None]:
    """Within this, whatever is under way on a mail connection ends after so many seconds. Raises TooSlow then.

    A server that answers each step just in time could else hold a sender for hours.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        server = getattr(connection, "connection", None)
        if sock := getattr(server, "sock", None):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (SMTPException, OSError) as error:
        if over.is_set():
            raise TooSlow(f"The mail server took more than {seconds:g} seconds.") from error
        raise
    finally:
        timer.cancel()


class Away(SMTPException):
    """No mail can be sent just now: the mail server is not reached, or refuses the line, its encryption, or who signs in."""


class KeptConnection:
    """A connection to the mail server, opened for the first mail and kept for the next; for one thread."""

    def __init__(self) -> None:
        self._backend: Any = None
        self._mails = 0
        self._handing_over = (
            False  # the text of a mail was begun: from here on, a cut line leaves open whether it was taken
        )

    def send(self, message: EmailMessage) -> None:
        """Send one mail, within SEND_SECONDS. Raises Away, or what smtplib raises where this one mail is concerned.

        A server may close a line between two mails (RFC 5321, 3.8): then the mail goes on a new one, since nothing of it was
        handed over yet.
        """
        if self._mails >= MAILS_A_CONNECTION:
            self.close()
        is_kept = self._backend is not None
        try:
            self._send(message)
        except (SMTPException, OSError) as error:
            if is_answer(error):
                raise
            self.close()
            if isinstance(error, Away | TooSlow) or (self._handing_over and not _is_closing(error)):
                raise
            if not is_kept:
                raise Away(in_words(error)) from error
            self.send(message)
        except Exception:
            self.close()  # it may be in the middle of something
            raise

    def _send(self, message: EmailMessage) -> None:
        self._handing_over = False
        if self._backend is None:
            self._open()
        message.connection = self._backend
        with deadline(self._backend, SEND_SECONDS):
            message.send()
        self._mails += 1

    def _open(self) -> None:
        self._backend, self._mails = get_connection(), 0
        try:
            self._backend.open()
        except (SMTPException, OSError) as error:
            self._backend = None
            raise Away(in_words(error)) from error
        server = getattr(self._backend, "connection", None)
        if isinstance(server, smtplib.SMTP):
            hand_over = server.data

            def data(text: Any) -> Any:
                self._handing_over = True
                return hand_over(text)

            server.data = data  # type: ignore[method-assign, assignment]

    def close(self) -> None:
        """Say goodbye, where a line is open. The next mail opens another."""
        backend, self._backend = self._backend, None
        if backend is None:
            return
        try:
            with deadline(backend, SEND_SECONDS):
                backend.close()
        except (SMTPException, OSError):
            log.debug("The mail server did not say goodbye.")


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
