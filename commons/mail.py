"""Where mail goes: to a server by SMTP when the site has one; in the trial, to a page that shows it, and to the console."""

import sys
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models


class TrialMail(models.Model):
    """A mail that the trial would have sent, kept for its mailbox page for some days."""

    to = models.TextField()
    subject = models.TextField()
    body = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"


class MailboxBackend(BaseEmailBackend):
    """Django's mail, kept in the trial's mailbox and shown on the console."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            TrialMail.objects.create(
                to=", ".join(message.recipients()), subject=str(message.subject), body=str(message.body)
            )
            print(f"\nMail to {', '.join(message.recipients())}: {message.subject}\n{message.body}", file=sys.stderr)
        return len(email_messages)
