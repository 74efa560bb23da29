"""What can be done with a comment."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.members.limits import COMMENTS, EDITS
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.comments.models import Comment, EarlierText, Kind
from knowledge.comments.permissions import can_accept, can_answer, can_comment, can_edit_comment
from knowledge.posts.listing import changed
from knowledge.posts.models import Post
from knowledge.stored.fragments import stale
from knowledge.subscriptions.actions import follow_own

if TYPE_CHECKING:
    import datetime as dt

    from accounts.members.models import Member

THREAD = "thread"  # the fragment that holds a post's whole discussion
COMMENT = "comment"  # the fragment that holds one comment's rendered text


class CommentIsGone(Exception):
    """The comment that this one would answer, or change, was withdrawn meanwhile."""


@transaction.atomic
def comment(
    post: Post,
    *,
    by: "Member",
    body: str,
    kind: str = Kind.COMMENT,
    parent: Comment | None = None,
    at: "dt.datetime | None" = None,
) -> Comment:
    """Say something on a post, or in answer to a comment on it. Raises CommentIsGone when that one was withdrawn."""
    keep_pace(COMMENTS, by=by)
    return _write(post, by=by, body=body, kind=kind, parent=parent, at=at)


def _write(
    post: Post, *, by: "Member", body: str, kind: str, parent: Comment | None, at: "dt.datetime | None"
) -> Comment:
    require(can_comment(by, post.pk), "Comments are for members who can read the post.")
    if parent:
        parent = Comment.objects.select_for_update().get(pk=parent.pk, post=post)
        if parent.withdrawn_at:
            raise CommentIsGone
    made = Comment(post=post, by=by, body=body, kind=kind, parent=parent, at=at or timezone.now())
    made.settle()
    made.save()
    _count(post, kind, 1)
    record(Verb.COMMENTED, by=by, subject=made, organization=post.organization, at=at, post=post.number, kind=str(kind))
    follow_own(post.pk, [by], at=at)
    _made_anew(made)
    return made


@transaction.atomic
def answer_challenge(challenge: Comment, *, by: "Member", body: str, at: "dt.datetime | None" = None) -> Comment:
    """Answer a challenge for the organization whose post it is: a comment under it, and the challenge is open no longer.

    Raises CommentIsGone when it was withdrawn, or answered by a colleague, meanwhile.
    """
    keep_pace(COMMENTS, by=by)
    challenge = _locked(challenge)
    if not challenge.is_open_challenge:
        raise CommentIsGone
    require(can_answer(by, challenge), "Owners and editors of the organization answer for it.")
    made = _write(challenge.post, by=by, body=body, kind=Kind.COMMENT, parent=challenge, at=at)
    challenge.answer, challenge.accepted_at = made, None
    challenge.settle()
    challenge.save(update_fields=["answer", "accepted_at", "awaits"])
    post = challenge.post
    record(Verb.ANSWERED_CHALLENGE, by=by, subject=challenge, organization=post.organization, at=at, post=post.number)
    _made_anew(challenge)
    return made


@transaction.atomic
def accept_answer(challenge: Comment, *, by: "Member", at: "dt.datetime | None" = None) -> Comment:
    """Say that an answer settles one's challenge. Twice is once."""
    challenge = _locked(challenge)
    if challenge.accepted_at and challenge.by_id == by.pk:
        return challenge
    require(can_accept(by, challenge), "The challenger says whether the answer settles it.")
    challenge.accepted_at = at or timezone.now()
    challenge.save(update_fields=["accepted_at"])
    post = challenge.post
    record(Verb.ACCEPTED_ANSWER, by=by, subject=challenge, organization=post.organization, at=at, post=post.number)
    _made_anew(challenge)
    return challenge


@transaction.atomic
def edit_comment(this: Comment, *, by: "Member", body: str) -> Comment:
    """Change what one's comment says. It is marked as edited, and what it said before is kept."""
    keep_pace(EDITS, by=by)
    this = _locked(this)
    require(can_edit_comment(by, this), "Only its author changes a comment.")
    if this.body == body:
        return this
    now = timezone.now()
    EarlierText.objects.create(comment=this, body=this.body, until=now)
    this.body, this.edited_at = body, now
    this.save(update_fields=["body", "edited_at"])
    record(Verb.EDITED_COMMENT, by=by, subject=this, organization=this.post.organization, post=this.post_id)
    _made_anew(this)
    return this


@transaction.atomic
def withdraw_comment(this: Comment, *, by: "Member") -> Comment:
    """Take one's comment back. A marker keeps its place in the thread."""
    this = _locked(this)
    if this.withdrawn_at and this.by_id == by.pk:
        return this
    require(can_edit_comment(by, this), "Only its author withdraws a comment.")
    this.withdrawn_at = timezone.now()
    this.settle()
    this.save(update_fields=["withdrawn_at", "awaits"])
    if challenge := Comment.objects.select_related("answer", "post").filter(answer=this).first():
        challenge.settle()  # it is open again
        challenge.save(update_fields=["awaits"])
    _count(this.post, this.kind, -1)
    record(Verb.WITHDREW_COMMENT, by=by, subject=this, organization=this.post.organization, post=this.post_id)
    _made_anew(this)
    return this


def _locked(this: Comment) -> Comment:
    return (
        Comment.objects.select_for_update(of=("self",)).select_related("post__organization", "answer").get(pk=this.pk)
    )


def _count(post: Post, kind: str, difference: int) -> None:
    counts = {"comment_count": F("comment_count") + difference}
    if kind == Kind.SEE_TOO:
        counts["see_too_count"] = F("see_too_count") + difference
    Post.objects.filter(pk=post.pk).update(**counts)


def _made_anew(this: Comment) -> None:
    stale(COMMENT, [this.pk])
    stale(THREAD, [this.post_id])
    changed(this.post)
