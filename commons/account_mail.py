"""Mail about somebody's own account: codes to sign in or to confirm an address, and word of what changed.

A page makes a row in its own transaction and wakes the job that sends it: no request waits for a mail server. A code is a secret.
Its text is sealed with a key made of SECRET_KEY for as long as it waits, and taken out of the row as soon as it is sent, has run
out or was given up; so it stands in no copy of the database, no list and no log.
"""

import datetime as dt
import json
import logging
import re
from collections.abc import Callable
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from commons import queue
from commons.delivery import RUN_SECONDS, MailDelivery, MailRun, Outcome, backoff, is_over
from commons.sealing import CannotOpen, seal, unseal
from commons.site import host

log = logging.getLogger(__name__)

NOTICE_HOLDS = dt.timedelta(days=2)  # what is no code is worth sending for so long
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=5), dt.timedelta(seconds=30)  # somebody looks at a page and waits
FIELD_MOST = 80
_FIGURES = re.compile(r"\d{4,}")
_SALT = "commons.account_mail"


class AccountMail(MailDelivery):
    """One mail about an account. Its text is sealed while it waits, and gone afterwards."""

    address = models.EmailField(max_length=254)
    kind = models.CharField("what it is about: the name of its template", max_length=FIELD_MOST)
    sealed = models.TextField(blank=True)
    holds_until = models.DateTimeField()  # afterwards it helps nobody: a code has run out

    class Meta:
        constraints = [
            models.CheckConstraint(name="account_mail_is_blanked", condition=Q(closed_at=None) | Q(sealed="")),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(closed_at=None), name="account_mail_due"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="account_mail_done"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.address}"

    @classmethod
    def closing(cls) -> dict[str, Any]:
        return {"sealed": ""}

    def try_later(self, words: str) -> None:
        """Try again after some seconds, for as long as it holds.

        What a server says is kept, and logged, without its figures: they may be a code.
        """
        words = _FIGURES.sub("…", words)
        log.warning("Mail %s about an account could not be sent (try %s): %s", self.pk, self.tries, words)
        self.put_off(backoff(self.tries, first=FIRST_WAIT, most=LONGEST_WAIT), words)

    def refuse(self, words: str) -> None:
        super().refuse(_FIGURES.sub("…", words))


class MailHold:
    """Asks whether mail is held. What holds it stands on a floor above, and is handed up here (`read_from`)."""

    def __init__(self) -> None:
        self._since: Callable[[], dt.datetime | None] = lambda: None

    def read_from(self, since: Callable[[], dt.datetime | None]) -> None:
        """Have `since` say from when on mail is held, or None where it goes out."""
        self._since = since

    def since(self) -> dt.datetime | None:
        """Return from when on mail is held: what was made before stays, what somebody waits for since then goes out."""
        return self._since()


mail_hold = MailHold()


@transaction.atomic
def send_soon(message: EmailMessage, *, kind: str, holds_for: dt.timedelta = NOTICE_HOLDS) -> None:
    """Have a mail sent once this transaction commits, first in line; not after `holds_for`."""
    mail_hold.since()  # a hold that begins, begins before this is made
    now = timezone.now()
    for address in message.to:
        AccountMail.objects.create(
            address=address, kind=kind[-FIELD_MOST:], sealed=_seal(message), due_at=now, holds_until=now + holds_for
        )
    queue.wake(queue.CODES)


def send_account_mail(*, seconds: float = RUN_SECONDS) -> int:
    """Send what is due, one at a time, so that none waits behind one that is slow; return how many were sent."""
    close_run_out()
    held_since = mail_hold.since()
    ours = AccountMail.objects.all()
    if held_since:
        ours = ours.filter(due_at__gte=held_since)
    with MailRun(queue.CODES, seconds=seconds) as run:
        for rows in run.rows(lambda: ours.claim_due(1, now=timezone.now()), 1):
            run.send(rows, _compose)
    if later := ours.free_again_at(timezone.now()):
        queue.wake_at(queue.CODES, later)
    return run.sent


def close_run_out() -> int:
    """Close, and blank, what has run out before it could be sent; return how many those were."""
    now = timezone.now()
    return int(
        AccountMail.objects.filter(is_over("holds_until", now, NOTICE_HOLDS), closed_at=None).update(
            outcome=Outcome.FAILED,
            reason="It had run out before it could be sent.",
            closed_at=now,
            leased_until=None,
            sealed="",
        )
    )


def is_on_its_way(address: str) -> bool:
    """Whether mail about an account waits to be sent to this address."""
    return AccountMail.objects.filter(address__iexact=address, closed_at=None).exists()


def _seal(message: EmailMessage) -> str:
    html = next((part[0] for part in getattr(message, "alternatives", ()) if part[1] == "text/html"), "")
    text = {"subject": str(message.subject), "body": str(message.body), "html": str(html), "from": message.from_email}
    return seal(json.dumps(text))


def _compose(row: AccountMail) -> EmailMessage | None:
    """Return the mail that a row is; None, and the row closed, where it has run out or cannot be opened any more."""
    if row.holds_until <= timezone.now():
        close_run_out()
        return None
    try:
        text = json.loads(unseal(row.sealed))
    except CannotOpen:
        row.close(Outcome.FAILED, "It was sealed with another SECRET_KEY.")
        return None
    message = EmailMultiAlternatives(text["subject"], text["body"], text["from"], [row.address])
    message.extra_headers["Message-ID"] = _message_id(row)
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    if text["html"]:
        message.attach_alternative(text["html"], "text/html")
    return message


def _message_id(row: AccountMail) -> str:
    """Return the same identifier for every sending of one mail (RFC 5322, 3.6.4)."""
    name = salted_hmac(_SALT, f"{row.pk} {row.due_at.isoformat()}", algorithm="sha256").hexdigest()[:32]
    return f"<account.{name}@{host()}>"
