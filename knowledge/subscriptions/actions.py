"""Subscribing and leaving."""

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.members.actions import own_pages_changed
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from knowledge.subscriptions.models import Cadence, Followable, Subscription

if TYPE_CHECKING:
    from accounts.members.models import Member


@transaction.atomic
def subscribe(kind: Followable, object_id: int, *, by: "Member", cadence: Cadence = Cadence.WEEKLY) -> Subscription:
    """Subscribe a member to a thing, or change how often they hear of it. Whether they may see it is asked by the caller."""
    require(by.is_active)
    subscription, new = Subscription.objects.update_or_create(
        member=by, kind=kind, object_id=object_id, defaults={"cadence": cadence}
    )
    if new:
        record(Verb.SUBSCRIBED, by=by, subject=subscription, kind=str(kind), object_id=object_id)
    own_pages_changed(by)
    return subscription


@transaction.atomic
def unsubscribe(kind: Followable, object_id: int, *, by: "Member") -> None:
    """End a subscription; a member who has none stays without."""
    subscription = Subscription.objects.select_for_update().filter(member=by, kind=kind, object_id=object_id).first()
    if subscription is None:
        return
    record(Verb.UNSUBSCRIBED, by=by, subject=subscription, kind=str(kind), object_id=object_id)
    subscription.delete()
    own_pages_changed(by)
