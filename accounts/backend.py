"""Who a session belongs to: allauth's ways of signing in, and one query for the member of each request."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef

from accounts.members.models import Member, bounces_of, unread_of
from accounts.organizations.models import Membership
from commons.compiled import Compiled

COLUMNS = [field.attname for field in Member._meta.concrete_fields]


def _build(pk: Any) -> Any:
    memberships = Membership.objects.filter(member=OuterRef("pk")).order_by("pk")
    organizations, roles = (ArraySubquery(memberships.values(column)) for column in ("organization_id", "role"))
    # What waits to be read comes along, and whether mail comes back, so that no page asks for it
    unread = ArraySubquery(unread_of(OuterRef("pk")).values("pk"))
    stopped = Exists(bounces_of(OuterRef("email")))
    return Member.objects.filter(pk=pk).values_list(*COLUMNS, organizations, roles, unread, stopped)


_member = Compiled(_build)


class Backend(AuthenticationBackend):
    """Signs members in as allauth does."""

    def get_user(self, user_id: int) -> Member | None:
        """The member of this number, who knows their roles already; None for a closed account."""
        rows = _member(user_id)
        if not rows:
            return None
        *values, organizations, roles, unread, stopped = rows[0]
        member = Member.from_db("default", COLUMNS, values)
        member.roles = dict(zip(organizations, roles, strict=True))
        member.unread, member.mail_comes_back = len(unread), stopped
        return member if self.user_can_authenticate(member) else None
