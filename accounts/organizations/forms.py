from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from accounts.organizations.models import Kind, Language
from commons import gate

CHOOSE = {"required": "Choose one of the list.", "invalid_choice": "That is not in the list. Choose one of it."}
WEBSITE = 300  # characters an address may have


class WebsiteField(gate.Line):
    """A web address, as people write one: https:// is put before it where it is missing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=WEBSITE, **options)

    def clean(self, value: str) -> str:
        address = super().clean(value)
        if not address:
            return ""
        if "://" not in address:
            address = f"https://{address}"
        try:
            URLValidator(schemes=["http", "https"])(address)
            with_name = "@" in urlsplit(address).netloc
        except (ValidationError, ValueError):
            with_name = True
        if with_name or len(address) > WEBSITE:
            raise ValidationError("That is not the address of a website. One looks like harborstreet.org.")
        return address


class KeyField(forms.UUIDField):
    """The key that tells two sendings of one form from two forms. One that cannot be read is none."""

    widget = forms.HiddenInput

    def to_python(self, value: object) -> UUID | None:  # type: ignore[override]
        try:
            return super().to_python(value)
        except ValidationError:
            return None


class OrganizationForm(forms.Form):
    """What an organization says of itself."""

    name = gate.Line(
        label="Name",
        limit=gate.NAME,
        error_messages={"required": "Write the name of your organization."},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    kind = forms.ChoiceField(
        label="What kind of organization",
        choices=Kind.choices,
        initial=Kind.NONPROFIT,
        error_messages=CHOOSE,
    )
    description = gate.Text(
        label="What it does, in a sentence",
        help_text="Who you work with, and where. More can follow later.",
        limit=gate.BIO,
        error_messages={"required": "Say in a sentence what your organization does."},
        widget=forms.Textarea(attrs={"rows": 2, "class": "short"}),
    )
    website = WebsiteField(
        label="Website (if there is one)",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "url", "inputmode": "url", "spellcheck": "false"}),
    )
    language = forms.ChoiceField(
        label="Language you mostly write in",
        help_text="Each post can have its own.",
        choices=Language.choices,
        initial=Language.ENGLISH,
        error_messages=CHOOSE,
    )


class FoundForm(OrganizationForm):
    """Founding one."""

    key = KeyField(required=False)
