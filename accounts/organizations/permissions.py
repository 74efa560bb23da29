from typing import TYPE_CHECKING

from accounts.organizations.models import PUBLISHING_ROLES, Organization, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def role_in(viewer: "Member | AnonymousUser", organization: int) -> str | None:
    """The viewer's role in the organization of this key, or None; a suspended member has none."""
    return viewer.roles.get(organization) if viewer.is_authenticated and viewer.is_active else None


def can_publish_for(viewer: "Member | AnonymousUser", organization: int) -> bool:
    """The owners and editors of the organization of this key."""
    return role_in(viewer, organization) in PUBLISHING_ROLES


def can_draft_for(viewer: "Member | AnonymousUser", organization: int) -> bool:
    """Every member of the organization of this key writes its drafts; its owners and editors publish them."""
    return role_in(viewer, organization) is not None


def can_manage(viewer: "Member | AnonymousUser", organization: Organization) -> bool:
    """Its owners."""
    return role_in(viewer, organization.pk) == Role.OWNER


def can_verify(viewer: "Member | AnonymousUser") -> bool:
    """The moderators, of any organization."""
    return viewer.is_authenticated and viewer.is_active and viewer.is_staff
