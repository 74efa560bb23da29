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
    return Record(case={name: getattr(version, name) for name in CASE_FIELDS}, **counted)
