from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from commons import gate
from knowledge.posts.models import Attachment, Link, Post
from knowledge.topics.models import Place

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


class Outcome(models.TextChoices):
    """How it went when another organization tried it. No score: a word."""

    WORKED = "worked", "Worked"
    MIXED = "mixed", "Mixed"
    NO = "no", "Did not work"
    EARLY = "early", "Too early"


class FieldReport(models.Model):
    """ "We tried this here": another organization's account of a post in its own place. Counts as evidence from outside.

    What it says are its versions; the newest is shown.
    """

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="reports")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="reports")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reports")
    at = models.DateTimeField(default=timezone.now)
    # Null only inside the publishing of version 1, which needs the report's own key first
    shown: "models.OneToOneField[ReportVersion, ReportVersion]" = models.OneToOneField(  # type: ignore[assignment, misc]
        "knowledge.ReportVersion", on_delete=models.PROTECT, null=True, related_name="shown_on"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.TextField(max_length=gate.REASON, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organization", "-id"], name="reports_of_organization")]

    def __str__(self) -> str:
        return f"{self.organization} on post {self.post_id}"

    def get_absolute_url(self) -> str:
        return reverse("field_report", args=[self.pk])


class ReportVersion(models.Model):
    """What a field report said, as it was published. Never changed, never deleted."""

    report = models.ForeignKey(FieldReport, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    began = models.DateField("from")
    ended = models.DateField("to", null=True, blank=True)
    served = models.CharField("whom it served", max_length=gate.TAKEAWAY)
    account = models.TextField("what happened", max_length=gate.REASON)
    differently = models.TextField("what was done differently, and why", max_length=gate.REASON, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    works_when = models.CharField(max_length=gate.TAKEAWAY, blank=True)
    struggled_when = models.CharField(max_length=gate.TAKEAWAY, blank=True)
    tell = models.TextField("what they would tell the next place", max_length=gate.REASON, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="report_version_numbers_once"),
            models.CheckConstraint(
                name="report_ends_after_it_begins", condition=Q(ended=None) | Q(ended__gte=models.F("began"))
            ),
        ]

    ICONS: ClassVar[dict[str, str]] = {
        Outcome.WORKED: "circle-check",
        Outcome.MIXED: "contrast",
        Outcome.NO: "circle-x",
        Outcome.EARLY: "hourglass",
    }

    def __str__(self) -> str:
        return f"Version {self.number} of field report {self.report_id}"

    @property
    def icon(self) -> str:
        return self.ICONS[self.outcome]

    @property
    def period(self) -> str:
        """From when to when, in words: "March to September 2025"."""
        began = f"{self.began:%B %Y}"
        if self.ended is None:
            return f"Since {began}"
        if (self.began.year, self.began.month) == (self.ended.year, self.ended.month):
            return began
        same_year = self.began.year == self.ended.year
        return f"{self.began:%B}{'' if same_year else self.began.strftime(' %Y')} to {self.ended:%B %Y}"


class StillHolds(models.Model):
    """The organization's word that its post still holds, though what it builds on has fallen since. Written once."""

    link = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="still_holds")
    why = models.TextField(max_length=gate.REASON)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "still holds"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Link {self.link_id} still holds"
