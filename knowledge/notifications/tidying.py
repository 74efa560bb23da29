"""Throwing away what was told and read long ago. What happened stays with the posts; who was told of it then helps nobody."""

import datetime as dt

from django.db.models import Q, QuerySet
from django.utils import timezone

from knowledge.notifications.models import Letter, Notification

KEEP_READ = dt.timedelta(days=180)  # from when it was read
KEEP = dt.timedelta(days=400)  # read or not; longer than a link in a mail leaves a list
BATCH = 5_000  # rows of one statement, so that none takes long


def throw_away_old() -> int:
    """Delete notifications read half a year ago, those older than 400 days, and the letters of that age; give how many rows."""
    now = timezone.now()
    old = Q(read_at__lt=now - KEEP_READ) | Q(at__lt=now - KEEP)
    return _in_batches(Notification.objects.filter(old)) + _in_batches(
        Letter.objects.filter(closed_at__lt=now - KEEP, notifications=None)
    )


def _in_batches(those: "QuerySet[Notification] | QuerySet[Letter]") -> int:
    gone = 0
    while keys := list(those.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        gone += those.model._default_manager.filter(pk__in=keys).delete()[0]
    return gone
