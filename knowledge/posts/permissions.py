from typing import TYPE_CHECKING

from accounts.organizations.models import Organization
from accounts.organizations.permissions import can_draft_for, can_publish_for
from knowledge.posts.models import Post

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_publish(viewer: "Member | AnonymousUser", organization: Organization) -> bool:
    """Owners and editors of the organization."""
    return can_publish_for(viewer, organization.pk)


def can_edit(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Owners and editors of the organization that published it, while it is neither withdrawn nor hidden."""
    return post.withdrawn_at is None and post.hidden_at is None and may_edit(viewer, post.organization_id)


def may_edit(viewer: "Member | AnonymousUser", organization: int) -> bool:
    """Whether the viewer may change a post of this organization that was found to be visible to them."""
    return can_publish_for(viewer, organization)


def can_draft(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Members of the organization that published it, while it is neither withdrawn nor hidden."""
    return post.withdrawn_at is None and post.hidden_at is None and can_draft_for(viewer, post.organization_id)


can_withdraw = can_edit  # who may publish a post's next version may also take the post back
