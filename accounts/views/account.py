"""A member's own pages: what there is to change, and the profile."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.members.actions import change_profile
from accounts.members.forms import ProfileForm
from accounts.views.pages import filled_in, own_page
from commons import keeping
from commons.access import acting
from commons.pace import TooOften


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """What there is to change, each with what it is now, and the organizations one belongs to."""
    memberships = acting(request).memberships.select_related("organization").order_by("organization__name", "pk")
    return own_page(request, "accounts/account.html", {"memberships": memberships})


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponseBase:
    """Change what others see of oneself. The handle is shown, and stays."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    member = acting(request)
    said = {"name": member.name, "bio": member.bio, "time_zone": member.time_zone}
    form = filled_in(request, ProfileForm, said)
    if request.method == "POST" and form.is_valid():
        try:
            change_profile(member, by=member, **form.cleaned_data)
        except TooOften as refused:
            return own_page(request, "accounts/profile.html", {"form": form}, refused)
        messages.success(request, "Saved. This is how others see you.")
        return redirect("account")
    return own_page(request, "accounts/profile.html", {"form": form})
