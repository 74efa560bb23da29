"""What mail servers report of mail of ours: that it could not be delivered (RFC 3464), or that its reader complained (RFC 5965)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32

from knowledge.inbound.reading import REPORT, addresses_in, first_message_id
from knowledge.notifications.bounces import COMPLAINED, in_words
from knowledge.notifications.models import BounceKind

FAILURES_MOST = 50
ORIGINALS = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")  # RFC 3462, 6533


@dataclass(frozen=True)
class Failure:
    """One address that a mail did not reach for good, or whose owner complained."""

    addresses: tuple[str, ...]  # the one it was sent to, and the one it was forwarded to
    kind: BounceKind
    reason: str


@dataclass(frozen=True)
class Report:
    """A report: what failed (nothing, where mail is only late), and which mail of ours it speaks of."""

    failures: list[Failure] = field(default_factory=list)
    message_id: str = ""
    sent_from: tuple[str, ...] = ()  # envelope senders that it names: the address that we sign, if it is ours
    sent_to: tuple[str, ...] = ()


def report_of(message: Message) -> Report | None:
    """What a mail reports; None for one that is no report."""
    if message.get_content_type() != REPORT or not message.is_multipart():
        return None
    sort = str(message.get_param("report-type", "")).lower()
    if sort not in {"delivery-status", "feedback-report"}:
        return None
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    original = next((_original(part) for part in parts if part.get_content_type() in ORIGINALS), Message())
    failures: list[Failure] = []
    senders = addresses_in(str(original.get("Return-Path", "")))
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/global-delivery-status"}:
            failures += [failure for fields in _blocks(part) if (failure := _failure(fields))]
        elif kind == "message/feedback-report":
            for fields in _blocks(part):
                failures += _complaints(fields, original)
                senders += addresses_in(str(fields.get("Original-Mail-From", "")))
    return Report(
        failures[:FAILURES_MOST],
        first_message_id(str(original.get("Message-ID", ""))),
        tuple(sender.lower() for sender in senders),
        tuple(address.lower() for address in addresses_in(str(original.get("To", "")))),
    )


def _original(part: Message) -> Message:
    """The headers of the mail that a report speaks of."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return next((each for each in payload if isinstance(each, Message)), Message())
    return HeaderParser(policy=compat32).parsestr(str(payload))


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a report's machine-readable part: one for the mail, one for each recipient."""
    payload = part.get_payload()
    blocks = payload if isinstance(payload, list) else [HeaderParser(policy=compat32).parsestr(str(payload))]
    for block in blocks[: FAILURES_MOST + 1]:
        if isinstance(block, Message):
            # The feedback report of some senders is parsed as a mail of its own
            yield block


def _failure(fields: Message) -> Failure | None:
    """A recipient whom the mail did not reach for good: only "failed" is; "delayed" and "relayed" are not (RFC 3464, 2.3.3)."""
    if _field(fields, "Action").lower() != "failed":
        return None
    addresses = tuple(
        address.lower()
        for name in ("Original-Recipient", "Final-Recipient")
        for address in addresses_in(_field(fields, name).partition(";")[2])
    )
    status = _field(fields, "Status").split(" ")[0]
    said = _field(fields, "Diagnostic-Code").partition(";")[2].strip()
    kind = BounceKind.HARD if status.startswith("5.") else BounceKind.SOFT
    return Failure(addresses, kind, in_words(status, said)) if addresses else None


def _complaints(fields: Message, original: Message) -> list[Failure]:
    """Whose complaint a feedback report is; "not-spam" is none."""
    if _field(fields, "Feedback-Type").lower() not in {"abuse", "opt-out", "complaint"}:
        return []
    named = [*(fields.get_all("Original-Rcpt-To") or []), *(original.get_all("To") or [])]
    addresses = tuple(address.lower() for each in named[:20] for address in addresses_in(str(each)))
    return [Failure(addresses, BounceKind.COMPLAINT, COMPLAINED)]


def _field(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())
