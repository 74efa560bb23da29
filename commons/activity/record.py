"""Writing down what happened."""

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from commons import queue
from commons.activity.models import UNTOLD, Activity, Verb

if TYPE_CHECKING:
    from accounts.members.models import Member
    from accounts.organizations.models import Organization

NEWS_FOR = dt.timedelta(days=30)  # what happened longer ago is no news: nobody is told of it


def record(
    verb: Verb,
    *,
    by: "Member | None",
    subject: models.Model,
    organization: "Organization | None" = None,
    at: dt.datetime | None = None,
    **data: object,
) -> Activity:
    """Write one fact, in the caller's transaction: who did what to which thing, for which organization; and have it told.

    `by` is None where a date that passed did it. `at` is when it happened, where that was long ago (an import, the sample).
    `data` holds small JSON-able details of the fact (a version's number, a move's rungs), never text of people's own.
    """
    now = timezone.now()
    activity = Activity.objects.create(
        verb=verb,
        by=by,
        organization=organization,
        subject_kind=subject._meta.model_name or "",
        subject_id=subject.pk,
        data=data,
        at=at or now,
    )
    if verb not in UNTOLD and activity.at > now - NEWS_FOR:
        queue.defer(queue.ANNOUNCE, activity=activity.pk)
    return activity
