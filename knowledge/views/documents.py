"""Opening a document into a draft."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commons import keeping
from commons.access import acting
from commons.once import form_of, fresh_key, once
from knowledge.documents.actions import LEFT_OUT, open_document
from knowledge.documents.forms import OpenForm
from knowledge.posts.drafts import TooManyDrafts
from knowledge.posts.models import Draft


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
        document = form.cleaned_data["document"]
        try:
            pk, _ = once(
                form.cleaned_data["key"],
                by=member,
                form=form_of(request),
                act=lambda: open_document(document, by=member),
            )
        except TooManyDrafts as many:
            form.add_error(None, f"{many} Then open this again.")
        except ValidationError as refused:
            form.add_error("document", refused)
        else:
            draft = Draft.objects.open_to(member).filter(pk=pk).first()
            if draft and (missing := draft.body.count(LEFT_OUT)):
                pictures = "One picture" if missing == 1 else f"{missing} pictures"
                messages.warning(request, f"{pictures} could not be opened; the text says where. The rest is here.")
            else:
                messages.success(request, "Opened. Look it over; then publish it.")
            return redirect(draft or "drafts")
    return render(request, "documents/open_into_draft.html", {"form": form}, status=422 if sent is not None else 200)
