"""What we change in allauth: its sentences, where its mail leads, and who it takes in."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.urls import reverse

from accounts.members.actions import join
from commons import news
from commons.account_mail import NOTICE_HOLDS, send_soon
from commons.next_page import is_page
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

    # Signing out

    def logout(self, request: HttpRequest) -> None:
        """Sign out. The streams of the member's open pages end; they come back where somebody is still signed in."""
        member = request.user.pk
        super().logout(request)
        if member:
            news.end(member)

    # Where one is sent

    def is_safe_url(self, url: str) -> bool:
        """Only to a page of this site that does nothing."""
        return is_page(url)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def get_email_verification_redirect_url(self, email_address: "EmailAddress") -> str:
        return reverse("account")

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: people sign in on pages, and on nothing else."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Who asks, for the rate limits; the connection's own address where the proxies did not say."""
        try:
            return super().get_client_ip(request)
        except ImproperlyConfigured:
            return str(request.META.get("REMOTE_ADDR", ""))

    # Mail

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Have one mail sent, first in line. Its links lead to this site's own address, whatever the request said that its host is.

        The page does not wait for it, and says that it is on its way.
        """
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
