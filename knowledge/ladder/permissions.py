from typing import TYPE_CHECKING

from knowledge.posts.models import Post
from knowledge.posts.permissions import can_edit
from knowledge.posts.rungs import Rung

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_move_up(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Who may edit a hunch that is not set aside. (Only a vetting moves further up.)"""
    return post.rung == Rung.HUNCH and post.aside_at is None and can_edit(viewer, post)


def can_step_down(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Who may edit a post above a hunch that is not set aside, and moderators."""
    return post.rung > Rung.HUNCH and post.aside_at is None and (can_edit(viewer, post) or _moderates(viewer, post))


def can_set_aside(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Who may edit a post that is not set aside."""
    return post.aside_at is None and can_edit(viewer, post)


def can_take_up(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Who may edit a post that is set aside."""
    return post.aside_at is not None and can_edit(viewer, post)


def _moderates(viewer: "Member | AnonymousUser", post: Post) -> bool:
    return viewer.is_authenticated and viewer.is_active and viewer.is_staff and post.is_public
