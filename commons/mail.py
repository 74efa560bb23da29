"""Where mail goes: to a server by SMTP when the site has one; in the trial, to a page that shows it, and to the console."""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from typing import Any

from django.core.mail import EmailMessage
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


SEND_SECONDS = 60.0  # how long one mail may take; EMAIL_TIMEOUT is that of each step alone


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
