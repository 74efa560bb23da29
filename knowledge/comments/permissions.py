from typing import TYPE_CHECKING

from knowledge.comments.models import Comment
from knowledge.posts.listing import is_visible
from knowledge.posts.permissions import can_edit

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_comment(viewer: "Member | AnonymousUser", post: int) -> bool:
    """Every member who may read the post of this number, while it is neither withdrawn nor hidden."""
    return may_speak(viewer) and is_visible(viewer, post)


def may_speak(viewer: "Member | AnonymousUser") -> bool:
    """Whether the viewer may comment on what was found to be visible to them."""
    return viewer.is_authenticated and viewer.is_active


def can_answer(viewer: "Member | AnonymousUser", challenge: Comment) -> bool:
    """Who may edit the post: its organization's owners and editors, while the challenge is open."""
    return challenge.is_open_challenge and can_edit(viewer, challenge.post)


def can_accept(viewer: "Member | AnonymousUser", challenge: Comment) -> bool:
    """The challenger, once the organization has answered."""
    return (
        viewer.is_authenticated
        and challenge.by_id == viewer.pk
        and challenge.answer is not None
        and challenge.answer.withdrawn_at is None
        and challenge.accepted_at is None
        and challenge.withdrawn_at is None
        and can_comment(viewer, challenge.post_id)
    )


def can_edit_comment(viewer: "Member | AnonymousUser", comment: Comment) -> bool:
    """Its author, while it is not withdrawn and the author may still read the post."""
    return (
        viewer.is_authenticated
        and comment.by_id == viewer.pk
        and comment.withdrawn_at is None
        and can_comment(viewer, comment.post_id)
    )
