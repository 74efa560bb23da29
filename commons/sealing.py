"""Text that only the site can read: sealed with its secret, and opened with that one or those it had before."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

MARK = "gAAAAA"  # how everything that is sealed begins (Fernet: a version, and a time before the year 2106)
_SALT = "commons.sealing"


class CannotOpen(Exception):
    """This was not sealed here, or with a secret that is no longer known."""


def seal(text: str) -> str:
    """Return the text as only the site can read it, in letters of base64."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the text that was sealed. Raises CannotOpen."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen from None


def _keys() -> MultiFernet:
    return _made_of(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def _made_of(*secrets: str) -> MultiFernet:
    digests = [salted_hmac(_SALT, "key", secret=secret, algorithm="sha256").digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
