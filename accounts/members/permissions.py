from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def can_change_profile(viewer: "Member | AnonymousUser", member: "Member") -> bool:
    """The member alone."""
    return viewer.is_authenticated and viewer.is_active and viewer.pk == member.pk
