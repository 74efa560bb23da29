from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from commons import gate
from knowledge.posts.models import Move, Post, Version


class Lesson(models.Model):
    """What was learned by a post that was set aside: the four questions of an after-action review. Written once, with its move."""

    move = models.OneToOneField(Move, on_delete=models.PROTECT, related_name="lesson")
    expected = models.TextField("what we expected", max_length=gate.REASON)
    happened = models.TextField("what happened", max_length=gate.REASON)
    because = models.TextField("why", max_length=gate.REASON)
    next_time = models.TextField("what we would do next", max_length=gate.REASON)

    def __str__(self) -> str:
        return f"Lesson of {self.move_id}"


class Ending(models.TextChoices):
    """How a vetting closed."""

    UP = "up", "Moved up"
    WITHDRAWN = "withdrawn", "Withdrawn"
    DECLINED = "declined", "Declined"


class VettingQuerySet(models.QuerySet["Vetting"]):
    """How vettings are asked for."""

    def open(self) -> Self:
        """Those that wait for reviews."""
        return self.filter(closed_at=None)


class Vetting(models.Model):
    """An open call for review, by a post's organization. Opened on one version; what is under review is the newest.

    Closes by moving up, by being withdrawn, or by being declined: by a moderator, or when its last day has passed.
    """

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="vettings")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="vettings")
    asks = models.TextField("where reviewers should look hardest", max_length=gate.REASON)
    until = models.DateField("its last day")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="vettings")
    opened_at = models.DateTimeField(default=timezone.now)
    ending = models.CharField(max_length=12, choices=Ending.choices, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_why = models.TextField(max_length=gate.REASON, blank=True)
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = VettingQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["post"], condition=Q(closed_at=None), name="one_open_vetting"),
            models.CheckConstraint(
                name="vetting_ends_one_way",
                condition=Q(closed_at=None, ending="") | Q(closed_at__isnull=False) & ~Q(ending=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Vetting of post {self.post_id}"

    def get_absolute_url(self) -> str:
        return f"{self.post.get_absolute_url()}#vetting"


class Verdict(models.TextChoices):
    """What a review comes to."""

    APPROVE = "approve", "Approve"
    MORE = "more", "Needs more"


class Relation(models.TextChoices):
    """What binds a reviewer's organization to the publishing one. Any but none does not count towards independence."""

    NONE = "none", "None"
    FUNDING = "funding", "One funds the other"
    PARTNER = "partner", "We work together on this"


class Review(models.Model):
    """One member's signed and public verdict in a vetting, on the version they read. Never edited, never deleted.

    A reviewer who thinks again writes another, and the latest is the verdict that stands; the earlier stay readable.
    """

    vetting = models.ForeignKey(Vetting, on_delete=models.PROTECT, related_name="reviews")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="reviews")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, null=True, related_name="reviews"
    )
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    supports = models.TextField("does the evidence support the claim?", max_length=gate.REASON)
    missing = models.TextField("what is missing?", max_length=gate.REASON, blank=True)
    try_next = models.TextField("what would you try next?", max_length=gate.REASON, blank=True)
    rely = models.TextField("would you rely on it?", max_length=gate.REASON)
    relation = models.CharField(max_length=8, choices=Relation.choices)
    interest = models.CharField("declared interest", max_length=gate.TAKEAWAY)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.by}: {self.get_verdict_display()}"


class RequestAnswer(models.Model):
    """The organization's word that a version answers a request for more. The request lapses when its reviewer is silent until
    `lapses_at`.
    """

    review = models.OneToOneField(Review, on_delete=models.PROTECT, related_name="answer")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(max_length=gate.REASON)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    lapses_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Answer to review {self.review_id}"


class RequestClosing(models.Model):
    """A request for more is open no longer: its reviewer closed it, or it lapsed. Written once."""

    review = models.OneToOneField(Review, on_delete=models.PROTECT, related_name="closing")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{'Closed' if self.by_id else 'Lapsed'}: request of review {self.review_id}"


class Confirmation(models.Model):
    """A reviewer's word that a change of a vetted post is editorial: readers see that version from then on. Written once."""

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="confirmation")
    vetted = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="confirmations")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Version {self.version.number} of post {self.version.post_id} is editorial"
