from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.html import format_html

from commons import gate
from commons.once import OnceForm
from knowledge.evidence.actions import Piece
from knowledge.evidence.models import LINK, MEANINGS, Kind, Strength
from knowledge.posts.attachments import Upload, looked_at

LINK_WANTED = "Give a whole address, beginning with https:// or http://."


def explained(choices: type[Kind | Strength]) -> list[tuple[str, str]]:
    """Choices, each with what it means."""
    return [
        (choice.value, format_html('<b>{}</b><br><span class="quiet">{}</span>', choice.label, MEANINGS[choice]))
        for choice in choices
    ]


def is_link(text: str) -> bool:
    """Whether this is a whole web address, http or https."""
    try:
        URLValidator(schemes=["http", "https"])(text)
    except ValidationError:
        return False
    return len(text) <= LINK


class LinkField(gate.Line):
    """A web address: http or https."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=LINK, **options)

    def to_python(self, value: Any) -> str:
        link = super().to_python(value)
        if link and not is_link(link):
            raise ValidationError(LINK_WANTED, code="link")
        return link


class UploadField(forms.FileField):
    """A file, looked at."""

    def clean(self, data: Any, initial: Any = None) -> Upload | None:
        sent = super().clean(data, initial)
        return looked_at(sent) if sent else None


class EvidenceForm(OnceForm):
    """One piece of evidence."""

    statement = gate.Text(
        label="What does it show?",
        help_text="In a sentence, with numbers where you have them.",
        limit=gate.REASON,
        error_messages={"required": "Say in a sentence what it shows."},
        widget=forms.Textarea(attrs={"rows": 2, "class": "short"}),
    )
    kind = forms.ChoiceField(
        label="What is it?",
        choices=lambda: explained(Kind),
        initial=Kind.OBSERVATION,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what it is.", "invalid_choice": "Choose one of the four."},
    )
    strength = forms.ChoiceField(
        label="How much can it carry?",
        choices=lambda: explained(Strength),
        initial=Strength.ANECDOTAL,
        widget=forms.RadioSelect,
        error_messages={"required": "Say how much it can carry.", "invalid_choice": "Choose one of the four."},
    )
    producer = gate.Line(
        label="Who produced it?",
        help_text="Your organization, or the name of the one that counted, looked or wrote.",
        limit=gate.NAME,
        error_messages={"required": "Name who produced it."},
    )
    period = gate.Line(label="When?", help_text="As “March to September 2025”.", limit=gate.NAME, required=False)
    link = LinkField(label="Link to it", required=False)
    upload = UploadField(
        label="Or a file",
        help_text="PDF, CSV, XLSX, PNG or JPEG, at most 20 MB. No names of people you serve.",
        required=False,
        allow_empty_file=True,  # said in our own words
        widget=forms.FileInput(attrs={"accept": ".pdf,.csv,.xlsx,.png,.jpg,.jpeg"}),
    )
    source = gate.Line(
        label="Or where it can be found", help_text="A book, a folder, whom to ask.", limit=gate.REASON, required=False
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ways = ("link", "upload", "source")
        if not any(cleaned.get(way) or way in self.errors for way in ways):
            self.add_error("link", "Give a link, a file, or say where it can be found, so that others can look.")
        return cleaned

    @staticmethod
    def piece(cleaned: dict[str, Any]) -> Piece:
        """What was typed, once it is found valid."""
        return Piece(**{name: value for name, value in cleaned.items() if name != "key"})


class WithdrawEvidenceForm(OnceForm):
    """Why a piece of evidence is taken back."""

    why = gate.Text(
        label="Why is it withdrawn?",
        help_text="Stands where the evidence stood.",
        limit=gate.REASON,
        error_messages={"required": "Say why, for those who relied on it."},
        widget=forms.Textarea(attrs={"rows": 3, "class": "short"}),
    )
