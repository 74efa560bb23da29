"""Who may do what about topics."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_keep_areas(member: "Member | AnonymousUser") -> bool:
    """Moderators keep the taxonomy of issue areas."""
    return member.is_authenticated and member.is_active and member.is_moderator
