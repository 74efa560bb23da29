"""What the reviews of a vetting come to: which verdicts stand, which count, and why the others do not."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.organizations.models import PUBLISHING_ROLES, Membership
from knowledge.ladder.models import Relation, Review, Verdict, Vetting
from knowledge.posts.models import Post, Version

# What is shown of a review beside its own words
TOLD = ("by", "organization", "version", "answer__by", "answer__version", "closing")


@dataclass(frozen=True)
class Judged:
    """A review, whether it is its reviewer's last word, and in words why it does not count ("" where it does)."""

    review: Review
    stands: bool
    why_not: str

    @property
    def approves(self) -> bool:
        """Whether it is an approval that counts."""
        return self.stands and not self.why_not and self.review.verdict == Verdict.APPROVE

    @property
    def is_open_request(self) -> bool:
        """Whether it asks for more, and neither its reviewer nor time has closed that. It counts from any reviewer."""
        return self.stands and self.review.verdict == Verdict.MORE and not hasattr(self.review, "closing")


def judged(vetting: Vetting, post: Post, newest: Version) -> list[Judged]:
    """All reviews of a vetting, in their order, each as it counts today. Two queries, whatever their number."""
    reviews = list(vetting.reviews.select_related(*TOLD))
    last = {review.by_id: review.pk for review in reviews}
    roles: dict[int, dict[int, str]] = {}
    for member, organization, role in Membership.objects.filter(member__in=last).values_list(
        "member", "organization", "role"
    ):
        roles.setdefault(member, {})[organization] = role
    authors = {authorship.member_id for authorship in post.authorships.all()}
    return [
        Judged(
            review,
            stands=last[review.by_id] == review.pk,
            why_not=_why_not(review, post, newest, roles.get(review.by_id, {}), authors),
        )
        for review in reviews
    ]


def approving(found: Iterable[Judged]) -> set[int]:
    """The organizations whose reviewers approve, each once."""
    return {each.review.organization_id for each in found if each.approves and each.review.organization_id}


def _why_not(review: Review, post: Post, newest: Version, roles: dict[int, str], authors: set[int]) -> str:
    """Why an approval does not count; "" where it does."""
    organization = review.organization
    reasons = [
        (not review.by.is_active, "its reviewer’s account is suspended"),
        (post.organization_id in roles, "its reviewer belongs to the publishing organization now"),
        (review.by_id in authors, "its reviewer is an author of the post"),
        (organization is None, "it speaks for no organization"),
        (organization is not None and organization.verified_at is None, "its organization is not verified yet"),
        (
            organization is not None and roles.get(organization.pk) not in PUBLISHING_ROLES,
            "its reviewer is not an editor or owner there",
        ),
        (review.relation == Relation.FUNDING, "a funding relation is declared"),
        (review.relation == Relation.PARTNER, "a partnership is declared"),
        (
            review.version_id != newest.pk,
            f"it is of version {review.version.number}, and version {newest.number} is out",
        ),
    ]
    return next((words for holds, words in reasons if holds), "")
