"""Web Push (RFC 8030): a message for one browser, which it alone can read (RFC 8291), and which says whose it is (RFC 8292).

A browser that was asked gives an endpoint, an address at the push service of whoever makes the browser, and two keys of its
own. What is posted there reaches the browser while no page of ours is open.
"""

import functools
import os
import struct
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from py_vapid import Vapid02
from py_vapid.utils import b64urldecode, b64urlencode

from commons import outgoing

RECORD = 4096  # bytes of a message as it is sent: more, no push service has to take (RFC 8030, 7.2)
MOST = RECORD - 86 - 17  # of them that are the message's own (RFC 8291, 4)
SIGNED_FOR = 12 * 60 * 60  # seconds that a signature holds; more than a day is refused (RFC 8292, 2)
CURVE = ec.SECP256R1()


class BadKey(ValueError):
    """This is not the key of a browser."""


class Browser(NamedTuple):
    """Where a browser is written to, and the two keys by which it alone can read that."""

    endpoint: str
    p256dh: str
    auth: str


def send(to: Browser, message: bytes, *, topic: str, seconds: int) -> outgoing.Answer:
    """Give a message to a browser's push service, which keeps it for so many seconds while the browser is away.

    Of several on one topic that wait there, the last takes the place of the others. Raises outgoing.NotReached.
    """
    headers = {
        "Authorization": signed(to.endpoint),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(seconds),
        "Urgency": "normal",
        "Topic": topic,
    }
    return outgoing.post(to.endpoint, encrypted(message, to), headers, anywhere=settings.PUSH_ALLOW_LOCAL)


# Whose message it is (VAPID, RFC 8292)


def fresh_key() -> str:
    """A new private key, as it is kept: its 32 bytes in base64url."""
    return b64urlencode(ec.generate_private_key(CURVE).private_numbers().private_value.to_bytes(32, "big"))


def public_key() -> str:
    """The public key, by which browsers know our messages: the `applicationServerKey` of the Push API."""
    return _point(_vapid(settings.VAPID_PRIVATE_KEY).public_key)


def signed(endpoint: str) -> str:
    """What says, to the push service of this endpoint, that a message comes from us, and whom to write to about it."""
    to = urlsplit(endpoint)
    claims = {
        "aud": f"{to.scheme}://{to.netloc}",
        "exp": int(time.time()) + SIGNED_FOR,
        "sub": f"mailto:{settings.SITE_CONTACT}",
    }
    return _vapid(settings.VAPID_PRIVATE_KEY).sign(claims)["Authorization"]


@functools.lru_cache(maxsize=2)
def _vapid(key: str) -> Vapid02:
    try:
        if len(b64urldecode(key.encode())) == 32:
            return Vapid02.from_raw(key.encode())
    except ValueError:
        pass
    raise ImproperlyConfigured("VAPID_PRIVATE_KEY is no private key of the curve P-256: 32 bytes in base64url.")


# What only the browser can read (RFC 8291)


def browser_keys(p256dh: str, auth: str) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    """A browser's public key and its secret, from base64url. Raises BadKey."""
    try:
        point, secret = b64urldecode(p256dh.encode()), b64urldecode(auth.encode())
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
    except ValueError as trouble:
        raise BadKey("p256dh") from trouble
    if len(point) != 65 or len(secret) != 16:
        raise BadKey("length")
    return key, secret


def encrypted(message: bytes, to: Browser) -> bytes:
    """A message as its browser alone can read it; each with a key and a salt of its own."""
    return _encrypted(message, to, ec.generate_private_key(CURVE), os.urandom(16))


def _encrypted(message: bytes, to: Browser, own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    if len(message) > MOST:
        raise ValueError(f"{len(message)} bytes are more than a push message holds.")
    theirs, secret = browser_keys(to.p256dh, to.auth)
    ours = _raw(own.public_key())
    # RFC 8291, 3.4: what both sides know, mixed with the browser's secret and both public keys
    shared = _derived(own.exchange(ec.ECDH(), theirs), secret, b"WebPush: info\0" + _raw(theirs) + ours, 32)
    # RFC 8188, 2: one record, the last (its text ends with 2), after a header that names the salt and our key
    key = _derived(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + struct.pack("!LB", RECORD, len(ours)) + ours
    return header + AESGCM(key).encrypt(nonce, message + b"\x02", None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _raw(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _point(key: ec.EllipticCurvePublicKey) -> str:
    return b64urlencode(_raw(key))
