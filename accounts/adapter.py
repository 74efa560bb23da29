"""What we change in allauth: its sentences, where its mail leads, and who it takes in."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as this_request
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts.members.actions import confirm, join, set_password
from accounts.members.asked_mail import AskedTooOften, count_asked_mail
from accounts.members.known_browsers import is_known_browser, remember_browser
from commons import news
from commons.account_mail import NOTICE_HOLDS, send_soon
from commons.clients import client_ip, client_network
from commons.next_page import is_page
from commons.rate_limits import folded
from commons.site import absolute

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress
    from django.forms import BaseForm

    from accounts.members.models import Member

WEAK_PASSWORD = {
    "password_too_short": "It wants at least 10 characters.",
    "password_too_common": "Many people use just this one, so it is tried first. Take one of your own.",
    "password_too_similar": "It is too much like your name or address. Take something else.",
}

CODE_HOLDS = dt.timedelta(  # the longest that any code does
    seconds=max(
        settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT,
        settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT,
        settings.ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT,
    )
)

# Mail that anybody can have sent to an address
ASKED_MAIL = frozenset(
    f"account/email/{name}"
    for name in (
        "account_already_exists",
        "email_confirmation",
        "email_confirmation_signup",
        "login_code",
        "password_reset_code",
        "password_reset_key",
        "unknown_account",
    )
)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is closed.",
        "duplicate_email": "That is your address already.",
        "email_password_mismatch": "That address and password do not go together.",
        "email_taken": "That address belongs to another account.",
        "enter_current_password": "That is not your password.",
        "incorrect_code": "That is not the code. Look at the newest mail.",
        "incorrect_password": "That is not your password.",
        "rate_limited": "That was often in a short time. Wait a minute, then ask again.",
        "too_many_login_attempts": "That was often in a short time. Wait a few minutes, then try again.",
        "too_many_passwords": "That was often in a short time. Wait a few minutes, or sign in by a code.",
    }

    # Taking in

    def save_user(self, request: HttpRequest, user: "Member", form: "BaseForm", commit: bool = True) -> "Member":
        """Take in whom the sign-up form describes."""
        user.name = form.cleaned_data["name"]
        super().save_user(request, user, form, commit=False)
        return join(user, handle=form.cleaned_data.get("handle", "")) if commit else user

    def clean_password(self, password: str, user: "Member | None" = None) -> str:
        """Refuse a weak password in one sentence or two."""
        try:
            return super().clean_password(password, user=user)
        except ValidationError as error:
            sentences = [WEAK_PASSWORD.get(each.code or "", each.messages[0]) for each in error.error_list]
            raise ValidationError(" ".join(sentences)) from None

    def set_password(self, user: "Member", password: str) -> None:
        """Give a member another password. Sessions elsewhere end, and their streams."""
        set_password(user, password)

    # Signing in

    def login(self, request: HttpRequest, user: "Member") -> None:
        """Sign in; the first time, an address was confirmed for it."""
        confirm(user)
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: "Member", **options: Any) -> HttpResponse:
        """Lead on who has just signed in, in a browser that is known from now on to the pages for signing in."""
        response: HttpResponse = super().post_login(request, user, **options)
        remember_browser(response, user)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try of a password. Where there were too many, the form offers the way by code, which they do not close."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            key = "too_many_login_attempts" if request.user.is_authenticated else "too_many_passwords"
            raise self.validation_error(key) from None

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """What tries of a password are counted by: the account, however its address is written and the site is called.

        Who is signed in and confirms that it is them is counted apart: a stranger's tries are not theirs.
        """
        if request.user.is_authenticated:
            return f"{settings.SITE_URL} member {request.user.pk}"
        return f"{settings.SITE_URL} address {folded(str(credentials.get('email', '')))}"

    # Signing out

    def logout(self, request: HttpRequest) -> None:
        """Sign out. The streams of the member's open pages end; they come back where somebody is still signed in."""
        member = request.user.pk
        super().logout(request)
        if member:
            news.end(member)

    # Where one is sent

    def is_safe_url(self, url: str) -> bool:
        """Only to a page of this site that does nothing, and whose address is no longer than any here."""
        return is_page(url)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def get_email_verification_redirect_url(self, email_address: "EmailAddress") -> str:
        return reverse("account")

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: people sign in on pages, and on nothing else."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Who asks, for the rate limits (which count an IPv6 address by its /64), and for mail that says so."""
        return client_ip(request)

    # Mail

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Have one mail sent, first in line. Its links lead to this site's own address, whatever the request said that its host is.

        The page does not wait for it, and says that it is on its way. Where an address was sent as much as anybody may have sent
        to it, the answer is a 429 that says so.
        """
        if template_prefix in ASKED_MAIL:
            self.count_asked_mail(email)
        message = self.render_mail(
            template_prefix,
            email,
            {
                **context,
                "email": email,
                "site_name": settings.SITE_NAME,
                "site_url": settings.SITE_URL,
                "signup_url": absolute(reverse("account_signup")),
                "login_url": absolute(reverse("account_login")),
                "password_reset_url": absolute(reverse("account_reset_password")),
            },
        )
        holds_for = CODE_HOLDS if "code" in context else NOTICE_HOLDS
        send_soon(message, kind=template_prefix.rpartition("/")[2], holds_for=holds_for)

    @staticmethod
    def count_asked_mail(address: str) -> None:
        """Count a mail that anybody can have sent to an address by typing it; answer 429 where that were too many."""
        request = this_request.request
        try:
            count_asked_mail(
                address,
                network=client_network(client_ip(request)),
                is_code=True,
                is_known=is_known_browser(request, address),
            )
        except AskedTooOften as refused:
            response = import_string(import_string(f"{settings.ROOT_URLCONF}.handler429"))(request, refused)
            response["Retry-After"] = str(refused.retry_after)
            raise ImmediateHttpResponse(response) from None
