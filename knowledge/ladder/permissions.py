from typing import TYPE_CHECKING

from knowledge.ladder.models import Relation, Review, Verdict
from knowledge.posts.listing import is_visible
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


def can_open_vetting(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Who may edit a post above a hunch, while it is neither set aside nor in a vetting."""
    return post.rung > Rung.HUNCH and post.aside_at is None and post.vetting_until is None and can_edit(viewer, post)


can_withdraw_vetting = can_edit
can_answer_request = can_edit


def reviewing_organizations(viewer: "Member | AnonymousUser", post: Post) -> list[int]:
    """The keys of the organizations that the viewer can speak for in a vetting of this post; one may also speak for oneself."""
    return list(viewer.roles) if viewer.is_authenticated else []


def can_review(viewer: "Member | AnonymousUser", post: Post, organization: int | None = None) -> bool:
    """Every member who may read the post, but for its authors and the members of its organization.

    For an organization of theirs, where one is given.
    """
    return (
        viewer.is_authenticated
        and viewer.is_active
        and post.organization_id not in viewer.roles
        and (organization is None or organization in viewer.roles)
        and not post.authorships.filter(member=viewer.pk).exists()
        and is_visible(viewer, post.pk)
    )


def can_close_request(viewer: "Member | AnonymousUser", post: Post, review: Review) -> bool:
    """The reviewer who asked for more."""
    return viewer.is_authenticated and viewer.is_active and review.by_id == viewer.pk and is_visible(viewer, post.pk)


def can_confirm(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """One of those who approved in the vetting that a vetted post stands on, and are still outside its organization."""
    if post.rung != Rung.VETTED or not can_review(viewer, post):
        return False
    move = post.moves.filter(cause__isnull=False).order_by("-pk").first()
    last = move.cause.reviews.filter(by=viewer.pk).order_by("-pk").first() if move and move.cause else None
    return last is not None and last.verdict == Verdict.APPROVE and last.relation == Relation.NONE


def can_decline(viewer: "Member | AnonymousUser") -> bool:
    """Moderators."""
    return viewer.is_authenticated and viewer.is_active and viewer.is_staff


can_prolong = can_decline


def _moderates(viewer: "Member | AnonymousUser", post: Post) -> bool:
    return can_decline(viewer) and post.is_public
