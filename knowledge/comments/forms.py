from django import forms

from commons import gate
from commons.once import OnceForm
from knowledge.comments.models import Kind


class CommentForm(OnceForm):
    """A comment, or an answer to one."""

    kind = forms.ChoiceField(
        label="Add to this", choices=Kind.choices, initial=Kind.COMMENT, required=False, widget=forms.RadioSelect
    )
    body = gate.Text(
        label="Your words",
        help_text="Markdown works. Name a member with @handle.",
        limit=gate.COMMENT,
        error_messages={"required": "Write something first."},
        widget=forms.Textarea(attrs={"rows": 4, "class": "short"}),
    )


class EditCommentForm(forms.Form):
    """One's comment, changed."""

    body = gate.Text(
        label="Your words",
        limit=gate.COMMENT,
        error_messages={"required": "To take a comment back, withdraw it."},
        widget=forms.Textarea(attrs={"rows": 6, "class": "short"}),
    )


class AnswerForm(OnceForm):
    """An organization's answer to a challenge."""

    body = gate.Text(
        label="Your answer",
        help_text="For your organization. Markdown works.",
        limit=gate.COMMENT,
        error_messages={"required": "Write an answer first."},
        widget=forms.Textarea(attrs={"rows": 6, "class": "short"}),
    )


class DraftCommentForm(OnceForm):
    """A comment on a draft."""

    body = gate.Text(
        label="Your comment",
        help_text="Those who write it, and whom they show it to, read this. Markdown works.",
        limit=gate.COMMENT,
        error_messages={"required": "Write something first."},
        widget=forms.Textarea(attrs={"rows": 4, "class": "short"}),
    )
