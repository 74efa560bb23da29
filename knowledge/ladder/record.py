"""A post's record, as the rules ask for it."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Q

from knowledge.ladder.models import Vetting
from knowledge.ladder.reviews import Judged, approving, judged
from knowledge.ladder.rules import Numbers, Record
from knowledge.posts.models import Post, Version
from knowledge.posts.rungs import CASE_FIELDS


def numbers() -> Numbers:
    """How much of each the site's settings want."""
    return Numbers(**settings.VETTED_WANTS)


def record_of(post: Post, newest: Version, reviews: Iterable[Judged] | None = None) -> Record:
    """What a post has to show for itself today, with the case of its newest version.

    `reviews` are those of its open vetting, where the caller has judged them already.
    """
    counted = post.evidence.filter(withdrawn_at=None).aggregate(
        evidence=Count("pk"), outside=Count("pk", filter=Q(from_outside=True))
    )
    # A field report is evidence from outside; of an organization that nobody vouches for yet it does not count
    reports = post.reports.filter(withdrawn_at=None, organization__verified_at__isnull=False).count()
    if reviews is None:
        vetting = open_vetting_of(post)
        reviews = judged(vetting, post, newest) if vetting else []
    reviews = list(reviews)
    return Record(
        case={name: getattr(newest, name) for name in CASE_FIELDS},
        evidence=counted["evidence"] + reports,
        outside=counted["outside"] + reports,
        reports=reports,
        approvals=len(approving(reviews)),
        requests=sum(each.is_open_request for each in reviews),
    )


def open_vetting_of(post: Post) -> Vetting | None:
    """The vetting of this post that waits for reviews, if there is one."""
    return post.vettings.filter(closed_at=None).first() if post.vetting_until else None
