"""Evidence: adding a piece to a post, taking one back; and the files that people add."""

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from commons.access import acting, require
from knowledge.evidence import actions
from knowledge.evidence.forms import EvidenceForm, WithdrawEvidenceForm
from knowledge.evidence.permissions import can_add_evidence
from knowledge.posts.models import Attachment, Post
from knowledge.views.asked import ask, on_post


@on_post
def add(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Add a piece of evidence."""
    require(can_add_evidence(request.user, post), "Owners and editors of the organization say what its posts rest on.")

    def done(_: int) -> HttpResponse:
        messages.success(request, "Added. It stands under the evidence now.")
        return redirect(f"{post.get_absolute_url()}#evidence")

    return ask(
        request,
        EvidenceForm,
        "evidence/add.html",
        {"post": post},
        act=lambda typed: actions.add_evidence(post, EvidenceForm.piece(typed), by=acting(request)),
        done=done,
        initial={"producer": post.organization.name},
    )


@on_post
def withdraw(request: HttpRequest, post: Post, pk: int) -> HttpResponseBase:
    """Take a piece of evidence back, with a reason."""
    piece = get_object_or_404(post.evidence, pk=pk)
    require(can_add_evidence(request.user, post), "Owners and editors of the organization withdraw its evidence.")

    def done(_: int) -> HttpResponse:
        messages.success(request, "Withdrawn. A marker with your reason stays in its place.")
        return redirect(f"{post.get_absolute_url()}#evidence")

    if piece.withdrawn_at:
        messages.info(request, "This piece was withdrawn already.")
        return redirect(f"{post.get_absolute_url()}#evidence")
    return ask(
        request,
        WithdrawEvidenceForm,
        "evidence/withdraw.html",
        {"post": post, "piece": piece},
        act=lambda typed: actions.withdraw_evidence(piece, by=acting(request), why=typed["why"]),
        done=done,
    )


@require_safe
def attachment(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """A file, for those who may see its post. Always saved, never shown by the browser as a page of ours."""
    found = get_object_or_404(Attachment.objects.filter(post__in=Post.objects.visible_to(request.user)), pk=pk)
    response = FileResponse(
        found.file.open("rb"), as_attachment=True, filename=found.name, content_type=found.content_type
    )
    response["Cache-Control"] = "private, no-cache"
    return response
