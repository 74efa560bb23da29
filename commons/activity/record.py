"""Writing down what happened."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from commons.activity.models import Activity, Verb

if TYPE_CHECKING:
    from accounts.members.models import Member
    from accounts.organizations.models import Organization


def record(
    verb: Verb,
    *,
    by: "Member | None",
    subject: models.Model,
    organization: "Organization | None" = None,
    **data: object,
) -> Activity:
    """Write one fact, in the caller's transaction: who did what to which thing, for which organization.

    `by` is None where a date that passed did it. `data` holds small JSON-able details of the fact (a version's number, a
    move's rungs), never text of people's own.
    """
    return Activity.objects.create(
        verb=verb,
        by=by,
        organization=organization,
        subject_kind=subject._meta.model_name or "",
        subject_id=subject.pk,
        data=data,
        at=timezone.now(),
    )
