"""What a mail provider tells by webhook: mail that came back, complaints, and mail that came (django-anymail's signals)."""

from typing import Any

from anymail.signals import EventType, RejectReason, inbound, tracking

from knowledge.inbound.actions import receive
from knowledge.inbound.reading import addresses_in
from knowledge.notifications.bounces import COMPLAINED, bounced, in_words, status_in
from knowledge.notifications.models import BounceKind

REFUSES = "the mail provider does not send to it any more"
# Of what a provider would not even try: what says that the address is not to be written to, whoever asks
REJECTED_FOR = {RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM, RejectReason.UNSUBSCRIBED}


def listen() -> None:
    """Hear what the provider tells. A failure here is a 500, and the provider tells it again."""
    tracking.connect(told, dispatch_uid="what became of mail")
    inbound.connect(came, dispatch_uid="mail that came")


def told(sender: Any, event: Any, esp_name: str, **_: Any) -> None:
    """What became of a mail: nothing to do, or its address is not written to any more."""
    address = next(iter(addresses_in(str(event.recipient or ""))), "")
    if not address:
        return
    said = str(event.mta_response or event.description or "")
    if event.event_type in (EventType.COMPLAINED, EventType.UNSUBSCRIBED):
        bounced(address, COMPLAINED, kind=BounceKind.COMPLAINT)
    elif event.event_type == EventType.BOUNCED:
        status = status_in(said)
        kind = BounceKind.SOFT if status.startswith("4") else BounceKind.HARD
        bounced(address, in_words(status, said), kind=kind)
    elif event.event_type == EventType.REJECTED and event.reject_reason in REJECTED_FOR:
        bounced(address, REFUSES)


def came(sender: Any, event: Any, esp_name: str, **_: Any) -> None:
    """A mail that came, handed on by the provider."""
    to = event.message.envelope_recipient  # as the provider has it: mostly an address
    receive(event.message, to=(to,) if isinstance(to, str) and to else ())
