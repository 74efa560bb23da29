from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.members.actions import own_pages_changed
from accounts.members.limits import ORGANIZATIONS, PROFILES
from accounts.organizations.models import RESERVED_SLUGS, Membership, Organization, Role
from accounts.organizations.permissions import can_manage, can_verify
from commons import queue
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from commons.slugs import slug_of

if TYPE_CHECKING:
    from accounts.members.models import Member


@transaction.atomic
def found(*, by: "Member", name: str, kind: str, description: str, website: str, language: str) -> Organization:
    """Found an organization, with its founder as owner. A slug is found even where the name is taken."""
    keep_pace(ORGANIZATIONS, by=by)
    require(by.is_active)
    organization = Organization(name=name, kind=kind, description=description, website=website, language=language)
    base = slug_of(name, limit=70, fallback="organization")
    organization.slug = with_ending(base) if base in RESERVED_SLUGS else base
    while True:
        try:
            with transaction.atomic():
                organization.save()
        except IntegrityError:
            organization.slug = with_ending(base)
        else:
            break
    Membership.objects.create(member=by, organization=organization, role=Role.OWNER)
    by.roles[organization.pk] = Role.OWNER
    own_pages_changed(by)
    record(Verb.FOUNDED, by=by, subject=organization, organization=organization)
    queue.defer(queue.FOLLOW_RENAME, kind="member", pk=by.pk)  # the founder's page says where they belong
    return organization


def with_ending(slug: str) -> str:
    """The slug with something behind it that nobody else has, most likely."""
    return f"{slug}-{get_random_string(4, 'abcdefghijkmnpqrstuvwxyz23456789')}"


@transaction.atomic
def change(
    organization: Organization, *, by: "Member", name: str, kind: str, description: str, website: str, language: str
) -> Organization:
    """Change what an organization says of itself. Its address stays; what shows its name is made anew by a job."""
    keep_pace(PROFILES, by=by)
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    require(can_manage(by, organization))
    said = {"name": name, "kind": kind, "description": description, "website": website, "language": language}
    if all(getattr(organization, field) == value for field, value in said.items()):
        return organization
    for field, value in said.items():
        setattr(organization, field, value)
    organization.save(update_fields=list(said))
    record(Verb.CHANGED_ORGANIZATION, by=by, subject=organization, organization=organization)
    queue.defer(queue.FOLLOW_RENAME, kind="organization", pk=organization.pk)
    return organization


@transaction.atomic
def verify(organization: Organization, *, by: "Member") -> Organization:
    """Vouch for an organization. Doing it again changes nothing."""
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    require(can_verify(by))
    if organization.verified_at is None:
        organization.verified_at = timezone.now()
        organization.save(update_fields=["verified_at"])
        record(Verb.CHANGED_ORGANIZATION, by=by, subject=organization, organization=organization, verified=True)
        queue.defer(queue.FOLLOW_RENAME, kind="organization", pk=organization.pk)
    return organization
