"""Reading a mail that came: who sent it, to whom, and its text; within bounds, whatever it holds (RFC 5322, 2045, 3834).

Nothing here looks anything up, and nothing raises: a mail that cannot be read says so in `trouble`, in words for its sender.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import getaddresses

MOST_BYTES = 2 * 1024 * 1024
HEADER_BYTES = 128 * 1024
PARTS_MOST = 50
DEPTH_MOST = 10
LINES_MOST = 40_000
FROM_MOST = 1000  # characters of a header that names one address
ADDRESSES_MOST = 8000  # and of one that names several
TEXT_MOST = 400_000  # characters: more than any text here may hold, quoted text included

TOO_LARGE = f"It is larger than {MOST_BYTES // 1024 // 1024} MB. Send the text alone, without what is attached."
TOO_MANY = f"It has more than {PARTS_MOST} parts, or parts inside of parts. Send the text alone."
UNREADABLE = "It could not be read: what it says of itself does not fit what it holds. Send it as plain text."
NOT_TEXT = (
    "Its text could not be read: it is not written in the character set that it names. Send it as plain text in UTF-8."
)

_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f\ud800-\udfff]{1,64}@[A-Za-z0-9.-]{1,189}\Z")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,400}>")
_PART = re.compile(rb"^content-(?:type|transfer-encoding|disposition):", re.IGNORECASE | re.MULTILINE)
_CONTAINER = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb"^--", re.MULTILINE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\s]+")
TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
REPORT = "multipart/report"
OF_PROGRAMS = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond")
PROGRAMS = ("mailer-daemon@", "postmaster@", "no-reply@", "noreply@")


@dataclass(frozen=True)
class Mail:
    """A mail that came, as far as it can be read."""

    message: Message
    key: str
    message_id: str  # with its angle brackets; "" where it has none that is one
    sender: str  # the one address in From; "" where there is none, or more than one
    to: tuple[str, ...]
    subject: str
    answer_to: str  # where an answer goes: the Return-Path, else From; "" for none (RFC 3834, 4)
    automatic: str  # why it was not written by a person, in words; "" for one that was
    trouble: str  # why its text cannot be read, in words for who sent it; "" where it can

    @property
    def attachments(self) -> int:
        """How many files are attached; they are left out."""
        return sum(part.get_content_disposition() == "attachment" for part in _parts(self.message))


def read(raw: bytes, to: Sequence[str] = ()) -> Mail:
    """Read a mail, of which the envelope says that it went to `to`. Takes a bounded time; raises nothing."""
    trouble, message = _parsed(raw)
    sender = _sender(message)
    message_id = first_message_id(_header(message, "Message-ID"))
    identity = f"{message_id} {sender}".encode() if message_id else raw
    return_path = _header(message, "Return-Path")[:FROM_MOST]
    automatic = _automatic(message, return_path)
    returned = addresses_in(return_path)
    return Mail(
        message=message,
        key=hashlib.sha256(identity).hexdigest(),
        message_id=message_id,
        sender=sender,
        to=tuple(dict.fromkeys([*(one.lower() for one in to), *_recipients(message)])),
        subject=header_text(message, "Subject"),
        answer_to="" if automatic else (returned[0] if len(returned) == 1 else sender),
        automatic=automatic,
        trouble=trouble,
    )


def _parsed(raw: bytes) -> tuple[str, Message]:
    """The mail's parts; of one that is too large, or too deep, its headers alone, and why."""
    if trouble := _too_much(raw):
        raw = re.split(rb"\r?\n\r?\n", raw[:HEADER_BYTES], maxsplit=1)[0] + b"\n\n"
        return trouble, BytesHeaderParser(policy=compat32).parsebytes(raw)
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        if sum(1 for _ in _walk(message, 0)) > PARTS_MOST:
            return TOO_MANY, message
    except Exception:  # noqa: BLE001 - the library's parser has been known to raise anything on what nobody would write
        return UNREADABLE, Message()
    return "", message


def _too_much(raw: bytes) -> str:
    """Why a mail is not taken apart. Counted beforehand, since the parser's time grows with the lines times the depth."""
    if len(raw) > MOST_BYTES:
        return TOO_LARGE
    containers = len(_CONTAINER.findall(raw))
    if containers > DEPTH_MOST or len(_PART.findall(raw)) > 3 * PARTS_MOST:
        return TOO_MANY
    if raw.count(b"\n") + raw.count(b"\r") > 2 * LINES_MOST or (
        containers and len(_BOUNDARY.findall(raw)) > 20 * PARTS_MOST
    ):
        return TOO_MANY
    return ""


def _walk(message: Message, depth: int) -> Iterator[Message]:
    """The parts of a mail, but for those of mails that are attached to it."""
    yield message
    payload = message.get_payload()
    if depth < DEPTH_MOST and isinstance(payload, list) and message.get_content_maintype() == "multipart":
        for part in payload:
            if isinstance(part, Message):
                yield from _walk(part, depth + 1)


def _parts(message: Message) -> list[Message]:
    return list(_walk(message, 0))


# Headers


def _header(message: Message, name: str) -> str:
    """A header as it stands there, in one line; the first, where there are several."""
    try:
        return _UNSEEN.sub(" ", str(message.get(name, ""))[:HEADER_BYTES]).strip()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ""


def header_text(message: Message, name: str) -> str:
    """A header as one reads it: its encoded words decoded (RFC 2047), as far as they can be."""
    plain = _header(message, name)[:4000]
    try:
        return _UNSEEN.sub(" ", str(make_header(decode_header(plain)))).strip()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return plain


def addresses_in(header: str) -> list[str]:
    """The addresses that a header names, those that are written as one."""
    try:
        found = [address for _, address in getaddresses([header[:ADDRESSES_MOST]])]
    except (ValueError, IndexError, TypeError, RecursionError):
        return []
    return [address for address in found if _ADDRESS.match(address)]


def _sender(message: Message) -> str:
    """The one address in the one From there is. A mail with more of them says several things of who sent it."""
    headers = message.get_all("From") or []
    header = _header(message, "From")[:FROM_MOST]
    found = addresses_in(header) if len(headers) == 1 else []
    # An address written as somebody's name, before the real one, is counted too
    named = re.findall(r"[^\s<>\",;]+@[^\s<>\",;]+", header)
    return found[0] if len(found) == 1 and {each.lower() for each in named} <= {found[0].lower()} else ""


def _recipients(message: Message) -> list[str]:
    found: list[str] = []
    for name in TO:
        for header in (message.get_all(name) or [])[:20]:
            found += addresses_in(_UNSEEN.sub(" ", str(header)))
    return [address.lower() for address in found[:200]]


def first_message_id(header: str) -> str:
    """The first Message-ID in a header, with its angle brackets; "" where there is none."""
    found = _MESSAGE_ID.search(header[:4000])
    return found[0] if found else ""


def _automatic(message: Message, return_path: str) -> str:
    """Why a mail is a program's and not a person's (RFC 3834, 2 and 5): nothing automatic is ever answered, or taken for words."""
    submitted = _header(message, "Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return f"It was sent by a program (Auto-Submitted: {submitted[:60]})."
    if return_path.replace(" ", "") == "<>" or message.get_content_type() == REPORT:
        return "It is a report of a mail server."
    many = _header(message, "Precedence").lower() in {"bulk", "list", "junk"}
    if many or any(message.get(name) is not None for name in OF_PROGRAMS):
        return "It was sent by a program, or to many."
    local = _header(message, "From").lower().rpartition("<")[2]
    return "It was sent by a program." if local.startswith(PROGRAMS) else ""


# Text


class NoText(Exception):
    """The mail's text cannot be read; the message says why, in words for who sent it."""


def texts_of(mail: Mail) -> tuple[str, str]:
    """The text of a mail that is to be read, as plain text and as HTML; either may be "". Raises NoText.

    What is attached is left out, and so are mails that are passed on as attachments.
    """
    found: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in _parts(mail.message):
        kind = part.get_content_type()
        if kind in found and part.get_content_disposition() != "attachment":
            found[kind].append(_decoded(part))
    plain, html = ("\n\n".join(found[kind]) for kind in found)
    if len(plain) > TEXT_MOST or (not plain.strip() and len(html) > TEXT_MOST):
        raise NoText(f"It has more than {TEXT_MOST:,} characters.")
    return plain, html[:TEXT_MOST]


def _decoded(part: Message) -> str:
    """A part's text. Raises NoText where its bytes are not what they are said to be."""
    try:
        sent = part.get_payload(decode=True)
        charset = part.get_content_charset() or "utf-8"
        # What calls itself ASCII is often UTF-8, which holds it
        return sent.decode("utf-8" if charset in {"us-ascii", "ascii"} else charset) if isinstance(sent, bytes) else ""
    except (UnicodeError, LookupError, ValueError, TypeError):
        raise NoText(NOT_TEXT) from None
