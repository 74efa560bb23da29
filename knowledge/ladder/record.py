"""A post's record, as the rules ask for it."""

from django.conf import settings
from django.db.models import Count, Q

from knowledge.ladder.rules import Numbers, Record
from knowledge.posts.models import Post, Version
from knowledge.posts.rungs import CASE_FIELDS


def numbers() -> Numbers:
    """How much of each the site's settings want."""
    return Numbers(**settings.VETTED_WANTS)


def record_of(post: Post, version: Version) -> Record:
    """What a post has to show for itself, with the case of this version."""
    counted = post.evidence.filter(withdrawn_at=None).aggregate(
        evidence=Count("pk"), outside=Count("pk", filter=Q(from_outside=True))
    )
    # A field report is evidence from outside; of an organization that nobody vouches for yet it does not count
    reports = post.reports.filter(withdrawn_at=None, organization__verified_at__isnull=False).count()
    return Record(
        case={name: getattr(version, name) for name in CASE_FIELDS},
        evidence=counted["evidence"] + reports,
        outside=counted["outside"] + reports,
    )
