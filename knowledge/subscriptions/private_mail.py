"""The e-mail address at which a member's mail becomes a draft of theirs: only they know it."""

from typing import TYPE_CHECKING

from django.conf import settings

from knowledge.subscriptions.models import Following

if TYPE_CHECKING:
    from accounts.members.models import Member

HUNCH = "hunch"  # what the address begins with: hunch+key@…


def private_mail_address(member: "Member") -> str:
    """A member's private address; nothing while they have none, or while the commons takes no mail.

    `new_mail_key` gives them one, and another in its place.
    """
    if not settings.MAIL_REPLY_HOST:
        return ""
    key = Following.objects.filter(member=member).values_list("mail_key", flat=True).first()
    return f"{HUNCH}+{key}@{settings.MAIL_REPLY_HOST}" if key else ""


def owner_of(key: str) -> "Member | None":
    """Whose private address has this key; nobody's where it was changed meanwhile."""
    following = Following.objects.select_related("member").filter(mail_key=key.lower()).first() if key else None
    return following.member if following else None
