"""The shape of what an author types. What may be done with it is asked by the verbs."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError

from accounts.organizations.models import Language, Organization
from commons import gate
from commons.numbers import parse_number
from commons.once import OnceForm
from knowledge.posts.actions import Content
from knowledge.posts.attachments import Undrawn, Upload, inspected
from knowledge.posts.models import Licence, Post, Version
from knowledge.posts.rungs import CASE_FIELDS, Rung, missing_case
from knowledge.topics.find import place_named
from knowledge.topics.models import IssueArea, Place

if TYPE_CHECKING:
    from django.http import QueryDict

    from accounts.members.models import Member

# What the note on a new version is for, by the rung its post stands on
NOTE_FOR = {
    Rung.HUNCH: "A sentence for those who read it before. It stands beside the version.",
    Rung.EMERGING: "A sentence for those who read it before: is it new evidence, a correction, or only wording?",
    Rung.VETTED: "Those who vetted it read this first: is it a correction, something new, or only wording?",
}
MOST = f"{settings.ATTACHMENT_LIMIT // 1024 // 1024} MB"  # of one file
PLACE_LINES = 2  # how many lines for places a new form begins with


class Lines(forms.MultiWidget):
    """Several one-line inputs of one name, with one more than are filled. The field's label names the first."""

    use_fieldset = False

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__([forms.TextInput], attrs)

    def value_from_datadict(self, data: "QueryDict", files: Any, name: str) -> list[str]:  # type: ignore[override]
        return data.getlist(name) if hasattr(data, "getlist") else list(data.get(name, []))

    def get_context(self, name: str, value: Sequence[str] | None, attrs: dict[str, Any] | None) -> dict[str, Any]:
        filled = [line for line in (value or []) if line]
        lines = filled + [""] * max(PLACE_LINES - len(filled), 1)
        context = forms.Widget.get_context(self, name, None, attrs)
        base = context["widget"]["attrs"]
        context["widget"]["subwidgets"] = []
        for position, line in enumerate(lines[: gate.MAX_PLACES]):
            own = {**base, "id": f"{base['id']}_{position}" if position else base["id"]}
            if position:
                own["aria-label"] = f"Another place ({position + 1})"
            context["widget"]["subwidgets"].append(self.widgets[0].get_context(name, line, own)["widget"])
        return context

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return id_

    def decompress(self, value: Any) -> list[Any]:
        return list(value or [])


class UploadField(forms.FileField):
    """A file that somebody sent: a PDF, a table, or a picture that is still to be drawn anew."""

    def __init__(self, **options: Any) -> None:
        accept = ".pdf,.csv,.xlsx,.jpg,.jpeg,.png,.gif,.webp,.avif"
        # An empty one is refused in our own words
        super().__init__(allow_empty_file=True, widget=forms.FileInput(attrs={"accept": accept}), **options)

    def clean(self, data: Any, initial: Any = None) -> Upload | Undrawn | None:
        sent = super().clean(data, initial)
        return inspected(sent) if sent else None


class FileForm(OnceForm):
    """One file, for a text that is being written."""

    file = UploadField(
        label="File",
        help_text=f"A picture, PDF, CSV or XLSX, at most {MOST}. No names or faces of people you serve.",
        error_messages={"required": "Choose a file."},
    )


def place_called(text: str) -> Place:
    """The place that somebody means by this. Raises ValidationError where there is none, or more than one."""
    found = place_named(text)
    if isinstance(found, Place):
        return found
    if found:
        raise ValidationError(f"Which “{text}”? Write one of: {'; '.join(place.label for place in found)}.")
    raise ValidationError(
        f"We do not know “{text}”. Write a city of over 15,000 people, a state of the US, or a country."
    )


class PlacesField(forms.Field):
    """Places by name, one a line, each found in the gazetteer."""

    widget = Lines

    def clean(self, value: Sequence[str] | None) -> list[Place]:
        places: list[Place] = []
        lines = [line.strip() for line in value or [] if line.strip()]
        if len(lines) > gate.MAX_PLACES:
            raise ValidationError(
                f"A post names at most {gate.MAX_PLACES} places. Take {len(lines) - gate.MAX_PLACES} away."
            )
        for line in lines:
            found = place_called(gate.passed(line, limit=300, lines=False))
            if found not in places:
                places.append(found)
        return places


class PostsField(gate.Line):
    """Posts, by their numbers or addresses, parted by spaces, commas or lines: those that the reader may see."""

    def __init__(self, *, most: int = 5, **options: Any) -> None:
        super().__init__(limit=most * 300, **options)
        self.most = most
        self.viewer: Member | AnonymousUser = AnonymousUser()

    def clean(self, value: Any) -> list[Post]:  # type: ignore[override]
        words = re.split(r"[\s,;]+", (super().clean(value) or "").strip())
        found: list[Post] = []
        for word in filter(None, words):
            named = re.fullmatch(r"#?([0-9]+)|\S*/posts/([0-9]+)(?:[/#?]\S*)?", word)
            pk = (named and parse_number(named[1] or named[2])) or 0
            post = Post.objects.visible_to(self.viewer).select_related("shown").filter(pk=pk).first()
            if post is None:
                raise ValidationError(f"There is no post “{word[:80]}”. Give its number, or its address.")
            if post not in found:
                found.append(post)
        if len(found) > self.most:
            raise ValidationError(f"At most {self.most} posts. Take {len(found) - self.most} away.")
        return found


class TagsField(gate.Line):
    """Tags, parted by commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=gate.MAX_TAGS * (gate.TAG + 2), **options)

    def clean(self, value: str) -> list[str]:  # type: ignore[override]
        text = super().clean(value) or ""
        tags = list(dict.fromkeys(" ".join(tag.casefold().split()).strip("#") for tag in text.split(",")))
        tags = [tag for tag in tags if tag]
        if len(tags) > gate.MAX_TAGS:
            raise ValidationError(f"A post has at most {gate.MAX_TAGS} tags. Take {len(tags) - gate.MAX_TAGS} away.")
        for tag in tags:
            if len(tag) > gate.TAG:
                raise ValidationError(
                    f"“{tag[:30]}…” is {len(tag)} characters; a tag holds {gate.TAG}. Part tags with commas."
                )
        return tags


class AreaField(forms.ModelChoiceField):
    """One issue area, offered by its top area."""

    default_error_messages = {"invalid_choice": "There is no such issue area. Choose one of the list."}

    def __init__(self, **options: Any) -> None:
        super().__init__(IssueArea.objects.all(), to_field_name="slug", **options)

    def offer(self, areas: Sequence[IssueArea]) -> None:
        """Let these be chosen from, each under its top area."""
        offered: list[Any] = [("", "Choose…")]
        for top in areas:
            if top.parent_id is None:
                subs = [(area.slug, area.name) for area in areas if area.parent_id == top.pk]
                offered.append((top.name, [(top.slug, f"{top.name}, in general"), *subs]))
        self.choices = offered


class ContentForm(forms.Form):
    """What a version says: for a new post and for the next version of one."""

    title = gate.Line(
        label="What are you learning?",
        help_text="As you would say it to a colleague.",
        limit=gate.TITLE,
        error_messages={"required": "A hunch needs a title. Add one."},
        widget=forms.Textarea(attrs={"rows": 1, "class": "line", "data-one-line": ""}),
    )
    takeaway = gate.Line(
        label="Takeaway",
        help_text="One sentence somebody could act on. It can wait.",
        limit=gate.TAKEAWAY,
        required=False,
        widget=forms.Textarea(attrs={"rows": 1, "class": "line", "data-one-line": ""}),
    )
    body = gate.Text(
        label="Tell us more",
        help_text="What did you see, where, how often? A few sentences are enough. Markdown works.",
        limit=gate.BODY,
        error_messages={"required": "Say what you saw, in a few sentences."},
        widget=forms.Textarea(attrs={"rows": 9}),
    )
    area = AreaField(label="Issue area", error_messages={"required": "Choose at least one, so people can find it."})
    area_2 = AreaField(label="Another issue area", required=False)
    area_3 = AreaField(label="And another", required=False)
    places = PlacesField(
        label="Places", help_text="Where was this seen? A city, a state of the US, or a country.", required=False
    )
    tags = TagsField(label="Tags", help_text="A few free words, parted by commas.", required=False)
    language = forms.ChoiceField(label="Language", choices=Language.choices, required=False)
    licence = forms.ChoiceField(label="Licence", choices=Licence.choices, required=False, initial=Licence.CC_BY)
    tried = gate.Text(label="What was tried", limit=gate.REASON, required=False)
    where_since = gate.Text(label="Where, and since when", limit=gate.REASON, required=False)
    change_mind = gate.Text(label="What would change your mind", limit=gate.REASON, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        areas = list(IssueArea.objects.all())
        for field in self.fields.values():
            if isinstance(field, AreaField):
                field.offer(areas)

    def case(self) -> dict[str, str]:
        """The parts of the case as far as they were typed and found valid."""
        return {name: self.cleaned_data.get(name, "") for name in CASE_FIELDS}

    def want_case(self) -> None:
        """Say at each part of the case that is missing what to add."""
        for name, words in missing_case(self.case()).items():
            if name not in self.errors:
                self.add_error(name, words)

    @property
    def case_is_begun(self) -> bool:
        """Whether any of the case's questions has an answer, or an error, to be shown."""
        return any(self[name].value() or self[name].errors for name in CASE_FIELDS)

    def content(self, organization: Organization) -> Content:
        """What was typed, once it is found valid."""
        cleaned = self.cleaned_data
        areas = dict.fromkeys(cleaned[name] for name in ("area", "area_2", "area_3") if cleaned.get(name))
        return Content(
            title=cleaned["title"],
            takeaway=cleaned["takeaway"],
            body=cleaned["body"],
            issue_areas=list(areas),
            tags=cleaned["tags"],
            places=cleaned["places"],
            language=cleaned["language"] or organization.language,
            licence=cleaned["licence"] or Licence.CC_BY,
            case=self.case(),
        )


class VersionForm(ContentForm):
    """The next version of a post."""

    note = gate.Text(label="What changed, and why", limit=gate.REASON, required=False)
    base = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, rung: Rung, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rung = rung
        self.fields["note"].help_text = NOTE_FOR[rung]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.rung >= Rung.EMERGING:
            self.want_case()
        return cleaned


def initial_of(version: Version, areas: Sequence[IssueArea], places: Sequence[Place]) -> dict[str, Any]:
    """What a form for the next version begins with: what this one says."""
    slugs = [area.slug for area in areas] + ["", "", ""]
    return {
        "title": version.title,
        "takeaway": version.takeaway,
        "body": version.body,
        "area": slugs[0],
        "area_2": slugs[1],
        "area_3": slugs[2],
        "places": [place.label for place in places],
        "tags": ", ".join(version.tag_names),
        "language": version.language,
        "licence": version.licence,
        "base": version.number,
        **{name: getattr(version, name) for name in CASE_FIELDS},
    }


PROMPTS = ("What we saw", "Where", "Why it may matter", "What would tell us more")


class CaptureForm(OnceForm):
    """Something seen, noted in a minute: a title and one box."""

    title = gate.Line(
        label="What did you see?",
        limit=gate.TITLE,
        error_messages={"required": "Give it a title: as you would say it to a colleague."},
        widget=forms.Textarea(attrs={"rows": 1, "class": "line", "data-one-line": ""}),
    )
    body = gate.Text(
        label="In a few words",
        help_text=f"{', '.join([PROMPTS[0], *(prompt.lower() for prompt in PROMPTS[1:])])}.",
        limit=gate.BODY,
        required=False,
        widget=forms.Textarea(attrs={"rows": 7}),
    )

    @staticmethod
    def passed_on(told: "QueryDict") -> dict[str, str]:
        """What another program passes on: a title, a quoted passage and its address, as far as they are text."""
        title, text, url = (" ".join(told.get(name, "").split())[:5_000] for name in ("title", "text", "url"))
        if not (title or text or url):
            return {}
        quoted = f"> {text}\n\n" if text and text != url else ""
        source = f"<{url}>" if url.startswith(("https://", "http://")) and not set(url) & set("<> ") else url
        return {"title": title[: gate.TITLE], "body": f"{quoted}{source}".strip()}


class NoteForm(forms.Form):
    """What an editor says to a draft."""

    note = gate.Text(
        label="Your note",
        help_text="What is missing, and what is good. Your colleague reads it with the draft.",
        limit=gate.REASON,
        error_messages={"required": "Say what it needs, in a sentence."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
