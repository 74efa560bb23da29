import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html

from accounts.organizations.models import PUBLISHING_ROLES, Language, Organization
from commons import gate
from commons.once import OnceForm
from knowledge.evidence.actions import Piece
from knowledge.evidence.forms import DayField, is_link
from knowledge.evidence.models import Kind, Strength
from knowledge.ladder.models import Relation, Verdict
from knowledge.ladder.record import numbers
from knowledge.ladder.rules import Record, missing_for
from knowledge.ladder.vetting import Opinion
from knowledge.posts.forms import ContentForm, PostsField
from knowledge.posts.models import LinkKind, Post
from knowledge.posts.rungs import RUNG_OF, Rung

if TYPE_CHECKING:
    from accounts.members.models import Member

SOURCE_WANTED = "Add a link to what was seen, or say where it can be found."


class ComposeForm(ContentForm):
    """A new post."""

    organization = forms.ModelChoiceField(Organization.objects.none(), label="Published by", empty_label=None)
    rung = forms.ChoiceField(
        label="Where it stands",
        choices=[(rung.slug, rung.label) for rung in (Rung.HUNCH, Rung.EMERGING)],
        initial=Rung.HUNCH.slug,
        required=False,
        widget=forms.RadioSelect,
    )
    seen = gate.Text(
        label="What was seen",
        help_text="In a sentence, with numbers where you have them. More evidence can follow.",
        limit=gate.REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    seen_source = gate.Line(label="A link to it, or where it can be found", limit=gate.REASON, required=False)
    seen_kind = forms.ChoiceField(label="What it is", choices=Kind.choices, required=False, initial=Kind.OBSERVATION)
    seen_strength = forms.ChoiceField(
        label="How much it can carry", choices=Strength.choices, required=False, initial=Strength.ANECDOTAL
    )
    check_back = DayField(
        label="We expect to know more by",
        help_text="You are asked then how it stands. It can wait.",
        required=False,
    )
    builds_on = PostsField(
        label="Builds on", help_text="Posts it grew out of: their addresses, or their numbers.", required=False
    )
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, member: "Member", **options: Any) -> None:
        super().__init__(*args, **options)
        posts = self.fields["builds_on"]
        assert isinstance(posts, PostsField)
        posts.viewer = member
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organization.objects.filter(memberships__member=member).order_by("name")
        own = list(field.queryset)
        # A contributor's drafts are published by others: the verb that publishes asks again
        self.publishers = [each for each in own if member.roles.get(each.pk) in PUBLISHING_ROLES]
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        if len(own) == 1:
            language.initial = own[0].language
        else:
            language.choices = [("", "As the organization writes"), *Language.choices]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.chosen_rung == Rung.EMERGING:
            self.want_case()
            told = Record(case=self.case(), evidence=len(self.pieces()))
            if words := missing_for(Rung.EMERGING, told, numbers()).get("evidence"):
                field = "seen_source" if cleaned.get("seen") else "seen"
                if field not in self.errors:
                    self.add_error(field, SOURCE_WANTED if field == "seen_source" else words)
        return cleaned

    def clean_check_back(self) -> dt.date | None:
        return yet_to_come(self.cleaned_data.get("check_back"))

    @property
    def may_propose(self) -> bool:
        """Whether the member writes for an organization for which others publish."""
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        return len(field.queryset or ()) > len(self.publishers)

    def may_publish(self) -> bool:
        """Whether the member publishes for the organization that was chosen; says at the field what they can do, if not."""
        chosen = self.cleaned_data["organization"]
        if chosen not in self.publishers:
            self.add_error("organization", f"You write drafts for {chosen.name}. Send it to those who publish for it.")
        return chosen in self.publishers

    def pieces(self) -> list[Piece]:
        """The first evidence, where some was told."""
        cleaned = self.cleaned_data
        if not (cleaned.get("seen") and cleaned.get("seen_source")):
            return []
        where = cleaned["seen_source"]
        way = "link" if is_link(where) else "source"
        return [
            Piece(
                cleaned["seen"],
                kind=cleaned.get("seen_kind") or Kind.OBSERVATION,
                strength=cleaned.get("seen_strength") or Strength.ANECDOTAL,
                **{way: where},
            )
        ]

    @property
    def case_is_begun(self) -> bool:
        return super().case_is_begun or any(self[name].value() or self[name].errors for name in ("seen", "seen_source"))

    @property
    def chosen_rung(self) -> Rung:
        return RUNG_OF[self.cleaned_data.get("rung") or Rung.HUNCH.slug]


def yet_to_come(day: dt.date | None) -> dt.date | None:
    """A day that lies ahead. Raises ValidationError for one that does not."""
    if day and day <= timezone.localdate():
        raise ValidationError("Give a day that is yet to come.")
    if day and day > timezone.localdate() + dt.timedelta(days=366 * 5):
        raise ValidationError("Give a day within five years.")
    return day


def reason(label: str, missing: str, hint: str = "", *, required: bool = True) -> gate.Text:
    """A field for a reason, in some lines."""
    return gate.Text(
        label=label,
        help_text=hint,
        required=required,
        limit=gate.REASON,
        error_messages={"required": missing},
        widget=forms.Textarea(attrs={"rows": 3, "class": "short"}),
    )


def meant(label: str, meaning: str) -> str:
    """A choice with what it means."""
    return format_html('<b>{}</b><br><span class="quiet">{}</span>', label, meaning) if meaning else label


class MoveUpForm(OnceForm):
    """Why a hunch moves up."""

    why = reason(
        "Why now?", "Say in a sentence why it moves up.", "A sentence. It stands in the ladder history, with your name."
    )


class StepDownForm(OnceForm):
    """To which rung a post steps down, and why."""

    rung = forms.ChoiceField(
        label="Down to",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a rung below.", "invalid_choice": "Choose a rung below the present one."},
    )
    why = reason(
        "Why?", "Say why: those who built on it need to know.", "Stands in the ladder history, with your name."
    )

    def __init__(self, *args: Any, post: Post, **options: Any) -> None:
        super().__init__(*args, **options)
        below = [rung for rung in sorted(Rung, reverse=True) if rung < post.rung]
        field = self.fields["rung"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(rung.slug, rung.label) for rung in below]
        field.initial = below[0].slug

    def clean_rung(self) -> Rung:
        return RUNG_OF[self.cleaned_data["rung"]]


class SetAsideForm(OnceForm):
    """Why a post is set aside, and what was learned: the questions of an after-action review."""

    why = reason(
        "In a sentence: why is it set aside?", "Say in a sentence why.", "Stands in the ladder history, with your name."
    )
    superseded_by = PostsField(
        label="Superseded by",
        help_text="Where another post says it better: its address, or its number. The questions below may then be left.",
        most=1,
        required=False,
    )
    expected = reason("What did you expect?", "Say what you expected.", required=False)
    happened = reason("What happened?", "Say what happened.", required=False)
    because = reason("Why, do you think?", "Say what you think the reason was.", required=False)
    next_time = reason("What would you do next?", "Say what you would do next.", required=False)

    WANTED: ClassVar[dict[str, str]] = {
        "expected": "Say what you expected.",
        "happened": "Say what happened.",
        "because": "Say what you think the reason was.",
        "next_time": "Say what you would do next: it saves somebody a year.",
    }

    def __init__(self, *args: Any, member: "Member", **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["superseded_by"]
        assert isinstance(field, PostsField)
        field.viewer = member

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        told = [name for name in self.WANTED if cleaned.get(name)]
        if told or not cleaned.get("superseded_by"):
            for name, words in self.WANTED.items():
                if name not in told and name not in self.errors:
                    self.add_error(name, words)
        return cleaned


class TakeUpForm(OnceForm):
    """Why a post is taken up again."""

    why = reason("Why is it taken up again?", "Say what changed.", "Stands in the ladder history, with your name.")


class VettingForm(OnceForm):
    """What the organization wants looked at, and until when."""

    asks = reason(
        "Where should reviewers look hardest?",
        "Name the weak spot: it is the quickest way to a good review.",
        "Naming the weak spot is the quickest way to a good review.",
    )
    weeks = forms.TypedChoiceField(
        label="Open for",
        choices=[("1", "1 week"), ("2", "2 weeks"), ("4", "4 weeks"), ("8", "8 weeks")],
        coerce=int,
        initial="2",
        widget=forms.RadioSelect,
        error_messages={"required": "Say for how long.", "invalid_choice": "Choose one of these."},
    )


class ReviewForm(OnceForm):
    """A review: a verdict, its reasons in four answers, and a declared interest."""

    read = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    instead = forms.IntegerField(widget=forms.HiddenInput, required=False)  # the key of the review that it changes
    organization = forms.ModelChoiceField(
        Organization.objects.none(),
        label="You speak for",
        required=False,
        empty_label="Myself, for no organization",
        error_messages={"invalid_choice": "Choose an organization of yours."},
    )
    verdict = forms.ChoiceField(
        label="Verdict",
        choices=[
            (Verdict.APPROVE.value, meant("Approve", "The claim follows from what was seen.")),
            (Verdict.MORE.value, meant("Needs more", "I could approve if something is added. I say what.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Give a verdict.", "invalid_choice": "Approve, or say that it needs more."},
    )
    supports = reason(
        "Does the evidence support the claim?",
        "Say whether the evidence supports the claim, and why.",
        "Be as kind as you are exact.",
    )
    missing = gate.Text(
        label="What is missing?",
        help_text="What would let you approve.",
        limit=gate.REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "short"}),
    )
    try_next = gate.Text(
        label="What would you try next?",
        limit=gate.REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "short"}),
    )
    rely = reason(
        "Would you rely on it?", "Say whether you would rely on it, and for what.", "For what, and where not."
    )
    relation = forms.ChoiceField(
        label="Does anything bind your organization to theirs?",
        choices=[
            (Relation.NONE.value, meant("No", "")),
            (
                Relation.FUNDING.value,
                meant("One funds the other", "Stands beside your review. It does not count towards independence."),
            ),
            (
                Relation.PARTNER.value,
                meant("We work together on this", "Stands beside your review. It does not count towards independence."),
            ),
        ],
        initial=Relation.NONE.value,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether anything does.", "invalid_choice": "Choose one of the three."},
    )
    interest = gate.Line(
        label="Your interest",
        help_text="Money, friendship, rivalry. If there is none, write “none”.",
        limit=gate.TAKEAWAY,
        error_messages={"required": "Declare your interest; if there is none, write “none”."},
    )

    def __init__(self, *args: Any, organizations: list[int], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Organization.objects.filter(pk__in=organizations).order_by("name")
        if len(organizations) == 1:
            field.initial = organizations[0]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("verdict") == Verdict.MORE and not cleaned.get("missing") and "missing" not in self.errors:
            self.add_error("missing", "Say what is missing, so that they can add it.")
        return cleaned

    @staticmethod
    def opinion(cleaned: dict[str, Any]) -> Opinion:
        """What was typed, once it is found valid."""
        return Opinion(
            **{
                name: cleaned[name]
                for name in ("verdict", "supports", "missing", "try_next", "rely", "relation", "interest")
            }
        )


class RequestAnswerForm(OnceForm):
    """How a version answers a request for more."""

    words = reason("How does it answer what they asked for?", "Say where, so that they can look again.")


class EndVettingForm(OnceForm):
    """Why a vetting ends before its time."""

    why = reason("Why?", "Say why: those who reviewed it gave their time.", "Stands on the post.")


class StillHoldsForm(OnceForm):
    """Why a post still holds, though what it builds on has fallen."""

    why = reason(
        "Why does it still hold?", "Say why: readers of both posts wonder.", "Stands on the post, with your name."
    )


class CheckBackForm(OnceForm):
    """When the organization expects to know more, and how it stands."""

    on = DayField(label="We expect to know more by", error_messages={"required": "Give a day, even a rough one."})
    words = reason(
        "How does it stand?", "", "As “Two more schools begin in May.” It can be left empty.", required=False
    )

    def clean_on(self) -> dt.date | None:
        return yet_to_come(self.cleaned_data.get("on"))


class LinkForm(OnceForm):
    """Another post, and how this one stands to it."""

    kind = forms.ChoiceField(
        label="This post",
        choices=[(kind.value, kind.label.lower()) for kind in LinkKind],
        initial=LinkKind.BUILDS_ON,
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it stands to the other.", "invalid_choice": "Choose one of the three."},
    )
    to = PostsField(
        label="Which post?",
        help_text="Its address, or its number.",
        most=1,
        error_messages={"required": "Give the other post’s address, or its number."},
    )

    def __init__(self, *args: Any, member: "Member", **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["to"]
        assert isinstance(field, PostsField)
        field.viewer = member
