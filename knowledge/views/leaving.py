"""What the links in mail lead to: leaving a list, and saying yes to a subscription. Neither needs an account or a cookie."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from knowledge.notifications.leaving import NoSuchList, asked_of, list_of, words_for
from knowledge.notifications.leaving import leave as leave_list
from knowledge.notifications.things import things
from knowledge.posts.listing import Key
from knowledge.subscriptions.actions import subscribe_reader
from knowledge.subscriptions.models import Reader


@csrf_exempt  # the address is the permission: mail programs send it without a cookie (RFC 8058, 3.2)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """Leave one list. Looking at the page changes nothing, since mail scanners follow links; POST leaves, as often as it is sent."""
    try:
        this = list_of(token)
    except NoSuchList:
        return render(request, "subscriptions/no_such_list.html", {"what": "leave"}, status=404)
    words = words_for(this)
    if request.method == "POST":
        leave_list(this)
    context = {"words": words, "left": request.method == "POST", "is_member": not isinstance(this.who, Reader)}
    return render(request, "subscriptions/leave.html", context)


@csrf_exempt  # the same
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Say yes to a subscription by e-mail: the address in the link is proven by who has the link."""
    try:
        asked = asked_of(token)
    except NoSuchList:
        return render(request, "subscriptions/no_such_list.html", {"what": "confirm"}, status=404)
    thing = things([Key(asked.kind, asked.object_id)]).get(Key(asked.kind, asked.object_id))
    if thing is None:
        return render(request, "subscriptions/no_such_list.html", {"what": "gone"}, status=410)
    if request.method == "POST":
        subscribe_reader(asked.address, asked.kind, asked.object_id, cadence=asked.cadence)
    context = {"thing": thing, "asked": asked, "done": request.method == "POST"}
    return render(request, "subscriptions/confirm.html", context)
