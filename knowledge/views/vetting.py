"""A vetting's pages: asking for one, reviewing, answering what is asked for, closing; and confirming that a change is editorial."""

import datetime as dt

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commons.access import acting, require
from commons.numbers import parse_number
from commons.once import OnceForm, form_of, fresh_key, once
from knowledge.comments.models import Comment
from knowledge.ladder import vetting as actions
from knowledge.ladder.forms import EndVettingForm, RequestAnswerForm, ReviewForm, VettingForm
from knowledge.ladder.models import Review, Vetting
from knowledge.ladder.permissions import (
    can_answer_request,
    can_close_request,
    can_confirm,
    can_decline,
    can_open_vetting,
    can_prolong,
    can_review,
    can_withdraw_vetting,
    reviewing_organizations,
)
from knowledge.ladder.record import numbers, open_vetting_of, record_of
from knowledge.ladder.reviews import judged
from knowledge.ladder.rules import wants
from knowledge.posts.actions import ChangedMeanwhile
from knowledge.posts.compare import compare
from knowledge.posts.models import Post, Version
from knowledge.posts.permissions import can_edit
from knowledge.posts.pieces import bodies
from knowledge.posts.rungs import Rung
from knowledge.views.asked import ask, on_post

PROLONGED = dt.timedelta(days=14)
OVER = "This vetting is closed."
SET_ASIDE = "It is set aside. Take it up again first."


@on_post
def ask_for(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Ask people outside whether the newest version holds up."""
    if post.vetting_until:
        messages.info(request, "A vetting is open already.")
        return redirect(f"{post.get_absolute_url()}#vetting")
    words = "Owners and editors of the organization ask for a vetting."
    if can_edit(request.user, post):
        words = SET_ASIDE if post.aside_at else "A hunch moves up to emerging approach first; then others can vet it."
    require(can_open_vetting(request.user, post), words)
    newest = actions.newest_of(post)
    told = record_of(post, newest, [])

    def act(typed: dict[str, object]) -> Vetting:
        weeks = typed["weeks"]
        assert isinstance(weeks, int)
        until = timezone.now().date() + dt.timedelta(weeks=weeks)
        return actions.open_vetting(post, by=acting(request), asks=str(typed["asks"]), until=until)

    return ask(
        request,
        VettingForm,
        "vetting/ask_for.html",
        {
            "post": post,
            "newest": newest,
            "wants": [*wants(Rung.EMERGING, told, numbers())[:1], *wants(Rung.VETTED, told, numbers())[:3]],
            "challenges": Comment.objects.open_challenges().filter(post=post).count(),
        },
        act=act,
        done=lambda _: _told(request, post, "Open. Everybody can read it, and anybody from outside can review."),
    )


@on_post
def review(request: HttpRequest, post: Post) -> HttpResponseBase:
    """Sign a verdict, or change the one given before."""
    vetting = open_vetting_of(post)
    if vetting is None:
        return _over(request, post)
    require(can_review(request.user, post), "Nobody reviews their own organization’s post, or one they wrote.")
    newest = actions.newest_of(post)
    viewer = acting(request)
    given = vetting.reviews.filter(by=viewer).select_related("version").last()

    def act(typed: dict[str, object]) -> Review:
        try:
            return actions.review(
                vetting,
                ReviewForm.opinion(typed),
                by=viewer,
                organization=typed["organization"],  # type: ignore[arg-type]
                read=typed["read"],  # type: ignore[arg-type]
                again=given is not None and typed["instead"] == given.pk,
            )
        except ChangedMeanwhile as change:
            raise ValidationError(
                f"Version {change.newest.number} was published while you were reading. Nothing was signed, and your words"
                " are below: look at what changed, and sign again.",
                params={"read": change.newest.number},
            ) from None
        except actions.AlreadyReviewed:
            last = vetting.reviews.filter(by=viewer).latest("pk")
            raise ValidationError(
                "You have reviewed it already, so nothing was signed. Your words are below: sign again to put them in the"
                " place of your earlier verdict.",
                params={"instead": last.pk},
            ) from None
        except actions.Closed as closed:
            raise ValidationError(f"{closed} Nothing was signed.") from None

    read = _read_before(request, post) or (given.version if given else newest)
    initial: dict[str, object] = {"read": newest.number}
    if given:
        names = ("verdict", "supports", "missing", "try_next", "rely", "relation", "interest", "organization")
        initial |= {name: getattr(given, name) for name in names} | {"instead": given.pk}
    return ask(
        request,
        ReviewForm,
        "vetting/review.html",
        {
            "post": post,
            "vetting": vetting,
            "newest": newest,
            "body": bodies([newest])[newest.pk],
            "read": read,
            "changes": compare(read, newest) if read.pk != newest.pk else None,
            "given": given,
            "evidence": post.evidence.select_related("attachment", "withdrawn_by"),
            "so_far": [each for each in judged(vetting, post, newest) if each.stands],
            "challenges": Comment.objects.open_challenges().filter(post=post).select_related("by", "post__shown"),
        },
        act=act,
        done=lambda _: _told(request, post, "Signed. Your name and your reasons stand beside the post."),
        organizations=reviewing_organizations(viewer, post),
        initial=initial,
    )


def _read_before(request: HttpRequest, post: Post) -> Version | None:
    """The version that a review was being written on, when it was sent."""
    return post.versions.filter(number=parse_number(request.POST.get("read")) or 0).first()


@on_post
def withdraw(request: HttpRequest, post: Post) -> HttpResponseBase:
    """End a vetting without a verdict: its organization, or a moderator, who declines it."""
    vetting = open_vetting_of(post)
    if vetting is None:
        return _over(request, post)
    ours = can_withdraw_vetting(request.user, post)
    require(ours or can_decline(request.user), "Owners and editors of the organization, and moderators, end a vetting.")
    verb = actions.withdraw_vetting if ours else actions.decline
    return ask(
        request,
        EndVettingForm,
        "vetting/withdraw.html",
        {"post": post, "ours": ours},
        act=lambda typed: _tried(lambda: verb(vetting, by=acting(request), why=str(typed["why"]))),
        done=lambda _: _told(request, post, "The vetting is closed. Its reviews stay."),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say that a newer version answers a request for more."""
    asked, post = _request(request, pk)
    require(can_answer_request(request.user, post), "Owners and editors of the organization answer for it.")
    newest = actions.newest_of(post)
    return ask(
        request,
        RequestAnswerForm,
        "vetting/answer.html",
        {"post": post, "review": asked, "newest": newest, "is_newer": newest.pk != asked.version_id},
        act=lambda typed: _tried(lambda: actions.answer_request(asked, by=acting(request), words=str(typed["words"]))),
        done=lambda _: _told(request, post, "Answered. The reviewer is asked to look again."),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close_request(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Close one's request for more without approving."""
    asked, post = _request(request, pk)
    require(can_close_request(request.user, post, asked), "The reviewer who asked for more says that it is there.")
    if request.method == "POST":
        return _done(
            request, post, lambda: actions.close_request(asked, by=acting(request)), "Closed. Your review stays."
        )
    return render(request, "vetting/close_request.html", {"post": post, "review": asked})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prolong(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give a reviewer two weeks more before their request lapses."""
    asked, post = _request(request, pk)
    require(can_prolong(request.user), "Moderators give reviewers more time.")
    given = getattr(asked, "answer", None)
    if given is None:
        messages.info(request, "It does not lapse before it is answered.")
        return redirect(f"{post.get_absolute_url()}#vetting")
    until = max(given.lapses_at, timezone.now()) + PROLONGED
    form = OnceForm(request.POST if request.method == "POST" else None, initial={"key": fresh_key()})
    if request.method == "POST":
        member, key = acting(request), form.cleaned_data["key"] if form.is_valid() else None
        return _done(
            request,
            post,
            lambda: once(
                key, by=member, form=form_of(request), act=lambda: actions.prolong(given, by=member, until=until)
            ),
            "Prolonged by two weeks.",
        )
    return render(request, "vetting/prolong.html", {"post": post, "review": asked, "until": until, "form": form})


@on_post
def confirm(request: HttpRequest, post: Post, version: int) -> HttpResponseBase:
    """Say, having seen what changed, that a vetted post's newest version is editorial."""
    this = get_object_or_404(Version.objects.select_related("by"), post=post, number=version)
    require(can_confirm(request.user, post), "One of those who vetted it says that a change is editorial.")
    if post.shown_id == this.pk:
        return redirect(post)
    if request.method == "POST":
        this.post = post
        return _done(
            request,
            post,
            lambda: actions.confirm_editorial(this, by=acting(request)),
            f"Confirmed. Readers see version {this.number} now.",
        )
    context = {"post": post, "version": this, "changes": compare(post.shown, this)}
    return render(request, "vetting/confirm.html", context)


def _request(request: HttpRequest, pk: int) -> tuple[Review, Post]:
    found = get_object_or_404(
        Review.objects.filter(vetting__post__in=Post.objects.visible_to(request.user)).select_related(
            "vetting", "version", "by", "organization", "answer"
        ),
        pk=pk,
    )
    post = Post.objects.select_related("shown", "organization").get(pk=found.vetting.post_id)
    return found, post


def _tried(act):  # type: ignore[no-untyped-def]
    """What a verb gives, its refusal as a form shows it."""
    try:
        return act()
    except actions.Closed as closed:
        raise ValidationError(str(closed)) from None


def _done(request: HttpRequest, post: Post, act, words: str) -> HttpResponse:  # type: ignore[no-untyped-def]
    try:
        act()
    except actions.Closed as closed:
        messages.info(request, str(closed))
    except ChangedMeanwhile as change:
        messages.info(request, f"Version {change.newest.number} is out meanwhile. Look at that one.")
    else:
        messages.success(request, words)
    return redirect(f"{post.get_absolute_url()}#vetting")


def _over(request: HttpRequest, post: Post) -> HttpResponse:
    messages.info(request, OVER if post.vettings.exists() else "No vetting is open.")
    return redirect(post)


def _told(request: HttpRequest, post: Post, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(f"{post.get_absolute_url()}#vetting")
