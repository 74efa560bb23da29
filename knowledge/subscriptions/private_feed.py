"""The address of the feed with everything that one member follows: whoever knows it may read it."""

from typing import TYPE_CHECKING

from django.conf import settings

from knowledge.subscriptions.models import Following

if TYPE_CHECKING:
    from accounts.members.models import Member


def private_feed_address(member: "Member") -> str:
    """The address of a member's own feed, to be followed by ".atom", ".rss" or ".json"; nothing while they have none.

    `new_feed_key` gives them one, and another in its place.
    """
    key = Following.objects.filter(member=member).values_list("feed_key", flat=True).first()
    return f"{settings.SITE_URL}/feeds/{key}/feed" if key else ""
