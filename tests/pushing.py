"""The other side of Web Push: a browser that reads what was sent to it, and a push service that checks who sends."""

import json
import os
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid.utils import b64urldecode, b64urlencode

from commons.push import Browser

CURVE = ec.SECP256R1()


class Device:
    """A browser, with the private half of its key."""

    def __init__(self, endpoint: str, private: bytes = b"", secret: bytes = b"") -> None:
        self.key = (
            ec.derive_private_key(int.from_bytes(private, "big"), CURVE) if private else ec.generate_private_key(CURVE)
        )
        self.secret = secret or os.urandom(16)
        self.public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.browser = Browser(endpoint, b64urlencode(self.public), b64urlencode(self.secret))

    def decrypt(self, body: bytes) -> bytes:
        """What a browser does with a body (RFC 8188, 2; RFC 8291, 3): written from there, step by step, as it is received."""
        salt, record, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, cipher = body[21 : 21 + length], body[21 + length :]
        assert length == 65
        assert 18 <= len(cipher) <= record  # one record, the last
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        first = _expand(_hmac(self.secret, shared), b"WebPush: info\x00" + self.public + sender, 32)
        second = _hmac(salt, first)
        key = _expand(second, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = _expand(second, b"Content-Encoding: nonce\x00", 12)
        text = AESGCM(key).decrypt(nonce, cipher, None).rstrip(b"\x00")
        assert text[-1:] == b"\x02"
        return text[:-1]

    def read(self, body: bytes) -> dict[str, str]:
        return json.loads(self.decrypt(body))


def _hmac(key: bytes, text: bytes) -> bytes:
    mac = HMAC(key, hashes.SHA256())
    mac.update(text)
    return mac.finalize()


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(hashes.SHA256(), length, info).derive(key)


def claims_of(authorization: str, *, key: str) -> dict[str, str]:
    """What a push service learns of the sender (RFC 8292, 3): checked with the key that the browser was given."""
    scheme, _, rest = authorization.partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid"
    assert said["k"] == key
    signed, _, signature = said["t"].rpartition(".")
    raw = b64urldecode(signature.encode())
    assert len(raw) == 64
    ec.EllipticCurvePublicKey.from_encoded_point(CURVE, b64urldecode(key.encode())).verify(
        encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        signed.encode(),
        ec.ECDSA(hashes.SHA256()),
    )
    header, claims = (json.loads(b64urldecode(part.encode())) for part in signed.split("."))
    assert header == {"typ": "JWT", "alg": "ES256"}
    assert time.time() < claims["exp"] <= time.time() + 24 * 60 * 60
    return claims
