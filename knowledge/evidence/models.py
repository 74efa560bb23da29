from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from commons import gate
from knowledge.posts.models import Attachment, Post

LINK = 500  # characters an address may have


class Kind(models.TextChoices):
    """What sort of thing a piece of evidence is."""

    OBSERVATION = "observation", "Observation"
    DATA = "data", "Data"
    EVALUATION = "evaluation", "Evaluation"
    PUBLISHED = "published", "Published source"


class Strength(models.TextChoices):
    """How much a piece of evidence can carry, in words. It says nothing of the rung."""

    ANECDOTAL = "anecdotal", "Anecdotal"
    SUGGESTIVE = "suggestive", "Suggestive"
    MODERATE = "moderate", "Moderate"
    STRONG = "strong", "Strong"


MEANINGS = {
    Kind.OBSERVATION: "What people saw or were told.",
    Kind.DATA: "Counted or measured, with the numbers.",
    Kind.EVALUATION: "Somebody set out to find out whether it works.",
    Kind.PUBLISHED: "A book, a paper, a report that others can read.",
    Strength.ANECDOTAL: "One or a few cases, as they were told.",
    Strength.SUGGESTIVE: "Several cases that point the same way; other reasons are not ruled out.",
    Strength.MODERATE: "Counted over some time, beside something to compare it with.",
    Strength.STRONG: "A careful comparison, or the same result in several places.",
}


class Evidence(models.Model):
    """One piece of evidence for what a post says: a sentence of what it shows, with a link, a file or a source.

    It does not change. What no longer holds is withdrawn, with a reason, and stays as a marker.
    """

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    strength = models.CharField(max_length=12, choices=Strength.choices)
    statement = models.TextField("what it shows", max_length=gate.REASON)
    producer = models.CharField("who produced it", max_length=gate.NAME)
    # Whether somebody else than the publishing organization produced it: derived when it is written, from `producer`
    from_outside = models.BooleanField(editable=False)
    period = models.CharField("when", max_length=gate.NAME, blank=True)
    link = models.URLField(max_length=LINK, blank=True)
    source = models.CharField("where it can be found", max_length=gate.REASON, blank=True)
    attachment = models.OneToOneField(Attachment, on_delete=models.PROTECT, null=True, related_name="evidence")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="evidence")
    at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_why = models.TextField(max_length=gate.REASON, blank=True)

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="evidence_can_be_looked_up",
                condition=~Q(link="") | ~Q(source="") | Q(attachment__isnull=False),
            ),
        ]

    ICONS: ClassVar[dict[str, str]] = {
        Kind.OBSERVATION: "eye",
        Kind.DATA: "chart-column",
        Kind.EVALUATION: "clipboard-check",
        Kind.PUBLISHED: "book-open",
    }

    def __str__(self) -> str:
        return self.statement[:80]

    @property
    def icon(self) -> str:
        return self.ICONS[self.kind]
