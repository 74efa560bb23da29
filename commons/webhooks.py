"""The mail provider's webhooks: what it must show for us to believe it, and the addresses at which it calls (django-anymail).

The addresses of the one provider that is configured are there, and no others: each checks for itself alone who calls.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, ImproperlyConfigured, SuspiciousOperation
from django.db import DataError
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern

log = logging.getLogger(__name__)

BEGIN = "/anymail/"
# Providers that sign what they send, and what anymail calls their keys; the others show a name and a password (basic auth)
SIGNED: dict[str, tuple[str, ...]] = {
    "mailersend": ("MAILERSEND_SIGNING_SECRET", "MAILERSEND_INBOUND_SECRET"),
    "mailgun": ("MAILGUN_WEBHOOK_SIGNING_KEY",),
    "mandrill": ("MANDRILL_WEBHOOK_KEY",),
    "postal": ("POSTAL_WEBHOOK_KEY",),
    "resend": ("RESEND_SIGNING_SECRET",),
}
UNREADABLE = "This cannot be read as what the mail provider sends."
UNSIGNED = ("brevo", "mailjet", "mailtrap", "postmark", "sendgrid", "sparkpost")


def settings_of(provider: str, *, secret: str, signing_key: str) -> dict[str, Any]:
    """The settings of django-anymail for this provider. Raises ImproperlyConfigured where anybody could call in its name."""
    if not provider:
        return {}
    if provider not in SIGNED and provider not in UNSIGNED:
        known = ", ".join(sorted([*SIGNED, *UNSIGNED]))
        raise ImproperlyConfigured(f"ANYMAIL_PROVIDER is {provider!r}; it may be one of: {known}.")
    if not (signing_key if provider in SIGNED else secret):
        wanted = "ANYMAIL_SIGNING_KEY" if provider in SIGNED else "ANYMAIL_WEBHOOK_SECRET (user:password)"
        raise ImproperlyConfigured(
            f"ANYMAIL_PROVIDER is {provider!r}: set {wanted}, or anybody could stop mail to anybody."
        )
    keys = dict.fromkeys(SIGNED.get(provider, ()), signing_key)
    return {**keys, **({"WEBHOOK_SECRET": secret} if secret else {})}


def patterns() -> list[Any]:
    """The addresses of the configured provider's webhooks, below /anymail/; none without one."""
    from django.conf import settings

    if not settings.ANYMAIL_PROVIDER:
        return []
    from anymail.urls import urlpatterns

    own = (each for each in urlpatterns if str(each.name).startswith(f"{settings.ANYMAIL_PROVIDER}_") and _works(each))
    return [URLPattern(each.pattern, _refusing(each.callback.view_class).as_view(), name=each.name) for each in own]


def _works(pattern: URLPattern) -> bool:
    """Whether a webhook can be answered at all: some want a key for asking the provider back, which there is none of here."""
    from anymail.exceptions import AnymailConfigurationError

    try:
        pattern.callback.view_class()  # type: ignore[attr-defined]
    except AnymailConfigurationError:
        return False
    return True


# What reading raises of a body that nobody would send: signed, and of the wrong shape at any depth, or without end
_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
# What keeping raises of values that cannot be kept; whatever else fails is ours, and a 500: the provider tells it again
_UNKEEPABLE = (DataError, UnicodeError, ValueError, ArithmeticError, RecursionError)


def _refusing(view: Any) -> Any:
    """The same webhook, answering 400 to what is signed and yet cannot be read: no failure of ours, and the log says why.

    A provider that gets a 500 sends the same again, for days.
    """

    from anymail.exceptions import AnymailConfigurationError, AnymailError

    unreadable = (AnymailError, *_UNREADABLE)

    class Refusing(view):
        def run_validators(self, request: HttpRequest) -> None:
            with _refused(request, unreadable):
                super().run_validators(request)

        def parse_events(self, request: HttpRequest) -> Any:
            with _refused(request, unreadable):
                try:
                    return list(super().parse_events(request))
                except (
                    AnymailConfigurationError
                ) as trouble:  # anymail takes a body of another sort for another address's
                    raise ValueError(str(trouble)) from trouble

        def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with _refused(request, _UNKEEPABLE):
                return super().post(request, *args, **kwargs)

    return Refusing


@contextlib.contextmanager
def _refused(request: HttpRequest, troubles: tuple[type[Exception], ...]) -> Iterator[None]:
    """Within this, what shows that a body cannot be read becomes a BadRequest, said in the log."""
    try:
        yield
    except (SuspiciousOperation, BadRequest, ImproperlyConfigured):
        raise
    except troubles as trouble:
        log.warning("What the mail provider sent to %s cannot be read.", request.path, exc_info=trouble)
        raise BadRequest(UNREADABLE) from trouble
