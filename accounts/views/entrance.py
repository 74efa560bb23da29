"""The pages by which one comes in and out, made by allauth: what each of them has from us."""

import datetime as dt
from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_not_required
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
    EmailVerificationProcess,
)
from allauth.account.internal.flows.login_by_code import LoginCodeVerificationProcess
from allauth.account.internal.stagekit import clear_login, get_pending_stage
from allauth.account.stages import LoginByCodeStage, LoginStage
from allauth.account.urls import urlpatterns as allauth_pages
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.account.views import (
    ConfirmEmailVerificationCodeView,
    ConfirmLoginCodeView,
    ConfirmPasswordResetCodeView,
    LoginView,
    RequestLoginCodeView,
    SignupView,
)
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, URLPattern, path, resolve, reverse

from accounts.members.actions import forget_unproven_password
from accounts.members.forms import SignInCodeForm
from commons.headers import NEVER_STORED
from commons.numbers import parse_number
from commons.rate_limits import Rate, folded, hit

LARGEST_FORM = 64 * 1024  # bytes that any form of these pages has, with room; allauth keeps some of them in the session
WAIT = 60  # seconds until one who tried too often may try again

# What somebody wants an account for, by the page they were sent from: "Sign in to ...".
PURPOSES = {
    "account": "see your account",
    "comment_edit": "change your comment",
    "comment_new": "comment",
    "comment_reply": "comment",
    "comment_withdraw": "take your comment back",
    "following": "see what you follow",
    "notifications": "see what is new for you",
    "organization_edit": "change what your organization says of itself",
    "organization_new": "add your organization",
    "post_edit": "write the next version",
    "post_new": "share what you are learning",
    "post_withdraw": "take your post back",
    "profile": "change your profile",
    "subscribe": "subscribe",
}


def with_ours(page: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """One of allauth's pages, never stored, and knowing where its reader wants to go."""

    @wraps(page)
    def answer(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        if (parse_number(request.META.get("CONTENT_LENGTH")) or 0) > LARGEST_FORM:
            raise BadRequest("These forms have a few short fields. Shorten what you typed, and send it again.")
        try:
            response = page(request, *args, **options)
        except ImmediateHttpResponse as immediate:
            response = immediate.response
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data.pop("site", None)  # allauth's, made of the request's host; ours says what the site is
            response.context_data["purpose"] = purpose(request)
            response.context_data["awaited"] = partial(awaited, request)  # asked by the templates that show it
            if not get_next_redirect_url(request):  # nor is an address elsewhere carried from page to page
                response.context_data |= {"redirect_field": "", "redirect_field_value": None}
        if "Location" in response:
            response["Location"] = on_to(request, response["Location"])
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            response.setdefault("Retry-After", str(WAIT))
        response["Cache-Control"] = NEVER_STORED
        return response

    return answer


def purpose(request: HttpRequest) -> str:
    """What the reader was about to do, in words that follow "to"; empty when they came of their own accord."""
    onward = get_next_redirect_url(request)
    if not onward:
        return ""
    try:
        return PURPOSES.get(resolve(urlsplit(onward).path).url_name or "", "go on")
    except (Resolver404, ValueError):
        return "go on"


def awaited(request: HttpRequest) -> dict[str, str] | None:
    """The address that a code is mailed to and the page that asks for it, while this browser is to enter one."""
    stage = get_pending_stage(request)
    if stage is not None and stage.key == LoginByCodeStage.key:
        page, process = "account_confirm_login_code", LoginCodeVerificationProcess.resume(stage)
    elif stage is not None or request.user.is_authenticated:
        page, process = "account_email_verification_sent", EmailVerificationProcess.resume(request)
    else:
        return None
    if process is None:
        return None
    path = passthrough_next_redirect_url(request, reverse(page), REDIRECT_FIELD_NAME)
    return {"address": process.state["email"], "page": page, "path": path}


def on_to(request: HttpRequest, location: str) -> str:
    """An address that one of these pages sends to; to another of them, with where the reader wants to go in the end."""
    entrance = reverse("account_login").removesuffix("login/")
    if not location.startswith(entrance) or urlsplit(location).query or location == get_next_redirect_url(request):
        return location
    return passthrough_next_redirect_url(request, location, REDIRECT_FIELD_NAME)


class BeginsAnew:
    """A page on which one may begin anew while a code is awaited.

    Whoever signed up with an address that has an account, or mistyped it, would else be led from every one of these pages
    to the one that asks for a code which never comes. The same form sent twice leads to the code of the first sending.
    """

    leads_to = ""  # the page that asks for this page's own code

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: LoginStage) -> HttpResponse | None:
        if request.method != "POST":
            return None
        code, address = awaited(request), request.POST.get("email") or request.POST.get("login") or ""
        if code and code["page"] == self.leads_to and code["address"].lower() == address.strip().lower():
            return redirect(code["path"])
        clear_login(request)
        request.session.pop(EMAIL_VERIFICATION_CODE_SESSION_KEY, None)
        return None


class SignIn(BeginsAnew, LoginView):
    """Sign in by password."""


class SignUp(BeginsAnew, SignupView):
    """Create an account."""

    leads_to = "account_email_verification_sent"


class AskForSignInCode(BeginsAnew, RequestLoginCodeView):
    """Ask for a sign-in code."""

    leads_to = "account_confirm_login_code"


class TriesAreCounted:
    """A page that asks for a code. However many codes are sent to it at once, as many are looked at as one has tries.

    allauth counts the failed ones in the session, which each of these requests reads before another has written it.
    """

    _process: AbstractCodeVerificationProcess
    begins_at = "account_login"  # the page that asks for another code

    def post(self, request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        process, state = self._process, self._process.state
        is_try = getattr(self, "_action", "verify") == "verify"
        tries = (Rate(process.max_attempts, dt.timedelta(seconds=max(process.timeout, 60))),)
        if is_try and hit(tries, "code", folded(state["email"]), state["at"], state["resend_count"]):
            process.abort()
            messages.error(request, get_adapter().error_messages["too_many_login_attempts"])
            return redirect(passthrough_next_redirect_url(request, reverse(self.begins_at), REDIRECT_FIELD_NAME))
        return super().post(request, *args, **options)  # type: ignore[misc, no-any-return]


class ConfirmSignInCode(TriesAreCounted, ConfirmLoginCodeView):
    """Enter a sign-in code."""

    begins_at = "account_request_login_code"

    def form_valid(self, form: Form) -> HttpResponse:
        if isinstance(form, SignInCodeForm):  # not the one that asks for another code
            forget_unproven_password(self._process.user, self._process.state["email"])
        return super().form_valid(form)


class ConfirmAddress(TriesAreCounted, ConfirmEmailVerificationCodeView):
    """Enter the code by which an address is confirmed."""


class ConfirmPasswordCode(TriesAreCounted, ConfirmPasswordResetCodeView):
    """Enter the code that a new password asks for."""


OURS = {
    "account_login": SignIn.as_view(),
    "account_signup": SignUp.as_view(),
    "account_request_login_code": AskForSignInCode.as_view(),
    "account_confirm_login_code": ConfirmSignInCode.as_view(),
    "account_email_verification_sent": login_not_required(ConfirmAddress.as_view()),
    "account_confirm_password_reset_code": ConfirmPasswordCode.as_view(),
}

urlpatterns = [
    path(str(page.pattern), with_ours(OURS.get(page.name or "", page.callback)), name=page.name)
    for page in allauth_pages
    if isinstance(page, URLPattern)
]
