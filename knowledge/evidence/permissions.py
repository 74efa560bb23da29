from typing import TYPE_CHECKING

from knowledge.evidence.models import Evidence
from knowledge.posts.permissions import can_edit

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

can_add_evidence = can_edit  # who may publish a post's next version may also say what it rests on


def can_withdraw_evidence(viewer: "Member | AnonymousUser", evidence: Evidence) -> bool:
    """Who may add to it, while it is not withdrawn."""
    return evidence.withdrawn_at is None and can_add_evidence(viewer, evidence.post)
