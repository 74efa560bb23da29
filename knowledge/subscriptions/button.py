"""What the subscribe button of a page shows."""

from typing import TYPE_CHECKING, Any

from commons.compiled import Compiled
from knowledge.subscriptions.models import Cadence, Followable, Subscription

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

_cadence = Compiled(
    lambda member, kind, object_id: Subscription.objects.filter(
        member=member, kind=kind, object_id=object_id
    ).values_list("cadence")
)


def button(viewer: "Member | AnonymousUser", kind: Followable, object_id: int, feed: str) -> dict[str, Any]:
    """What `components/subscribe.html` takes: the thing, its feed, and how often the viewer hears of it, if ever."""
    return button_for(cadence_of(viewer, kind, object_id), kind, object_id, feed)


def cadence_of(viewer: "Member | AnonymousUser", kind: Followable, object_id: int) -> Cadence | None:
    """How often the viewer hears of this thing; None where they do not subscribe to it."""
    rows = _cadence(viewer.pk, str(kind), object_id) if viewer.is_authenticated else []
    return Cadence(rows[0][0]) if rows else None


def button_for(cadence: Cadence | None, kind: Followable, object_id: int, feed: str) -> dict[str, Any]:
    """What `button` gives, for any viewer who hears of the thing this often."""
    return {"subscribe_at": subscribe_at(kind, object_id), "feed_at": feed, **choices_of(cadence)}


def subscribe_at(kind: Followable, object_id: int) -> str:
    """Where one subscribes to this thing."""
    return f"/subscribe/{kind}/{object_id}/"


def choices_of(cadence: Cadence | None) -> dict[str, Any]:
    """How often one can hear of a thing, and how often the viewer does."""
    return {"subscribed": cadence, "cadences": Cadence.choices, "chosen_cadence": cadence or Cadence.WEEKLY}
