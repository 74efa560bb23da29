"""The first floor's tables, gathered for Django."""

from accounts.members.models import Member
from accounts.organizations.models import Membership, Organization

__all__ = ["Member", "Membership", "Organization"]
