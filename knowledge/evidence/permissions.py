from typing import TYPE_CHECKING

from accounts.organizations.models import PUBLISHING_ROLES
from knowledge.evidence.models import Evidence, FieldReport
from knowledge.posts.listing import is_visible
from knowledge.posts.models import Post
from knowledge.posts.permissions import can_edit

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

can_add_evidence = can_edit  # who may publish a post's next version may also say what it rests on


def can_withdraw_evidence(viewer: "Member | AnonymousUser", evidence: Evidence) -> bool:
    """Who may add to it, while it is not withdrawn."""
    return evidence.withdrawn_at is None and can_add_evidence(viewer, evidence.post)


def reporting_organizations(viewer: "Member | AnonymousUser", post: Post) -> list[int]:
    """The keys of the organizations for which the viewer may say how this post went when they tried it.

    Those they publish for; none for a member of the organization whose post it is.
    """
    if not (viewer.is_authenticated and viewer.is_active) or post.organization_id in viewer.roles:
        return []
    return [key for key, role in viewer.roles.items() if role in PUBLISHING_ROLES]


def can_report(viewer: "Member | AnonymousUser", post: Post, organization: int) -> bool:
    """Owners and editors of another organization, who may read the post."""
    return organization in reporting_organizations(viewer, post) and is_visible(viewer, post.pk)


def can_edit_report(viewer: "Member | AnonymousUser", report: FieldReport) -> bool:
    """Owners and editors of the organization that tried it, while neither the report nor the post is withdrawn."""
    return report.withdrawn_at is None and can_report(viewer, report.post, report.organization_id)
