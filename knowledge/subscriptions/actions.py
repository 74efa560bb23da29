"""Subscribing and leaving, and how a member wants to hear of things."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.members.actions import own_pages_changed
from accounts.members.limits import SUBSCRIPTIONS
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.subscriptions.models import (
    BY_MAIL,
    Cadence,
    Followable,
    Following,
    Muted,
    Reader,
    Subscription,
    What,
    fresh_feed_key,
    fresh_mail_key,
    usual_wants,
)

if TYPE_CHECKING:
    from accounts.members.models import Member


@transaction.atomic
def subscribe(
    kind: Followable,
    object_id: int,
    *,
    by: "Member",
    cadence: Cadence = Cadence.WEEKLY,
    wants: Iterable[str] | None = None,
) -> Subscription:
    """Subscribe a member to a thing, or change how often they hear of it, and of what there.

    Without `wants`, a new subscription is to what is usual for its kind, and one that is there stays to what it was.
    Whether they may see the thing is asked by the caller.
    """
    keep_pace(SUBSCRIPTIONS, by=by)
    require(by.is_active)
    chosen = None if wants is None else [what for what in What.values if what in set(wants)]
    changes = {"cadence": cadence} if chosen is None else {"cadence": cadence, "wants": chosen}
    subscription, new = Subscription.objects.update_or_create(
        member=by,
        kind=kind,
        object_id=object_id,
        defaults=changes,
        create_defaults={"cadence": cadence, "wants": usual_wants(kind) if chosen is None else chosen},
    )
    if new:
        record(Verb.SUBSCRIBED, by=by, subject=subscription, kind=str(kind), object_id=object_id)
    own_pages_changed(by)
    return subscription


def follow_own(post: int, members: Iterable["Member"], *, at: dt.datetime | None = None) -> None:
    """Subscribe those who write a post, or speak on it, to that post; who already follows it, or muted it, is left as is.

    Part of a verb. What is said to themselves reaches them at once anyway; the rest comes daily.
    """
    by_key = {member.pk: member for member in members}
    muted = Muted.objects.filter(post=post, member__in=by_key).values_list("member", flat=True)
    follows = Subscription.objects.filter(kind=Followable.POST, object_id=post, member__in=by_key)
    known = set(muted.union(follows.values_list("member", flat=True)))
    at = at or timezone.now()
    usual = {"cadence": Cadence.DAILY, "wants": usual_wants(Followable.POST), "since": at}
    for pk in sorted(by_key.keys() - known):
        subscription, new = Subscription.objects.get_or_create(
            member=by_key[pk], kind=Followable.POST, object_id=post, defaults=usual
        )
        if new:
            record(
                Verb.SUBSCRIBED, by=by_key[pk], subject=subscription, at=at, kind=str(Followable.POST), object_id=post
            )


@transaction.atomic
def unsubscribe(kind: Followable, object_id: int, *, by: "Member") -> None:
    """End a subscription; a member who has none stays without."""
    subscription = Subscription.objects.select_for_update().filter(member=by, kind=kind, object_id=object_id).first()
    if subscription is None:
        return
    record(Verb.UNSUBSCRIBED, by=by, subject=subscription, kind=str(kind), object_id=object_id)
    subscription.delete()
    own_pages_changed(by)


@transaction.atomic
def subscribe_reader(
    address: str, kind: Followable, object_id: int, *, cadence: Cadence = Cadence.WEEKLY, time_zone: str = "UTC"
) -> Subscription:
    """Subscribe the owner of an address, who has no account and has just said yes to the mail that asked. Twice is once."""
    require(cadence in BY_MAIL)
    reader = Reader.objects.filter(address__iexact=address).first()
    if reader is None:
        Reader.objects.bulk_create([Reader(address=address, time_zone=time_zone)], ignore_conflicts=True)
        reader = Reader.objects.get(address__iexact=address)
    subscription, _ = Subscription.objects.update_or_create(
        reader=reader,
        kind=kind,
        object_id=object_id,
        defaults={"cadence": cadence},
        create_defaults={"cadence": cadence, "wants": usual_wants(kind)},
    )
    return subscription


@transaction.atomic
def set_direct(member: "Member", cadence: Cadence) -> Following:
    """Say how often a member hears of what concerns themselves."""
    return _set(member, direct=cadence)


@transaction.atomic
def pause(member: "Member", until: dt.date | None) -> Following:
    """Send a member no mail before that day; with None, from now on again. Nothing is lost: one digest tells it afterwards."""
    return _set(member, paused_until=until)


@transaction.atomic
def new_feed_key(member: "Member") -> Following:
    """Give a member's own feed a new address; the old one ends."""
    return _set(member, feed_key=fresh_feed_key())


@transaction.atomic
def new_mail_key(member: "Member") -> Following:
    """Give a member's private e-mail address a new key; the old address ends."""
    return _set(member, mail_key=fresh_mail_key())


@transaction.atomic
def no_mail_key(member: "Member") -> Following:
    """End a member's private e-mail address; mail to it is refused from now on."""
    return _set(member, mail_key=None)


@transaction.atomic
def mute(member: "Member", post: int) -> None:
    """Let a member hear nothing more of a post, whatever they follow; what is said to themselves still reaches them."""
    Muted.objects.bulk_create([Muted(member=member, post_id=post)], ignore_conflicts=True)
    own_pages_changed(member)


@transaction.atomic
def unmute(member: "Member", post: int) -> None:
    """Take that back."""
    Muted.objects.filter(member=member, post_id=post).delete()
    own_pages_changed(member)


def _set(member: "Member", **values: object) -> Following:
    following, _ = Following.objects.update_or_create(member=member, defaults=values)
    own_pages_changed(member)
    return following
