"""The e-mail addresses that we sign: at which an answer to our mail becomes a comment, and to which mail of ours comes back.

What an address names stands in it, with a signature of ours, so that nobody can make one. Mail servers may fold the case of
what stands before the @ (RFC 5321, 2.4, allows it to matter; many do not keep it), and hold 64 characters of it (4.5.3.1.1):
hence base32 in small letters.
"""

import base64
import binascii
import datetime as dt
import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from knowledge.notifications.models import Letter

REPLY, BOUNCE = "reply", "bounce"  # what the addresses begin with
HOLDS_DAYS = 366  # for so long an answer to a mail is taken
SIGNATURE = 16  # bytes of it: nobody guesses one in 2 to the power of 128
NUMBER = 5  # bytes of a row's number
DAY_ONE = dt.date(2020, 1, 1)  # days are counted from it, in two bytes


class NotOurs(Exception):
    """The address is none that we signed, or it is older than a year."""


@dataclass(frozen=True)
class Answers:
    """What a reply address names: whose answer it is, to which post, and to which comment on it."""

    member: int
    post: int
    comment: int | None


def reply_address(member: int, post: int, comment: int | None = None) -> str:
    """The address at which this member's answer becomes a comment; nothing while the commons takes no mail."""
    if not settings.MAIL_REPLY_HOST:
        return ""
    today = (timezone.now().date() - DAY_ONE).days
    named = b"".join(_bytes(number) for number in (member, post, comment or 0)) + today.to_bytes(2)
    return f"{REPLY}+{_signed(REPLY, named)}@{settings.MAIL_REPLY_HOST}"


def answers(token: str) -> Answers:
    """What the token of a reply address names. Raises NotOurs."""
    named = _opened(REPLY, token, 3 * NUMBER + 2)
    member, post, comment = (int.from_bytes(named[at : at + NUMBER]) for at in range(0, 3 * NUMBER, NUMBER))
    age = (timezone.now().date() - DAY_ONE).days - int.from_bytes(named[-2:])
    if not 0 <= age <= HOLDS_DAYS:
        raise NotOurs
    return Answers(member, post, comment or None)


def bounce_address(letter: Letter) -> str:
    """Where this letter comes back to when it cannot be delivered (the envelope's sender); nothing while no mail is taken."""
    if not settings.MAIL_REPLY_HOST:
        return ""
    return f"{BOUNCE}+{_signed(BOUNCE, _bytes(letter.pk) + _digest(letter.to))}@{settings.MAIL_REPLY_HOST}"


def came_back(token: str) -> Letter | None:
    """The letter that came back; None where its reader has another address by now. Raises NotOurs."""
    named = _opened(BOUNCE, token, 2 * NUMBER)
    letter = Letter.objects.select_related("member", "reader").filter(pk=int.from_bytes(named[:NUMBER])).first()
    return letter if letter and _digest(letter.to) == named[NUMBER:] else None


def token_in(address: str, beginning: str) -> str:
    """The token of an address of ours that begins with this word; nothing where it is another's."""
    local, _, host = address.lower().rpartition("@")
    word, _, token = local.partition("+")
    ours = bool(settings.MAIL_REPLY_HOST) and host == settings.MAIL_REPLY_HOST
    return token if ours and word == beginning else ""


def _bytes(number: int) -> bytes:
    return number.to_bytes(NUMBER)


def _digest(address: str) -> bytes:
    return hashlib.sha256(address.lower().encode()).digest()[:NUMBER]


def _signature(purpose: str, named: bytes) -> bytes:
    return salted_hmac(f"address.{purpose}", named, algorithm="sha256").digest()[:SIGNATURE]


def _signed(purpose: str, named: bytes) -> str:
    return base64.b32encode(named + _signature(purpose, named)).decode().rstrip("=").lower()


def _opened(purpose: str, token: str, length: int) -> bytes:
    try:
        held = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        raise NotOurs from None
    named = held[:length]
    # Compared as it is written: base32 leaves some last bits open, and what differs in these is another address
    if len(named) != length or not constant_time_compare(token.lower(), _signed(purpose, named)):
        raise NotOurs
    return named
