from typing import TYPE_CHECKING

from accounts.organizations.models import Organization
from accounts.organizations.permissions import can_publish_for
from knowledge.posts.models import Post

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_publish(viewer: "Member | AnonymousUser", organization: Organization) -> bool:
    """Owners and editors of the organization."""
    return can_publish_for(viewer, organization)


def can_edit(viewer: "Member | AnonymousUser", post: Post) -> bool:
    """Owners and editors of the organization that published it, while it is neither withdrawn nor hidden."""
    if not viewer.is_authenticated or not viewer.belongs_to(post.organization):
        return False
    return post.withdrawn_at is None and post.hidden_at is None and can_publish_for(viewer, post.organization)


can_withdraw = can_edit  # who may publish a post's next version may also take the post back
