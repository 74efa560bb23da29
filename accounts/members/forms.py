"""The shape of what a person types about themselves: allauth's forms in our words, and the profile."""

import re
from collections import defaultdict
from functools import cache, cached_property
from typing import Any
from zoneinfo import available_timezones

from allauth.account import forms as allauth_forms
from django import forms
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, check_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts.members.models import RESERVED_HANDLES, Member
from commons import gate

PASSWORD = 200  # characters a password may have: more is no safer, only slower
ADDRESS = 254  # characters an e-mail address may have (RFC 5321)
CODE = 40  # characters of a code as somebody may paste it, with what came along

NO_ADDRESS = "That is not an e-mail address. One looks like name@example.org."
NO_NULL = "There is a character in it that cannot be typed. Write it again."


class OurWords(forms.Form):
    """One of allauth's forms, with our labels, hints and sentences, and within our lengths."""

    labels: dict[str, str] = {}
    hints: dict[str, str] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields.pop("password2", None)  # one can see what one types, and set it anew by a code
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.widget.attrs.pop("maxlength", None)  # a browser would cut off what is too long, and say nothing
            if name in ("email", "login"):
                self.address(field)
            elif "password" in name:
                self.password(field, is_new=name == "password1")
            elif name == "code":
                self.code(field)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, field.help_text)

    @staticmethod
    def address(field: forms.Field) -> None:
        field.label, field.help_text = "E-mail address", ""
        field.error_messages = {"required": "Write your e-mail address."}
        field.validators = [AddressValidator()]
        field.widget.attrs |= {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "email"}

    @staticmethod
    def password(field: forms.Field, *, is_new: bool) -> None:
        field.label = "New password" if is_new else "Password"
        field.help_text = "At least 10 characters. A few words that nobody would put together." if is_new else ""
        field.error_messages = {"required": "Write a password." if is_new else "Write your password."}
        field.validators = [PasswordValidator()]

    @staticmethod
    def code(field: forms.Field) -> None:
        field.label, field.help_text = "Code", "8 figures, such as 1234-5678."
        field.error_messages = {"required": "Write the code from the mail."}
        field.validators = [CodeValidator()]
        field.widget.attrs |= {"inputmode": "numeric", "spellcheck": "false", "autocomplete": "one-time-code"}


class AddressValidator:
    """An e-mail address that can be stored and written to."""

    def __call__(self, address: str) -> None:
        if len(address) > ADDRESS:
            raise ValidationError(f"An e-mail address has at most {ADDRESS} characters; this has {len(address)}.")
        try:
            forms.EmailField().run_validators(address)
        except ValidationError:
            raise ValidationError(NO_ADDRESS) from None


class PasswordValidator:
    """A password that can be hashed in no time to speak of."""

    def __call__(self, password: str) -> None:
        if len(password) > PASSWORD:
            raise ValidationError(f"A password has at most {PASSWORD} characters; this has {len(password):,}.")
        if "\x00" in password:
            raise ValidationError(NO_NULL)


class CodeValidator:
    """What could be a code: anything else is told so at once, and is no try."""

    def __call__(self, code: str) -> None:
        if len(code) > CODE or "\x00" in code:
            raise ValidationError("A code is 8 figures. Copy it from the mail.")


class SignInForm(OurWords, allauth_forms.LoginForm):
    is_limited = False  # whether this account's password was tried too often: then the page offers the way by code

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["login"].widget.attrs["autocomplete"] = "username"

    def clean(self) -> dict[str, Any] | None:
        """Say beside the password what is wrong with the two: which of them it is, nobody is told."""
        try:
            return super().clean()
        except ValidationError as error:
            self.is_limited = error.code == "too_many_passwords"
            if error.code != "email_password_mismatch":
                raise
            self.add_error("password", error)
            return self.cleaned_data


class HandleField(gate.Line):
    """A handle, as people write one: with its @ or without, in whatever case."""

    def to_python(self, value: Any) -> str:
        handle = super().to_python(value).removeprefix("@").lower()
        if handle and not re.fullmatch(gate.HANDLE, handle):
            raise ValidationError("A handle is 2 to 30 small letters a-z, figures, - and _. It begins with a letter.")
        return handle


class SignUpForm(OurWords, allauth_forms.SignupForm):
    """A name, an address, a password; and a handle for who wants to choose it: else it is made of the name."""

    name = gate.Line(
        label="Your name",
        help_text="As you sign what you write. It can be changed.",
        limit=gate.NAME,
        error_messages={"required": "Write your name."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    handle = HandleField(
        label="Handle (if you want to choose it)",
        help_text="What others write after @ to name you. It stays for good. Left empty, it is made of your name.",
        limit=200,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}),
    )
    labels = {"password1": "Password"}
    hints = {"email": "We send a code to it, to see that it is yours. It is shown to nobody."}
    field_order = ["name", "email", "password1", "handle"]

    def clean(self) -> dict[str, Any] | None:
        """Refuse a handle that somebody has; it is no clash with oneself when the form is sent twice."""
        cleaned = super().clean()
        if handle := self.cleaned_data.get("handle"):
            taken = handle in RESERVED_HANDLES or Member.objects.filter(handle=handle).exists()
            if taken and not (self.waiting and self.waiting.handle == handle):
                self.add_error("handle", f"@{handle} is taken. Choose another, or leave it empty.")
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[Member | None, HttpResponse | None]:
        """Take in a member, once: a second sending of the form leads to the same member.

        Whoever asks with another password for an address that has an account sees the same page as everybody else,
        and the address gets a mail that says so.
        """
        if not self.account_already_exists:  # type: ignore[has-type]
            try:
                with transaction.atomic():
                    return self.save(request), None
            except IntegrityError:  # the same form, sent twice at once
                self.account_already_exists = True
        if self.waiting:
            return self.waiting, None
        return super().try_save(request)

    @cached_property
    def waiting(self) -> Member | None:
        """The member who signed up with just this address and password, and has not confirmed the address."""
        address, password = self.cleaned_data.get("email", ""), self.cleaned_data.get("password1", "")
        member = Member.objects.filter(email=address, last_login=None, is_active=True).first()
        if member is None or member.emailaddress_set.filter(verified=True).exists():  # type: ignore[attr-defined]
            check_password(password, UNUSABLE_PASSWORD_PREFIX)  # takes as long as the other way
            return None
        return member if check_password(password, member.password) else None


class NewAddressForm(OurWords, allauth_forms.AddEmailForm):
    labels = {"email": "New e-mail address"}
    hints = {"email": "We send a code to it. Until you enter the code, the old address stays."}


class ChangePasswordForm(OurWords, allauth_forms.ChangePasswordForm):
    labels = {"oldpassword": "Password now"}

    field_order = ["oldpassword", "password1"]


class SetPasswordForm(OurWords, allauth_forms.SetPasswordForm):
    pass


class ForgottenPasswordForm(OurWords, allauth_forms.ResetPasswordForm):
    pass


class ResetPasswordForm(OurWords, allauth_forms.ResetPasswordKeyForm):
    pass


class ConfirmItIsYouForm(OurWords, allauth_forms.ReauthenticateForm):
    pass


class AskForCodeForm(OurWords, allauth_forms.RequestLoginCodeForm):
    """Asks for a code; from the sign-in form too, whose other button leads here."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.is_bound and "email" not in self.data and "login" in self.data:
            self.data = {**self.data.dict(), "email": self.data["login"]}  # type: ignore[attr-defined,union-attr]


class SignInCodeForm(OurWords, allauth_forms.ConfirmLoginCodeForm):
    pass


class AddressCodeForm(OurWords, allauth_forms.ConfirmEmailVerificationCodeForm):
    pass


class PasswordCodeForm(OurWords, allauth_forms.ConfirmPasswordResetCodeForm):
    pass


@cache
def time_zones() -> list[tuple[str, str | list[tuple[str, str]]]]:
    """The world's time zones by region, as a select offers them."""
    regions = defaultdict(list)
    for zone in sorted(available_timezones()):
        region, _, place = zone.partition("/")
        if place and region not in ("Etc", "SystemV", "US", "posix", "right"):
            regions[region].append((zone, place.replace("_", " ").replace("/", ", ")))
    return [("UTC", "UTC (no place in particular)"), *((region, regions[region]) for region in sorted(regions))]


class ProfileForm(forms.Form):
    """What a member says of themselves."""

    name = gate.Line(
        label="Your name",
        limit=gate.NAME,
        error_messages={"required": "Write your name."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    bio = gate.Text(
        label="About you",
        help_text="What you work on, where, since when. Everybody can read it.",
        limit=gate.BIO,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "short"}),
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        help_text="So that times and mails fit your day.",
        choices=time_zones,
        error_messages={
            "required": "Choose one of the list.",
            "invalid_choice": "There is no such time zone. Choose one of the list.",
        },
    )
