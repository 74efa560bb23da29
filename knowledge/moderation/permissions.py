from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_moderate(viewer: "Member | AnonymousUser") -> bool:
    """Moderators."""
    return viewer.is_authenticated and viewer.is_active and viewer.is_staff
