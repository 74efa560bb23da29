"""Where a post stands: what each rung wants of it, moving up, stepping down, setting aside, taking up again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from commons.access import acting, require
from knowledge.ladder import actions
from knowledge.ladder.forms import MoveUpForm, SetAsideForm, StepDownForm, TakeUpForm
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
from knowledge.posts.models import Post
from knowledge.posts.permissions import can_edit
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
    require(any(may.values()), "The post's organization, and moderators, change where it stands.")
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
    require(can_step_down(request.user, post), "The post's organization, and moderators, step it down.")
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
    require(can_set_aside(request.user, post), "Owners and editors of the organization set its posts aside.")
    return ask(
        request,
        SetAsideForm,
        "ladder/set_aside.html",
        {"post": post},
        act=lambda typed: actions.set_aside(
            post,
            by=acting(request),
            why=typed["why"],
            lesson=actions.AfterAction(
                **{name: typed[name] for name in ("expected", "happened", "because", "next_time")}
            ),
        ),
        done=lambda _: _told(request, post, "Set aside. It stays where it is, with what you learned at its top."),
    )


@on_post
def take_up(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Take up again what was set aside."""
    require(can_take_up(request.user, post), "Owners and editors of the organization take its posts up again.")
    return ask(
        request,
        TakeUpForm,
        "ladder/take_up.html",
        {"post": post},
        act=lambda typed: actions.take_up(post, by=acting(request), why=typed["why"]),
        done=lambda _: _told(request, post, "Taken up again. It stands where it stood."),
    )


def _told(request: HttpRequest, post: Post, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(post)
