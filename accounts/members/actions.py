from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.members.models import Member, free_handle
from accounts.members.permissions import can_change_profile
from commons import queue
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record


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

    Whoever signed up with that address may have been somebody else, who would go on knowing the password.
    """
    member = Member.objects.select_for_update().get(pk=member.pk)
    if not EmailAddress.objects.filter(user=member, email=address, verified=True).exists():
        member.set_unusable_password()
        member.save(update_fields=["password"])


def own_pages_changed(member: Member) -> None:
    """Make the copies stale that this member's browser keeps of pages: something personal on them is not as it was."""
    Member.objects.filter(pk=member.pk).update(personal_stamp=F("personal_stamp") + 1)
