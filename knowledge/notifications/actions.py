"""Reading notifications."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from commons import news
from knowledge.notifications.models import Notification

if TYPE_CHECKING:
    from accounts.members.models import Member


@transaction.atomic
def read(notifications: "list[int]", *, by: "Member") -> int:
    """Mark some of a member's notifications as read; give how many were not. Others' are left alone. Twice is once."""
    return _read(by, pk__in=notifications)


@transaction.atomic
def read_all(*, by: "Member", up_to: int) -> int:
    """Mark everything as read that the member was shown: up to this notification. What came meanwhile stays new."""
    return _read(by, pk__lte=up_to)


@transaction.atomic
def read_of_post(post: int, *, by: "Member") -> int:
    """Mark what is told of one post as read."""
    return _read(by, post=post)


def _read(by: "Member", **which: object) -> int:
    done = Notification.objects.filter(member=by, read_at=None, **which).update(read_at=timezone.now())
    if done:
        news.tell([by.pk])  # pages open elsewhere count anew
    return done
