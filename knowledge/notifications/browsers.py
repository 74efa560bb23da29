"""Turning web push on in a browser, and off."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.members.models import Member
from commons import push
from commons.access import require
from knowledge.notifications.models import Push, PushSubscription

if TYPE_CHECKING:
    from django.db.models import QuerySet

BROWSERS_MOST = 10  # of one member
ENDPOINT_MOST = 1000  # characters


def browsers_of(member: Member) -> "QuerySet[PushSubscription]":
    """The browsers in which a member turned web push on, in the order in which they did."""
    return PushSubscription.objects.filter(member=member).order_by("made_at", "pk")


@transaction.atomic
def push_on(member: Member, endpoint: str, p256dh: str, auth: str, *, name: str = "A browser") -> PushSubscription:
    """Push to this browser of a member's from now on. Twice is once. Raises ValidationError, in words.

    A browser is one member's: who turns push on in a browser where another had, gets theirs there, and the other none.
    """
    require(member.is_active)
    _check(endpoint, p256dh, auth)
    Member.objects.select_for_update().get(pk=member.pk)  # two at once are counted one after the other
    if PushSubscription.objects.filter(member=member).exclude(endpoint=endpoint).count() >= BROWSERS_MOST:
        raise ValidationError(f"It is on in {BROWSERS_MOST} browsers already. Turn it off in one of them first.")
    fresh = PushSubscription(
        member=member, endpoint=endpoint, p256dh=p256dh.rstrip("="), auth=auth.rstrip("="), name=name[:60]
    )
    others = [field.name for field in PushSubscription._meta.concrete_fields if field.name not in ("id", "endpoint")]
    PushSubscription.objects.bulk_create(
        [fresh], update_conflicts=True, unique_fields=["endpoint"], update_fields=others
    )
    this = PushSubscription.objects.get(endpoint=endpoint)
    Push.objects.filter(subscription=this, closed_at=None).exclude(notification__member=member).delete()
    return this


@transaction.atomic
def push_off(member: Member, pk: int) -> bool:
    """Push no more to this browser of a member's; whether it was on. Others' are left alone."""
    return bool(PushSubscription.objects.filter(member=member, pk=pk).delete()[0])


def _check(endpoint: str, p256dh: str, auth: str) -> None:
    """Refuse what no browser gives: it comes from a script, which anybody can write."""
    try:
        to = urlsplit(endpoint)
        is_address = bool(to.hostname) and to.port != 0 and to.username is None and not to.fragment
    except ValueError:
        is_address = False
    plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and len(endpoint) <= ENDPOINT_MOST
    if not (is_address and plain):
        raise ValidationError(
            "The browser gave no address at which it can be written to. Try again, or another browser."
        )
    named = to.scheme == "https" and not (to.hostname or "").replace(".", "").isdigit() and "[" not in to.netloc
    if not (named or settings.PUSH_ALLOW_LOCAL):
        raise ValidationError("The browser gave an address without TLS, or without a name; it is not written to.")
    try:
        push.browser_keys(p256dh, auth)
    except push.BadKey:
        raise ValidationError("The browser gave keys that are none. Try again, or another browser.") from None
