"""Addresses from which mail came back: writing to them stops, their members are told on the site, and can have it tried again."""

import re
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.members.actions import own_pages_changed
from accounts.members.models import Member
from knowledge.notifications.models import SOFT_WITHIN, Bounce, BounceKind

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

REASON_MOST = 300  # characters of what a server says that are kept
COMPLAINED = "it was marked as unwanted"
# What enhanced status codes mean, in words (RFC 3463; 5.1.10 is RFC 7505's)
STATUSES = {
    "5.1.1": "no such mailbox",
    "5.1.2": "no such mail server",
    "5.1.3": "the address is not written as one",
    "5.1.6": "the mailbox has moved, and nobody knows where",
    "5.1.10": "that server takes no mail at all",
    "5.2.1": "the mailbox is switched off",
    "5.2.2": "the mailbox is full",
    "4.2.2": "the mailbox is full",
    "4.4.1": "its server did not answer",
    "4.4.7": "its server did not take it in time",
}
OF_THE_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\s]+")


@transaction.atomic
def bounced(address: str, reason: str, *, kind: BounceKind = BounceKind.HARD) -> Bounce:
    """Write down that mail to an address came back. No other is sent to it, and its member finds a word about it on the site.

    A soft one stops mail only when it is the third in a row (SOFT_MOST). One that stops it already is left as it is.
    """
    address, reason, now = address.lower(), _UNSEEN.sub(" ", reason).strip()[:REASON_MOST], timezone.now()
    Bounce.objects.bulk_create(
        [Bounce(address=address, kind=kind, reason=reason, times=0, at=now)], ignore_conflicts=True
    )
    known = Bounce.objects.select_for_update().get(address__iexact=address)
    if known.times and known.kind != BounceKind.SOFT:
        return known
    counts_on = known.times and now - known.at <= SOFT_WITHIN
    known.times, known.kind = (known.times + 1 if counts_on else 1), kind
    known.reason, known.at = reason, now
    known.save()
    for member in Member.objects.filter(email__iexact=address):
        own_pages_changed(member)
    return known


def bounce_of(viewer: "Member | AnonymousUser") -> Bounce | None:
    """What stops mail to this member's address, if anything does."""
    if not (viewer.is_authenticated and viewer.mail_comes_back):
        return None
    return Bounce.objects.stopping(viewer.email).first()


@transaction.atomic
def try_again(*, by: Member) -> None:
    """Write to a member's address again: they say that it takes mail. Twice is once."""
    Bounce.objects.filter(address__iexact=by.email).delete()
    own_pages_changed(by)


def in_words(status: str, said: str) -> str:
    """Why mail came back, for the person whose address it is: what the status means, else what the server said."""
    return STATUSES.get(status) or " ".join(said.split()) or "its server did not say why"


def refused_address(said: str) -> str:
    """The status by which a server says, while a mail is handed over, that there is no such address; else nothing.

    A 550 that is about policy, or about who sends (5.7.1, 5.1.8, "relay denied"), may be the site's trouble, and is none.
    """
    if status := status_in(said):
        return status if status in OF_THE_ADDRESS else ""
    return "5.1.1" if said.startswith("550") and "rela" not in said.lower() else ""


def status_in(said: str) -> str:
    """The enhanced status code in what a server said; "" where it gives none."""
    found = _ENHANCED.search(said)
    return found[1] if found else ""
