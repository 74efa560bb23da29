"""What must not stand in a log: everything that opens something to whoever reads it, in whatever words it comes.

One list of kinds. The secret addresses among them are those of the URLconf whose secret part is a `<secret:…>`.
"""

import logging
import re
import threading
from functools import cache

from django.urls import URLPattern, URLResolver, get_resolver

from commons.converters import is_secret

HIDDEN = "…"
_SLASH = r"(?:/|%2[fF]|%252[fF])"  # as it stands in an address, or in one that stands in another
_SECRET = rf"(?:(?!{_SLASH})[^\s?#&\"'<>])+"
_CONVERTER = re.compile(r"<(?:[^>:]+:)?[^>]+>")
KINDS = (
    # a name and a password in an address, and in the header that shows them
    (re.compile(r"(://)[^\s/:]*:[^\s/@]*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(Basic|Bearer)\s+[\w+/=.~-]{8,}"), rf"\1 {HIDDEN}"),
    # e-mail addresses that we sign, and a member's private one
    (re.compile(r"\b(\w+(?:\+|%2[bB]))[\w-]{12,}(?=@|%40)"), rf"\1{HIDDEN}"),
    # what a form or an address names so
    (re.compile(r"([?&](?:key|token|code|password\d?|oldpassword|secret|signature)=)[^&\s]+"), rf"\1{HIDDEN}"),
    # the address at which a browser takes a push, and every other part of an address that is as long
    (re.compile(r"(?<=[/=])[\w%:=~.+-]{100,}"), HIDDEN),
)
_looking = threading.local()


class WithoutSecrets(logging.Formatter):
    """Writes a line of the log, its traceback too, with nothing in it that opens anything."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def masked(text: str) -> str:
    """Return the text with `HIDDEN` in the place of each secret."""
    for kind, instead in KINDS:
        text = kind.sub(instead, text)
    if (addresses := _addresses()) is not None:
        text = addresses.sub(rf"\1{HIDDEN}", text)
    return text


def _addresses() -> re.Pattern[str] | None:
    """What finds a secret address; None while the URLconf is being read, when none has been asked for yet."""
    if getattr(_looking, "now", False):
        return None
    _looking.now = True
    try:
        return _secret_addresses()
    except Exception:  # noqa: BLE001 - whatever is wrong with the URLconf is what the line is about
        return None
    finally:
        _looking.now = False


@cache
def _secret_addresses() -> re.Pattern[str]:
    before = sorted({_before_secret(route) for route in routes() if is_secret(route)})
    return re.compile(f"({'|'.join(before) or '(?!)'}){_SECRET}", re.IGNORECASE)


def _before_secret(route: str) -> str:
    """The pattern of what stands before a route's first secret part.

    It begins with one slash, however many stand there: each of thousands would be a place to look at all the others from.
    """
    words = [part for part in route.partition("<secret:")[0].split("/") if part]
    patterns = (f"{_SECRET}".join(map(re.escape, _CONVERTER.split(word))) for word in words)
    return _SLASH + rf"{_SLASH}+".join(patterns) + rf"{_SLASH}+"


def routes() -> list[str]:
    """Return every route of the URLconf, from its first part on."""
    return _routes_of(get_resolver(), "")


def _routes_of(resolver: URLResolver, before: str) -> list[str]:
    found: list[str] = []
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        found += [route] if isinstance(each, URLPattern) else _routes_of(each, route)
    return found
