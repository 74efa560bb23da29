from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.members.limits import PROFILES
from accounts.members.models import Member, free_handle
from accounts.members.permissions import can_change_profile
from commons import news, queue
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace


@transaction.atomic
def join(member: Member, *, handle: str = "") -> Member:
    """Take in a new member, with this handle, or one made of the name where there is none or it has just been taken.

    Raises IntegrityError where the address has an account.
    """
    while True:
        member.handle, handle = handle or free_handle(member.name), ""
        try:
            with transaction.atomic():
                member.save()
        except IntegrityError:
            if Member.objects.filter(email=member.email).exists():
                raise
        else:
            break
    record(Verb.JOINED, by=member, subject=member)
    return member


@transaction.atomic
def change_profile(member: Member, *, by: Member, name: str, bio: str, time_zone: str) -> Member:
    """Change what a member says of themselves. The handle stays; what shows it to others is made anew by a job."""
    keep_pace(PROFILES, by=by)
    member = Member.objects.select_for_update().get(pk=member.pk)
    require(can_change_profile(by, member))
    if (name, bio, time_zone) == (member.name, member.bio, member.time_zone):
        return member
    seen_by_others = (name, bio) != (member.name, member.bio)
    member.name, member.bio, member.time_zone = name, bio, time_zone
    member.save(update_fields=["name", "bio", "time_zone"])
    own_pages_changed(member)
    record(Verb.CHANGED_PROFILE, by=by, subject=member)
    if seen_by_others:
        queue.defer(queue.FOLLOW_RENAME, kind="member", pk=member.pk)
    return member


@transaction.atomic
def forget_unproven_password(member: Member, address: str) -> None:
    """Forget the password of a member who proves an address by a sign-in code for the first time.

    Whoever signed up with that address may have been somebody else, who would go on knowing the password. The member given
    here forgets it too: the session that begins with them is bound to what they hold.
    """
    held = Member.objects.select_for_update().get(pk=member.pk)
    if not EmailAddress.objects.filter(user=held, email=address, verified=True).exists():
        set_password(held, None)
        member.password = held.password


@transaction.atomic
def set_password(member: Member, password: str | None) -> None:
    """Give a member another password, or none; every session but the one that is bound to it anew ends, and so do its streams."""
    member.set_password(password)
    member.save(update_fields=["password"])
    news.end(member.pk)


@transaction.atomic
def confirm(member: Member) -> None:
    """Note when a member first signed in, for which an address must be confirmed. Twice is once."""
    if member.confirmed_at is None:
        member.confirmed_at = timezone.now()
        Member.objects.filter(pk=member.pk, confirmed_at=None).update(confirmed_at=member.confirmed_at)


def own_pages_changed(member: Member) -> None:
    """Make the copies stale that this member's browser keeps of pages: something personal on them is not as it was."""
    Member.objects.filter(pk=member.pk).update(personal_stamp=F("personal_stamp") + 1)
