"""Comments: saying something on a post, answering, changing one's words, taking them back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from commons import keeping, markup
from commons.access import acting, require
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.comments import actions
from knowledge.comments.forms import AnswerForm, CommentForm, EditCommentForm
from knowledge.comments.models import Comment, Kind
from knowledge.comments.permissions import can_comment, can_edit_comment
from knowledge.comments.thread import blank_form, own_comments, texts, thread
from knowledge.posts.models import Post
from knowledge.posts.permissions import may_edit
from knowledge.views.asked import ask


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, number: int, slug: str, parent: int | None = None) -> HttpResponseBase:
    """Comment on a post, or answer a comment on it; a page of its own, which the form on the post's page posts to."""
    found = get_object_or_404(Post.objects.visible_to(request.user).select_related("shown", "organization"), pk=number)
    answered = get_object_or_404(found.comments.select_related("by"), pk=parent) if parent else None
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    kind = request.GET.get("kind", Kind.COMMENT)
    form = CommentForm(typed, initial={"key": fresh_key(), "kind": kind if kind in Kind.values else Kind.COMMENT})
    status, preview, too_often = 200, None, None
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif request.POST.get("action") == "preview":
            preview = markup.render(form.cleaned_data["body"], top=3).html
        else:
            try:
                made, _ = once(
                    form.cleaned_data["key"],
                    by=acting(request),
                    form=form_of(request),
                    act=lambda: actions.comment(
                        found,
                        by=acting(request),
                        body=form.cleaned_data["body"],
                        kind=form.cleaned_data["kind"] or Kind.COMMENT,
                        parent=answered,
                    ),
                )
            except actions.CommentIsGone:
                form.add_error(None, "The comment you answer was withdrawn meanwhile. Your words are still here.")
                status = 409
            except TooOften as refused:
                form.add_error(None, str(refused))
                too_often = refused
            else:
                return _told(request, found, made)
    elif typed is not None:
        form.errors.clear()
    response = render(
        request,
        "comments/new.html",
        {
            "post": found,
            "address": found.get_absolute_url(),
            "form": form,
            "answered": answered,
            "answered_html": texts([answered])[answered.pk] if answered and not answered.withdrawn_at else "",
            "preview": preview,
            "can_comment": can_comment(request.user, found.pk),
        },
        status=status,
    )
    return too_often.mark(response) if too_often else response


def _told(request: HttpRequest, post: Post, made: int) -> HttpResponseBase:
    """Back to the discussion, at the new comment; in place where the page asked for that."""
    if request.htmx:  # type: ignore[attr-defined]
        return render(
            request,
            "comments/in_place.html",
            {
                "address": post.get_absolute_url(),
                "discussion": own_comments(
                    thread(post.number),
                    acting(request),
                    post.number,
                    answers=may_edit(request.user, post.organization_id),
                ),
                "blank": blank_form(post.get_absolute_url(), get_token(request)),
                "made": made,
                "can_comment": True,
            },
        )
    return redirect(f"{post.get_absolute_url()}#comment-{made}")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Change what one's comment says."""
    this = _own(request, pk)
    form = EditCommentForm(request.POST if request.method == "POST" else None, initial={"body": this.body})
    preview, status, too_often = None, 200, None
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif request.POST.get("action") == "preview":
            preview = markup.render(form.cleaned_data["body"], top=3).html
        else:
            try:
                actions.edit_comment(this, by=acting(request), body=form.cleaned_data["body"])
            except TooOften as refused:
                form.add_error(None, str(refused))
                too_often = refused
            else:
                return redirect(this)
    response = render(
        request,
        "comments/edit.html",
        {"comment": this, "post": this.post, "form": form, "preview": preview},
        status=status,
    )
    return too_often.mark(response) if too_often else response


@never_cache
@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take one's comment back."""
    this = get_object_or_404(
        Comment.objects.visible_to(request.user).select_related("post__shown", "post__organization"), pk=pk
    )
    actions.withdraw_comment(this, by=acting(request))
    messages.success(request, "Withdrawn. A marker keeps its place in the discussion.")
    return redirect(f"{this.post.get_absolute_url()}#comments")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Answer a challenge for the organization whose post it is."""
    challenge = _challenge(request, pk)
    require(
        may_edit(request.user, challenge.post.organization_id), "Owners and editors of the organization answer for it."
    )
    if not challenge.is_open_challenge:
        messages.info(request, "This challenge is not open any more.")
        return redirect(challenge)

    def act(typed: dict[str, str]) -> Comment:
        try:
            return actions.answer_challenge(challenge, by=acting(request), body=typed["body"])
        except actions.CommentIsGone:
            raise ValidationError("It was withdrawn, or answered, meanwhile. Your words are still here.") from None

    return ask(
        request,
        AnswerForm,
        "comments/answer.html",
        {"post": challenge.post, "challenge": challenge, "html": texts([challenge])[challenge.pk]},
        act=act,
        done=lambda made: redirect(f"{challenge.post.get_absolute_url()}#comment-{made}"),
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say that the organization's answer settles one's challenge."""
    challenge = _challenge(request, pk)
    require(challenge.by_id == acting(request).pk, "The challenger says whether the answer settles it.")
    if challenge.accepted_at or challenge.is_open_challenge:
        return redirect(challenge)
    if request.method == "POST":
        actions.accept_answer(challenge, by=acting(request))
        messages.success(request, "Settled. Your challenge and its answer stay where they are.")
        return redirect(challenge)
    answered = challenge.answer
    assert answered is not None
    context = {"post": challenge.post, "answered": answered, "html": texts([answered])[answered.pk]}
    return render(request, "comments/accept.html", context)


def _challenge(request: HttpRequest, pk: int) -> Comment:
    return get_object_or_404(
        Comment.objects.visible_to(request.user)
        .filter(kind=Kind.CHALLENGE, withdrawn_at=None)
        .select_related("post__shown", "post__organization", "answer__by", "by"),
        pk=pk,
    )


def permalink(request: HttpRequest, pk: int) -> HttpResponse:
    """To where a comment stands."""
    return redirect(get_object_or_404(Comment.objects.visible_to(request.user).select_related("post__shown"), pk=pk))


def _own(request: HttpRequest, pk: int) -> Comment:
    this = get_object_or_404(
        Comment.objects.visible_to(request.user).select_related("post__shown", "post__organization"), pk=pk
    )
    require(can_edit_comment(request.user, this), "Only its author changes a comment, and not once it is withdrawn.")
    return this
