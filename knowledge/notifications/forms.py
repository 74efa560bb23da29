import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from commons import gate
from knowledge.evidence.forms import DayField
from knowledge.notifications.letters import zone_of
from knowledge.subscriptions.models import BY_MAIL, Cadence

if TYPE_CHECKING:
    from accounts.members.models import Member

LONGEST_PAUSE = dt.timedelta(days=366)


class ByMailForm(forms.Form):
    """Following by e-mail, without an account."""

    address = gate.Line(
        label="Your e-mail address",
        help_text="We ask you by mail whether you want it. Each mail has a link to stop.",
        limit=254,
        error_messages={"required": "Type the address at which you want to be written to."},
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    cadence = forms.ChoiceField(
        label="How often",
        choices=[(cadence.value, cadence.label) for cadence in BY_MAIL],
        initial=Cadence.WEEKLY.value,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose daily or weekly."},
    )

    def clean_address(self) -> str:
        typed = self.cleaned_data["address"]
        try:
            return forms.EmailField().clean(typed)
        except ValidationError:
            raise ValidationError("That is not an e-mail address.") from None


class HowForm(forms.Form):
    """How often a member hears of what concerns them, and until when of nothing by mail."""

    direct = forms.ChoiceField(
        label="What concerns you: mentions, answers, reviews of your posts",
        choices=Cadence.choices,
        error_messages={"invalid_choice": "Choose as it happens, daily, weekly or only on the site."},
    )
    paused_until = DayField(
        label="On holiday until",
        help_text="No mail before that day; what happened comes in one digest after it. Leave it empty for mail as always.",
        required=False,
    )

    def __init__(self, *args: Any, member: "Member", **options: Any) -> None:
        super().__init__(*args, **options)
        self.member = member

    def clean_paused_until(self) -> dt.date | None:
        day = self.cleaned_data.get("paused_until")
        today = timezone.localdate(timezone=zone_of(self.member.time_zone))
        if day and day <= today:
            raise ValidationError("Give a day that is yet to come.")
        if day and day > today + LONGEST_PAUSE:
            raise ValidationError("Give a day within a year.")
        return day
