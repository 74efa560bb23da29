"""Opening a document into a draft."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commons import keeping
from commons.access import acting
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.documents.actions import open_later
from knowledge.documents.forms import OpenForm
from knowledge.posts.drafts import TooManyDrafts
from knowledge.views.conversions import begun


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def open_into_draft(request: HttpRequest) -> HttpResponseBase:
    """Open a document that was written elsewhere, and write on with it."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    member = acting(request)
    sent = request.POST if request.method == "POST" else None
    form = OpenForm(sent, request.FILES or None, initial={"key": fresh_key()})
    if request.method == "POST" and form.is_valid():
        sent_file = form.cleaned_data["document"]
        try:
            pk, _ = once(
                form.cleaned_data["key"],
                by=member,
                form=form_of(request),
                act=lambda: open_later(sent_file, by=member),
            )
        except TooManyDrafts as many:
            form.add_error(None, f"{many} Then open this again.")
        except TooOften as refused:
            form.add_error(None, str(refused))
            return refused.mark(render(request, "documents/open_into_draft.html", {"form": form}))
        except ValidationError as refused:
            form.add_error("document", refused)
        else:
            return begun(request, pk)
    return render(request, "documents/open_into_draft.html", {"form": form}, status=422 if sent is not None else 200)
