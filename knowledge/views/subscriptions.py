"""Subscribing: a page of its own for each thing and each search, and the page that lists what one follows."""

from collections.abc import Callable
from typing import Any

from allauth.core.ratelimit import consume
from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from commons import keeping, push
from commons.access import acting
from commons.clients import client_ip, client_network
from commons.next_page import next_page
from knowledge.notifications.bounces import bounce_of, try_again
from knowledge.notifications.browsers import browsers_of
from knowledge.notifications.forms import ByMailForm, HowForm
from knowledge.notifications.readers import ask_reader
from knowledge.notifications.things import feed_of, followable, subscriptions_of
from knowledge.posts.following import followed
from knowledge.posts.models import Post
from knowledge.posts.pieces import card_list
from knowledge.search.filters import parse
from knowledge.search.models import QUERY_MOST, SavedSearch
from knowledge.search.saved import name_of, save_search
from knowledge.subscriptions import actions
from knowledge.subscriptions.button import choices_of
from knowledge.subscriptions.models import Cadence, Followable, Following, Muted, Subscription, What, usual_wants
from knowledge.subscriptions.private_feed import private_feed_address
from knowledge.subscriptions.private_mail import private_mail_address
from knowledge.views.errors import too_often


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """Subscribe to a thing, change how often and of what one hears, stop, or mute a post. Without an account: by feed or e-mail."""
    those = followable(kind, request.user)
    if those is None:
        raise Http404
    thing = get_object_or_404(those, pk=pk)
    return _subscribe(request, Followable(kind), thing, lambda: pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe_search(request: HttpRequest) -> HttpResponseBase:
    """Subscribe to a filtered list or a search: the address names its filters, as that of the list does."""
    filters = parse(request.GET)
    if not (filters.chosen or filters.q):
        return redirect("search")
    name, query = name_of(filters), filters.canonical(sort="newest")
    if len(query) > QUERY_MOST:
        raise BadRequest("This search is too long to be followed. Take some of its words away.")
    thing = SavedSearch.objects.filter(query=query).first() or SavedSearch(query=query, name=name)
    return _subscribe(request, Followable.SEARCH, thing, lambda: save_search(filters, name).pk)


def _subscribe(request: HttpRequest, kind: Followable, thing: Any, key: Callable[[], int]) -> HttpResponseBase:
    by_mail = ByMailForm(request.POST if request.POST.get("action") == "by_mail" else None)
    if request.method == "POST":
        if request.POST.get("action") == "by_mail":
            if by_mail.is_valid():
                return _by_mail(request, by_mail, kind, thing, key)
        elif not request.user.is_authenticated:
            return keeping.to_sign_in(request)
        else:
            return _changed(request, kind, thing, key)
    mine, muted = _own(request, kind, thing) if request.user.is_authenticated else (None, False)
    wanted = mine.wants if mine else usual_wants(kind)
    return render(
        request,
        "subscriptions/subscribe.html",
        {
            "thing": thing,
            "address": thing.get_absolute_url(),
            "feed_at": feed_of(thing),
            # A post is new once, before anybody can follow it
            "whats": [
                (what.value, what.label, what in wanted) for what in What if (kind, what) != (Followable.POST, What.NEW)
            ],
            "is_post": kind == Followable.POST,
            "muted": muted,
            "by_mail": by_mail,
            **choices_of(Cadence(mine.cadence) if mine else None),
        },
        status=422 if by_mail.errors else 200,
    )


def _own(request: HttpRequest, kind: Followable, thing: Any) -> tuple[Subscription | None, bool]:
    """The member's own subscription to a thing, if there is one, and whether they muted it."""
    member = acting(request)
    mine = Subscription.objects.filter(member=member, kind=kind, object_id=thing.pk or 0).first()
    return mine, kind == Followable.POST and Muted.objects.filter(member=member, post=thing.pk).exists()


def _changed(request: HttpRequest, kind: Followable, thing: Any, key: Callable[[], int]) -> HttpResponseBase:
    """What a member asked for, done, and said."""
    member, action = acting(request), request.POST.get("action", "")
    cadence = request.POST.get("cadence") or Cadence.WEEKLY
    if action == "stop":
        if thing.pk:
            actions.unsubscribe(kind, thing.pk, by=member)
        messages.success(request, f"You no longer follow {thing}.")
    elif action in ("mute", "unmute") and kind == Followable.POST:
        (actions.mute if action == "mute" else actions.unmute)(member, thing.pk)
        words = "You hear nothing more of" if action == "mute" else "You hear again of"
        messages.success(request, f"{words} {thing}.")
    elif cadence not in Cadence.values:
        raise BadRequest("Choose as it happens, daily, weekly or only on the site.")
    else:
        # Boxes that are not sent are boxes that are not ticked, where the form has them
        wants = request.POST.getlist("wants") if "has_wants" in request.POST else None
        if wants == []:
            raise BadRequest("Choose at least one thing to hear of, or stop.")
        with transaction.atomic():  # a search is not kept for who may not subscribe to it
            actions.subscribe(kind, key(), by=member, cadence=Cadence(cadence), wants=wants)
        messages.success(request, f"Subscribed to {thing}, {Cadence(cadence).label.lower()}.")
    return redirect(next_page(request) or thing.get_absolute_url())


def _by_mail(
    request: HttpRequest, form: ByMailForm, kind: Followable, thing: Model, key: Callable[[], int]
) -> HttpResponseBase:
    """Ask an address whether its owner wants to follow; who asks is told the same, whatever is known of the address."""
    typed = form.cleaned_data
    if not consume(request, action="follow_by_mail"):
        return too_often(request)
    network = client_network(client_ip(request))
    ask_reader(typed["address"], kind, key(), Cadence(typed["cadence"]), str(thing), network=network)
    return render(request, "subscriptions/look_in_your_mail.html", {"thing": thing, "address": typed["address"]})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def following(request: HttpRequest) -> HttpResponseBase:
    """What a member follows, how and how often they hear of it, and what is new in it, newest first."""
    member = acting(request)
    settings = Following.objects.filter(member=member).first() or Following(member=member)
    form = HowForm(
        request.POST or None, initial={"direct": settings.direct, "paused_until": settings.paused_until}, member=member
    )
    if request.method == "POST" and form.is_valid():
        actions.set_direct(member, Cadence(form.cleaned_data["direct"]))
        actions.pause(member, form.cleaned_data["paused_until"])
        messages.success(request, "Noted.")
        return redirect("following")
    filters = parse(request.GET)
    rows, read = followed(member, older_than=filters.older_than, limit=21)
    return render(
        request,
        "subscriptions/following.html",
        {
            "subscriptions": subscriptions_of(member),
            "cadences": Cadence.choices,
            "muted": Post.objects.visible_to(member).filter(muted_by__member=member).select_related("shown"),
            "form": form,
            "feed": private_feed_address(member),
            "takes_mail": bool(site.MAIL_REPLY_HOST),
            "mail_address": private_mail_address(member),
            "bounce": bounce_of(member),
            "browsers": browsers_of(member),
            "push_key": push.public_key(),
            "cards": card_list([row.number for row in rows[:20]], read),
            "older": f"?{filters.at('older', rows[19])}" if len(rows) > 20 else "",
        },
        status=422 if form.errors else 200,
    )


@never_cache
@login_required
@require_POST
def new_feed_address(request: HttpRequest) -> HttpResponse:
    """Give the member's own feed an address, or another one; the old one ends."""
    actions.new_feed_key(acting(request))
    messages.success(request, "Your feed has a new address. The old one, if there was one, ends now.")
    return redirect("/following/#feed")


@never_cache
@login_required
@require_POST
def mail_address(request: HttpRequest) -> HttpResponse:
    """Give the member a private address to which they mail drafts, or another one; or end it."""
    if request.POST.get("action") == "end":
        actions.no_mail_key(acting(request))
        messages.success(request, "Your private address is gone. Mail to it is refused.")
    else:
        actions.new_mail_key(acting(request))
        messages.success(request, "You have a new private address. The old one, if there was one, ends now.")
    return redirect("/following/#mail-in")


@never_cache
@login_required
@require_POST
def write_again(request: HttpRequest) -> HttpResponse:
    """Write to the member's address again, from which mail came back."""
    try_again(by=acting(request))
    messages.success(request, f"Mail goes to {acting(request).email} again.")
    return redirect("following")
