"""Evidence: adding a piece to a post, taking one back; and field reports."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commons import keeping
from commons.access import acting, require
from commons.numbers import parse_number
from knowledge.evidence import actions
from knowledge.evidence.forms import EvidenceForm, ReportForm, WithdrawEvidenceForm, initial_report
from knowledge.evidence.models import Evidence, FieldReport
from knowledge.evidence.permissions import can_add_evidence, can_edit_report, reporting_organizations
from knowledge.posts.attachments import Undrawn, is_picture
from knowledge.posts.models import Conversion, Post
from knowledge.views.asked import ask, on_post
from knowledge.views.conversions import EVIDENCE_ADDED, begun


@on_post
def add(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Add a piece of evidence. One with a picture waits until that is drawn anew."""
    require(can_add_evidence(request.user, post), actions.MAY_NOT_ADD)
    member = acting(request)
    picture = request.FILES.get("upload")
    waits = picture is not None and is_picture(picture)

    def act(typed: dict[str, Any]) -> Evidence | Conversion:
        piece, upload = EvidenceForm.piece(typed), typed["upload"]
        if isinstance(upload, Undrawn):
            return actions.add_evidence_later(post, piece, upload, by=member)
        return actions.add_evidence(post, replace(piece, upload=upload), by=member)

    def done(pk: int) -> HttpResponseBase:
        if waits:
            return begun(request, pk)
        messages.success(request, EVIDENCE_ADDED)
        return redirect(f"{post.get_absolute_url()}#evidence")

    return ask(
        request,
        EvidenceForm,
        "evidence/add.html",
        {"post": post},
        act=act,
        done=done,
        makes="picture" if waits else "",
        initial={"producer": post.organization.name, **_typed_before(request, post)},
    )


def _typed_before(request: HttpRequest, post: Post) -> dict[str, Any]:
    """What was typed beside a picture that was refused, for another try."""
    number = parse_number(request.GET.get("conversion", ""))
    mine = Conversion.objects.visible_to(request.user).filter(post=post, pk=number).first() if number else None
    return mine.typed if mine else {}


@on_post
def withdraw(request: HttpRequest, post: Post, pk: int) -> HttpResponseBase:
    """Take a piece of evidence back, with a reason."""
    piece = get_object_or_404(post.evidence, pk=pk)
    require(can_add_evidence(request.user, post), "Owners and editors of the organization withdraw its evidence.")

    def done(_: int) -> HttpResponse:
        messages.success(request, "Withdrawn. A marker with your reason stays in its place.")
        return redirect(f"{post.get_absolute_url()}#evidence")

    try:
        if piece.withdrawn_at:
            raise actions.EvidenceIsGone
        return ask(
            request,
            WithdrawEvidenceForm,
            "evidence/withdraw.html",
            {"post": post, "piece": piece},
            act=lambda typed: actions.withdraw_evidence(piece, by=acting(request), why=typed["why"]),
            done=done,
        )
    except actions.EvidenceIsGone:
        messages.info(request, "This piece was withdrawn already.")
        return redirect(f"{post.get_absolute_url()}#evidence")


@on_post
def report(request: HttpRequest, post: Post) -> HttpResponseBase:
    """ "We tried this here"."""
    viewer = acting(request)
    require(
        post.organization_id not in viewer.roles, "Field reports come from other organizations. Yours can add evidence."
    )
    organizations = reporting_organizations(viewer, post)
    if not organizations:
        if request.method == "POST":
            keeping.keep(request)
        if viewer.organization_ids:
            require(False, "Owners and editors of an organization publish its field reports. Ask one of yours.")
        messages.info(request, "First, who tried it? Add your organization; then say how it went.")
        return redirect(f"{reverse('organization_new')}?next={request.path}")

    def done(pk: int) -> HttpResponse:
        verified = FieldReport.objects.filter(pk=pk, organization__verified_at__isnull=False).exists()
        counts = "and counts as evidence from outside" + ("" if verified else " once your organization is verified")
        messages.success(request, f"Published. It stands with the post, {counts}.")
        return redirect(f"{post.get_absolute_url()}#report-{pk}")

    return ask(
        request,
        ReportForm,
        "evidence/report.html",
        {"post": post},
        act=lambda typed: actions.report(post, ReportForm.said(typed), by=viewer, organization=typed["organization"]),
        done=done,
        organizations=organizations,
    )


def _report(request: HttpRequest, pk: int) -> FieldReport:
    return get_object_or_404(
        FieldReport.objects.filter(post__in=Post.objects.visible_to(request.user)).select_related(
            "post__shown", "post__organization", "organization", "shown__place"
        ),
        pk=pk,
    )


@require_safe
def field_report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A field report with all that it ever said."""
    found = _report(request, pk)
    context = {
        "post": found.post,
        "report": found,
        "versions": found.versions.select_related("by", "place").order_by("-number"),
        "can_edit": can_edit_report(request.user, found),
    }
    return render(request, "evidence/field_report.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Publish the next version of a field report."""
    found = _report(request, pk)
    require(
        can_edit_report(request.user, found),
        "Owners and editors of the organization that tried it change a field report.",
    )

    def done(_: int) -> HttpResponse:
        messages.success(request, "Published. What it said before stays readable.")
        return redirect(f"{found.post.get_absolute_url()}#report-{found.pk}")

    return ask(
        request,
        ReportForm,
        "evidence/report.html",
        {"post": found.post, "report": found},
        act=lambda typed: actions.edit_report(found, ReportForm.said(typed), by=acting(request)),
        done=done,
        organizations=[found.organization_id],
        initial=initial_report(found.shown),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take a field report back, with a reason."""
    found = _report(request, pk)
    if found.withdrawn_at:
        return redirect(found)
    require(
        can_edit_report(request.user, found),
        "Owners and editors of the organization that tried it withdraw a field report.",
    )

    def done(_: int) -> HttpResponse:
        messages.success(request, "Withdrawn. A marker with your reason stays in its place.")
        return redirect(f"{found.post.get_absolute_url()}#reports")

    try:
        return ask(
            request,
            WithdrawEvidenceForm,
            "evidence/withdraw_report.html",
            {"post": found.post, "report": found},
            act=lambda typed: actions.withdraw_report(found, by=acting(request), why=typed["why"]),
            done=done,
        )
    except actions.EvidenceIsGone:
        messages.info(request, "This field report was withdrawn already.")
        return redirect(found)
