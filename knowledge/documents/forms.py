from typing import Any

from django import forms

from commons.once import OnceForm
from knowledge.documents.actions import inspect_document
from knowledge.posts.forms import MOST


class DocumentField(forms.FileField):
    """A document that is still to be read."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent = super().clean(data, initial)
        if sent:
            inspect_document(sent)
        return sent


class OpenForm(OnceForm):
    """A document to be opened into a draft."""

    document = DocumentField(
        label="Document",
        help_text=f"Word (.docx), OpenDocument (.odt), a web page (.html) or Markdown (.md), at most {MOST}.",
        allow_empty_file=True,  # said in our own words
        error_messages={"required": "Choose a document."},
        widget=forms.FileInput(attrs={"accept": ".docx,.odt,.html,.htm,.md,.markdown,.txt"}),
    )
