"""Where a post stands: what each rung wants of it, moving up, stepping down, setting aside, taking up again."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from commons.access import acting, require
from commons.numbers import parse_number
from knowledge.evidence.grounds import shaken
from knowledge.ladder import actions
from knowledge.ladder.forms import (
    CheckBackForm,
    LinkForm,
    MoveUpForm,
    SetAsideForm,
    StepDownForm,
    StillHoldsForm,
    TakeUpForm,
)
from knowledge.ladder.page import ladder_of, newest_of
from knowledge.ladder.permissions import (
    can_move_up,
    can_open_vetting,
    can_prolong,
    can_set_aside,
    can_step_down,
    can_take_up,
)
from knowledge.ladder.record import open_vetting_of
from knowledge.ladder.reviews import judged
from knowledge.posts.actions import expect_more
from knowledge.posts.lineage import Unlinkable, link, unlink
from knowledge.posts.models import Link, LinkKind, Move, Post
from knowledge.posts.permissions import can_edit
from knowledge.posts.rungs import Rung
from knowledge.views.asked import ask, on_post


@on_post
def standing(request: HttpRequest, post: Post) -> HttpResponseBase:
    """What each rung wants of a post and what is there; a hunch moves up from here."""
    may = {
        "can_edit": can_edit(request.user, post),
        "can_move_up": can_move_up(request.user, post),
        "can_open_vetting": can_open_vetting(request.user, post),
        "can_step_down": can_step_down(request.user, post),
        "can_set_aside": can_set_aside(request.user, post),
        "can_take_up": can_take_up(request.user, post),
    }
    vetting = open_vetting_of(post)
    reviews = judged(vetting, post, newest_of(post)) if vetting else []
    require(any(may.values()), "The post’s organization, and moderators, change where it stands.")
    if request.method == "POST":
        require(may["can_move_up"], "Owners and editors of the organization move its hunches up.")
    return ask(
        request,
        MoveUpForm,
        "ladder/standing.html",
        {
            "post": post,
            "ladder": ladder_of(post),
            "vetting": vetting,
            "requests": [each for each in reviews if each.is_open_request],
            "can_prolong": can_prolong(request.user),
            "shaken": shaken(post.links.filter(ended_at=None).select_related("to__shown")),
            **may,
        },
        act=lambda typed: actions.move_up(post, by=acting(request), why=typed["why"]),
        done=lambda _: _told(
            request, post, "It is an emerging approach now. The move, your reason and your name stay with it."
        ),
    )


@on_post
def step_down(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Move a post down, with a reason."""
    words = "The post’s organization, and moderators, step it down."
    if can_edit(request.user, post):
        words = "It is set aside. Take it up again first." if post.aside_at else "A hunch is the lowest rung."
    require(can_step_down(request.user, post), words)
    return ask(
        request,
        StepDownForm,
        "ladder/step_down.html",
        {"post": post},
        act=lambda typed: actions.step_down(post, typed["rung"], by=acting(request), why=typed["why"]),
        done=lambda _: _told(request, post, "Stepped down. The reason stands in its ladder history."),
        post=post,
    )


@on_post
def set_aside(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Say that a post did not hold up, and what was learned."""
    words = "Owners and editors of the organization set its posts aside."
    require(can_set_aside(request.user, post), "It is set aside already." if can_edit(request.user, post) else words)

    def act(typed: dict[str, Any]) -> Move:
        told = {name: typed[name] for name in SetAsideForm.WANTED}
        try:
            return actions.set_aside(
                post,
                by=acting(request),
                why=typed["why"],
                lesson=actions.AfterAction(**told) if all(told.values()) else None,
                superseded_by=next(iter(typed["superseded_by"]), None),
            )
        except Unlinkable as refused:
            raise ValidationError({"superseded_by": str(refused)}) from None

    return ask(
        request,
        SetAsideForm,
        "ladder/set_aside.html",
        {"post": post},
        act=act,
        done=lambda _: _told(request, post, "Set aside. It stays where it is, with what you learned at its top."),
        member=acting(request),
    )


@on_post
def take_up(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Take up again what was set aside."""
    words = "Owners and editors of the organization take its posts up again."
    require(can_take_up(request.user, post), "It is not set aside." if can_edit(request.user, post) else words)
    return ask(
        request,
        TakeUpForm,
        "ladder/take_up.html",
        {"post": post},
        act=lambda typed: actions.take_up(post, by=acting(request), why=typed["why"]),
        done=lambda _: _told(request, post, "Taken up again. It stands where it stood."),
    )


@on_post
def check_back(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Say when the organization expects to know more."""
    require(can_edit(request.user, post), "Owners and editors of the organization say when they expect to know more.")
    require(
        post.rung == Rung.HUNCH and post.aside_at is None, "Only a hunch has a day on which its organization is asked."
    )
    return ask(
        request,
        CheckBackForm,
        "ladder/check_back.html",
        {"post": post},
        act=lambda typed: expect_more(post, typed["on"], by=acting(request), words=typed["words"]),
        done=lambda _: _told(request, post, "Noted. You are asked again then."),
    )


@on_post
def lineage(request: HttpRequest, post: Post) -> HttpResponseBase:
    """What a post builds on, contradicts and supersedes: adding to it, taking away."""
    require(can_edit(request.user, post), "Owners and editors of the organization say what its posts build on.")
    if request.method == "POST" and "end" in request.POST:
        unlink(get_object_or_404(post.links, pk=parse_number(request.POST["end"]) or 0), by=acting(request))
        return _told(request, post, "Taken away.")

    def act(typed: dict[str, Any]) -> Link:
        try:
            return link(post, typed["to"][0], LinkKind(typed["kind"]), by=acting(request))
        except Unlinkable as refused:
            raise ValidationError({"to": str(refused)}) from None

    visible = Post.objects.visible_to(request.user)
    return ask(
        request,
        LinkForm,
        "ladder/lineage.html",
        {"post": post, "links": post.links.filter(ended_at=None, to__in=visible).select_related("to__shown")},
        act=act,
        done=lambda _: _told(request, post, "Linked. Both posts show it."),
        member=acting(request),
    )


@on_post
def still_holds(request: HttpRequest, post: Post, pk: int) -> HttpResponseBase:
    """Say that a post still holds, though what it builds on has fallen."""
    ground = get_object_or_404(
        post.links.filter(
            kind=LinkKind.BUILDS_ON, ended_at=None, to__in=Post.objects.visible_to(request.user)
        ).select_related("to__shown", "post"),
        pk=pk,
    )
    require(can_edit(request.user, post), "Owners and editors of the organization say whether its posts still hold.")
    return ask(
        request,
        StillHoldsForm,
        "ladder/still_holds.html",
        {"post": post, "ground": ground.to, "shaken": shaken([ground])},
        act=lambda typed: actions.still_holds(ground, by=acting(request), why=typed["why"]),
        done=lambda _: _told(request, post, "Noted. Your reason stands on the post."),
    )


def _told(request: HttpRequest, post: Post, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(post)
