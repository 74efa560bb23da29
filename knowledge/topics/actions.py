"""Keeping the taxonomy."""

from typing import TYPE_CHECKING

from django.db import transaction

from commons import queue
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from knowledge.stored.stamps import bump
from knowledge.topics.models import IssueArea
from knowledge.topics.permissions import can_keep_areas

if TYPE_CHECKING:
    from accounts.members.models import Member

HOME = "home"  # the stamp of the front page and of the list of all areas


@transaction.atomic
def keep_area(area: IssueArea, *, by: "Member") -> IssueArea:
    """Add an issue area to the taxonomy, or change what one says of itself. What shows its name is made anew by a job.

    Raises PermissionDenied for anyone but a moderator, and ValidationError for a third level.
    """
    require(can_keep_areas(by), "Moderators keep the issue areas.")
    area.full_clean()
    area.save()
    record(Verb.KEPT_ISSUE_AREA, by=by, subject=area)
    bump([HOME, f"area-{area.pk}", *(f"area-{pk}" for pk in area.sub_areas.values_list("pk", flat=True))])
    queue.defer(queue.FOLLOW_RENAME, kind="area", pk=area.pk)
    return area
