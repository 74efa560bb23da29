"""Founding an organization, and changing what it says of itself. (Its public page is knowledge's.)"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.organizations import actions
from accounts.organizations.forms import FoundForm, OrganizationForm
from accounts.organizations.models import Organization
from accounts.organizations.permissions import can_manage
from commons import keeping
from commons.access import require
from commons.headers import NEVER_STORED
from commons.once import fresh_key, once

SAID = ("name", "kind", "description", "website", "language")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Found an organization, on the way to something else where `next` says so."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    onward = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, allowed_hosts=None):
        onward = ""
    form = FoundForm(typed_in(request), initial={"key": fresh_key()})
    if request.method == "POST" and form.is_valid():
        said = {name: form.cleaned_data[name] for name in SAID}
        number, _ = once(form.cleaned_data["key"], by=request.user, act=lambda: actions.found(by=request.user, **said))
        organization = get_object_or_404(Organization, pk=number)
        messages.success(request, f"{organization.name} is here. Now you can share what you are learning there.")
        return redirect(onward or organization.get_absolute_url())
    return _page(request, "accounts/organization_new.html", {"form": form, "onward": onward})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Change what an organization says of itself: for its owners."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    organization = get_object_or_404(Organization, slug=slug)
    require(can_manage(request.user, organization), "Its owners alone change what an organization says of itself.")
    said = {name: getattr(organization, name) for name in SAID}
    form = OrganizationForm(typed_in(request), initial=said)
    if request.method == "POST" and form.is_valid():
        actions.change(organization, by=request.user, **form.cleaned_data)
        messages.success(request, "Saved. Pages that show it follow within a minute.")
        return redirect(organization)
    return _page(request, "accounts/organization_edit.html", {"form": form, "organization": organization})


def typed_in(request: HttpRequest) -> QueryDict | None:
    """What was sent; or what was, before the session ran out."""
    return request.POST if request.method == "POST" else keeping.taken_back(request)


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response["Cache-Control"] = NEVER_STORED
    return response
