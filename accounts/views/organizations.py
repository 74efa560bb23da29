"""Founding an organization, and changing what it says of itself. (Its public page is knowledge's.)"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from accounts.organizations import actions
from accounts.organizations.forms import FoundForm, OrganizationForm
from accounts.organizations.models import Organization
from accounts.organizations.permissions import can_manage
from accounts.views.pages import filled_in, own_page
from commons import keeping
from commons.access import acting, require
from commons.next_page import next_page
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften

SAID = ("name", "kind", "description", "website", "language")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Found an organization, on the way to something else where `next` says so."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    onward = next_page(request)
    form = filled_in(request, FoundForm, {"key": fresh_key()})
    if request.method == "POST" and form.is_valid():
        said = {name: form.cleaned_data[name] for name in SAID}
        by = acting(request)
        try:
            number, _ = once(
                form.cleaned_data["key"], by=by, form=form_of(request), act=lambda: actions.found(by=by, **said)
            )
        except TooOften as refused:
            return own_page(request, "accounts/organization_new.html", {"form": form, "onward": onward}, refused)
        organization = get_object_or_404(Organization, pk=number)
        messages.success(request, f"{organization.name} is here. Now you can share what you are learning there.")
        return redirect(onward or organization.get_absolute_url())
    return own_page(request, "accounts/organization_new.html", {"form": form, "onward": onward})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Change what an organization says of itself: for its owners."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    organization = get_object_or_404(Organization, slug=slug)
    require(can_manage(request.user, organization), "Its owners alone change what an organization says of itself.")
    said = {name: getattr(organization, name) for name in SAID}
    form = filled_in(request, OrganizationForm, said)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(organization, by=acting(request), **form.cleaned_data)
        except TooOften as refused:
            page = {"form": form, "organization": organization}
            return own_page(request, "accounts/organization_edit.html", page, refused)
        messages.success(request, "Saved. Pages that show it follow within a minute.")
        return redirect(organization)
    return own_page(request, "accounts/organization_edit.html", {"form": form, "organization": organization})
