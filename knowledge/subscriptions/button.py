"""What the subscribe button of a page shows."""

from typing import TYPE_CHECKING, Any

from knowledge.subscriptions.models import Cadence, Followable, Subscription

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


def button(viewer: "Member | AnonymousUser", kind: Followable, object_id: int, feed: str) -> dict[str, Any]:
    """What `components/subscribe.html` takes: the thing, its feed, and the viewer's subscription to it, if any."""
    subscription = (
        Subscription.objects.filter(member=viewer, kind=kind, object_id=object_id).first()
        if viewer.is_authenticated
        else None
    )
    return {
        "following": {"kind": str(kind), "pk": object_id, "feed": feed},
        "subscription": subscription,
        "cadences": Cadence.choices,
        "chosen_cadence": subscription.cadence if subscription else Cadence.WEEKLY,
    }
