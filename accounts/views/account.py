"""A member's own pages: what there is to change, and the profile."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.members.actions import change_profile
from accounts.members.forms import ProfileForm
from commons import keeping
from commons.headers import NEVER_STORED


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    memberships = request.user.memberships.select_related("organization").order_by("organization__name", "pk")
    response = render(request, "accounts/account.html", {"memberships": memberships})
    response["Cache-Control"] = NEVER_STORED
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponseBase:
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    member = request.user
    said = {"name": member.name, "bio": member.bio, "time_zone": member.time_zone}
    form = ProfileForm(request.POST if request.method == "POST" else keeping.taken_back(request), initial=said)
    if request.method == "POST" and form.is_valid():
        change_profile(member, by=member, **form.cleaned_data)
        messages.success(request, "Saved. This is how others see you.")
        return redirect("account")
    response = render(request, "accounts/profile.html", {"form": form})
    response["Cache-Control"] = NEVER_STORED
    return response
