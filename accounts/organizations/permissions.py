from typing import TYPE_CHECKING

from accounts.organizations.models import PUBLISHING_ROLES, Membership, Organization, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def role_in(viewer: "Member | AnonymousUser", organization: Organization) -> str | None:
    """The viewer's role in the organization, or None."""
    if not viewer.is_authenticated:
        return None
    return Membership.objects.filter(member=viewer, organization=organization).values_list("role", flat=True).first()


def can_publish_for(viewer: "Member | AnonymousUser", organization: Organization) -> bool:
    """Its owners and editors."""
    return role_in(viewer, organization) in PUBLISHING_ROLES


def can_manage(viewer: "Member | AnonymousUser", organization: Organization) -> bool:
    """Its owners."""
    return role_in(viewer, organization) == Role.OWNER


def can_verify(viewer: "Member | AnonymousUser") -> bool:
    """The moderators, of any organization."""
    return viewer.is_authenticated and viewer.is_active and viewer.is_staff
