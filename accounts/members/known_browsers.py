"""Browsers in which an account signed in before: a cookie says so, to the pages for signing in and to no other."""

import datetime as dt

from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.members.models import Member

COOKIE = "signed_in_before"  # the member's number, signed; the about page says what it is for
HOLDS = dt.timedelta(days=365)
_SALT = "accounts.known_browsers"


def remember_browser(response: HttpResponse, member: Member) -> None:
    """Have the browser say, for a year after the last sign-in and also after a sign-out, that this member signed in there."""
    response.set_signed_cookie(
        COOKIE,
        str(member.pk),
        salt=_SALT,
        max_age=HOLDS,
        path=reverse("account_login").removesuffix("login/"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_known_browser(request: HttpRequest, address: str) -> bool:
    """Return whether the account that confirmed this address was the last to sign in in the browser that asks."""
    member = request.get_signed_cookie(COOKIE, default="", salt=_SALT, max_age=HOLDS)
    return bool(member) and EmailAddress.objects.filter(user=member, email__iexact=address, verified=True).exists()
