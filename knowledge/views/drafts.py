"""A member's own drafts: what is begun and not published yet."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from commons.access import acting
from knowledge.posts.drafts import discard_draft
from knowledge.posts.models import Draft
from knowledge.subscriptions.private_mail import private_mail_address


@never_cache
@login_required
@require_safe
def drafts(request: HttpRequest) -> HttpResponse:
    """Everything that a member has begun, newest first."""
    member = acting(request)
    own = Draft.objects.filter(by=member).select_related("organization")
    return render(request, "posts/drafts.html", {"drafts": own, "mail_address": private_mail_address(member)})


@never_cache
@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    member = acting(request)
    discard_draft(get_object_or_404(Draft, by=member, pk=pk), by=member)
    messages.success(request, "Thrown away.")
    return redirect("drafts")
