"""Files: adding one while writing, those of one's own that are in no post yet, and giving them out."""

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commons import keeping
from commons.access import acting
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.posts.attachments import MIB, PICTURE, Undrawn, Upload, add_file, discard_file, draw_later, kept_by
from knowledge.posts.forms import FileForm
from knowledge.posts.models import Attachment
from knowledge.views.conversions import SIGN_IN, accepts_json, begun, in_json

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.members.models import Member

logger = logging.getLogger(__name__)
AWAY = "This file cannot be fetched at this moment. Try again in a minute.\n"
SHOWN = 100  # of a member's files that are in no post
# What is given out is a document of nobody's: it may load nothing, run nothing, and speaks for no page of ours
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def attachments(request: HttpRequest) -> HttpResponseBase:
    """Add a file to a text that is being written, and see how to name it there; scripts get that as JSON."""
    wants_json = accepts_json(request)
    if not request.user.is_authenticated:
        return JsonResponse({"error": SIGN_IN}, status=401) if wants_json else keeping.to_sign_in(request)
    member = acting(request)
    sent = request.POST if request.method == "POST" else None
    form, too_often = FileForm(sent, request.FILES or None, initial={"key": fresh_key()}), None
    if request.method == "POST" and form.is_valid():
        file, key = form.cleaned_data["file"], form.cleaned_data["key"]
        try:
            if isinstance(file, Undrawn):
                by_key = form_of(request, makes="picture")
                pk, _ = once(key, by=member, form=by_key, act=lambda: draw_later(file, by=member))
                return begun(request, pk)
            added = _added(request, key, file, member)
        except TooOften as refused:
            form.add_error("file", str(refused))
            too_often = refused
        except ValidationError as refused:
            form.add_error("file", refused)
        else:
            if wants_json:
                return JsonResponse(in_json(added), status=201)
            messages.success(request, "Added. Copy its line into your text, where it is to stand.")
            return redirect(f"{reverse('attachments')}#file-{added.pk}")
    status = 422 if request.method == "POST" else 200
    if wants_json and status == 422:
        told = [str(error) for errors in form.errors.values() for error in errors]
        answer = JsonResponse({"error": " ".join(told)}, status=status)
        return too_often.mark(answer) if too_often else answer
    context = {
        "form": form,
        "files": Attachment.objects.in_no_post(member)[:SHOWN],
        "kept": kept_by(member) / MIB,
        "most": settings.MEMBER_LIMIT // MIB,
        "days": settings.KEEP_UNNAMED_DAYS,
    }
    response = render(request, "attachments/attachments.html", context, status=status)
    return too_often.mark(response) if too_often else response


def _added(request: HttpRequest, key: "UUID | None", upload: Upload, member: "Member") -> Attachment:
    """Keep a file that was sent, once; anew where the member threw it away since. Raises ValidationError."""

    def keep(*, again: bool) -> Attachment | None:
        pk, _ = once(key, by=member, form=form_of(request), act=lambda: add_file(upload, by=member), again=again)
        return Attachment.objects.filter(by=member, pk=pk).first()

    kept = keep(again=False) or keep(again=True)
    if kept is None:
        raise ValidationError("It was thrown away at the same moment. Add it again.")
    return kept


@never_cache
@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw away a file of one's own that is in no post."""
    member = acting(request)
    discard_file(get_object_or_404(Attachment.objects.filter(by=member), pk=pk), by=member)
    messages.success(request, "Thrown away.")
    return redirect("attachments")


@require_safe
def attachment(request: HttpRequest, pk: int, name: str, width: int = 0) -> HttpResponseBase:
    """A file, for those who may see its post. Our own pictures are shown, in the width that is asked for; others only saved.

    Its bytes never change, so a browser that has them gets a 304, once it is found that its reader may still see them.
    """
    return given(request, get_object_or_404(Attachment.objects.visible_to(request.user), pk=pk), width)


def given(request: HttpRequest, found: Attachment, width: int = 0) -> HttpResponseBase:
    """A file, given to a reader who may see it. Raises Http404 for one that was taken out."""
    if not found.file:
        raise Http404
    etag = f'"file-{found.pk}-{width}"'
    if unchanged := get_conditional_response(request, etag=etag):
        return unchanged
    try:
        file = found.file.storage.open(found.stored_at(width))
    except FileNotFoundError:
        raise Http404 from None
    except OSError:
        logger.exception("A file could not be read.")
        return HttpResponse(AWAY, status=503, content_type="text/plain", headers={"Retry-After": "30"})
    response = FileResponse(
        file,
        as_attachment=not found.is_picture,
        filename=found.name,
        content_type=PICTURE if found.is_picture else found.content_type,
    )
    response["ETag"] = etag
    response["Content-Security-Policy"] = POLICY
    return response
