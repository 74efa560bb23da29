import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.html import format_html

from accounts.organizations.models import Organization
from commons import gate
from commons.once import OnceForm
from knowledge.evidence.actions import Account, Piece
from knowledge.evidence.models import LINK, MEANINGS, Kind, Outcome, ReportVersion, Strength
from knowledge.posts.forms import MOST, UploadField, place_called

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
        help_text=f"PDF, CSV, XLSX or a picture, at most {MOST}. No names of people you serve.",
        required=False,
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
        """What was typed beside the file, once it is found valid."""
        return Piece(**{name: value for name, value in cleaned.items() if name not in ("key", "upload")})


class WithdrawEvidenceForm(OnceForm):
    """Why a piece of evidence, or a field report, is taken back."""

    why = gate.Text(
        label="Why is it withdrawn?",
        help_text="Stands where it stood.",
        limit=gate.REASON,
        error_messages={"required": "Say why, for those who relied on it."},
        widget=forms.Textarea(attrs={"rows": 3, "class": "short"}),
    )


class DayField(forms.DateField):
    """A day. Browsers send 2025-03-31 whatever they show; without a date picker people type it so."""

    def __init__(self, **options: Any) -> None:
        wrong = "Write the day as 2025-03-31: year, month, day."
        errors = {"invalid": wrong, **options.pop("error_messages", {})}
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], error_messages=errors, **options)

    def clean(self, value: Any) -> dt.date | None:
        day = super().clean(value)
        if day and not (dt.date(1900, 1, 1) <= day <= dt.date(2200, 1, 1)):
            raise ValidationError("Check the year.")
        return day


class PlaceField(gate.Line):
    """One place by name, found in the gazetteer."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return place_called(text) if text else None


def lines(label: str, hint: str = "", rows: int = 3, **options: Any) -> gate.Text:
    """A field for some lines of text."""
    area = forms.Textarea(attrs={"rows": rows, "class": "short"})
    return gate.Text(label=label, help_text=hint, limit=gate.REASON, widget=area, **options)


class ReportForm(OnceForm):
    """A field report: "We tried this here"."""

    organization = forms.ModelChoiceField(
        Organization.objects.none(),
        label="Who tried it?",
        empty_label=None,
        error_messages={"invalid_choice": "Choose an organization that you publish for."},
    )
    place = PlaceField(
        label="Where?",
        help_text="A city, a state of the US, or a country.",
        limit=300,
        error_messages={"required": "Say where you tried it."},
    )
    began = DayField(label="From", error_messages={"required": "Say since when."})
    ended = DayField(label="To", help_text="Leave it empty while it goes on.", required=False)
    served = gate.Line(
        label="Whom did it serve?",
        help_text="As “31 families with vouchers”.",
        limit=gate.TAKEAWAY,
        error_messages={"required": "Say whom it served, and how many."},
    )
    outcome = forms.ChoiceField(
        label="How did it go?",
        choices=Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it went.", "invalid_choice": "Choose one of the four."},
    )
    account = lines(
        "What happened?",
        "In a few sentences, with numbers where you have them.",
        5,
        error_messages={"required": "Say in a few sentences what happened."},
    )
    differently = lines("What did you do differently, and why?", "The next place may have to as well.", required=False)
    works_when = gate.Line(
        label="It works when …", help_text="One line, for those who wonder whether it would work for them.",
        limit=gate.TAKEAWAY, required=False,
    )  # fmt: skip
    struggled_when = gate.Line(label="It struggled when …", limit=gate.TAKEAWAY, required=False)
    tell = lines("What would you tell the next place?", required=False)

    def __init__(self, *args: Any, organizations: list[int], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organization.objects.filter(pk__in=organizations).order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        began, ended = cleaned.get("began"), cleaned.get("ended")
        if began and ended and ended < began:
            self.add_error("ended", f"It ends before it began on {began:%Y-%m-%d}. Check both days.")
        for name in ("began", "ended"):
            day = cleaned.get(name)
            if day and day > timezone.localdate() + dt.timedelta(days=1):
                self.add_error(name, "This day is yet to come. A field report says what was.")
        return cleaned

    @staticmethod
    def said(cleaned: dict[str, Any]) -> Account:
        """What was typed, once it is found valid."""
        return Account(**{name: value for name, value in cleaned.items() if name not in ("key", "organization")})


def initial_report(version: ReportVersion) -> dict[str, Any]:
    """What a form for the next version begins with: what this one says."""
    names = ("began", "ended", "served", "outcome", "account", "differently", "works_when", "struggled_when", "tell")
    return {"place": version.place.label, **{name: getattr(version, name) for name in names}}
