from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from taggit.models import TagBase

from commons import gate
from commons.slugs import slug_of


class IssueArea(models.Model):
    """One social problem in the curated two-level taxonomy (Housing > Homelessness). Moderators keep it."""

    name = models.CharField(max_length=gate.NAME)
    slug = models.SlugField(max_length=80, unique=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="sub_areas")
    description = models.CharField(max_length=300)
    position = models.PositiveSmallIntegerField(default=0, help_text="Its place among its neighbours.")
    sdgs = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        verbose_name="SDGs",
        help_text="The UN Sustainable Development Goals it serves (1 to 17).",
    )
    pcs = models.CharField("PCS code", max_length=12, blank=True, help_text="Candid's subject code.")

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("issue_area", args=[self.slug])

    def clean(self) -> None:
        """Two levels, no more; and no area above itself."""
        if self.parent and (self.parent.parent_id or self.parent == self or (self.pk and self.sub_areas.exists())):
            raise ValidationError({"parent": "The taxonomy has two levels. Choose a top area, or none."})
        if any(not 1 <= goal <= 17 for goal in self.sdgs):
            raise ValidationError({"sdgs": "The goals are numbered 1 to 17."})


class Tag(TagBase):
    """A free word from an author."""

    class Meta:
        ordering = ["name"]

    def get_absolute_url(self) -> str:
        return reverse("tag", args=[self.slug])

    def slugify(self, tag: str, i: int | None = None) -> str:
        """Return a tag's word as its address says it; with a number where another tag has that (taggit asks for it)."""
        slug = slug_of(tag, limit=90, fallback="tag", allow_unicode=True)
        return slug if i is None else f"{slug}_{i}"


class PlaceKind(models.TextChoices):
    COUNTRY = "country", "Country"
    REGION = "region", "Region"
    CITY = "city", "City"


class Place(models.Model):
    """Where a learning was seen or tried, from the gazetteer (GeoNames, CC BY 4.0)."""

    code = models.CharField(max_length=24, unique=True)
    kind = models.CharField(max_length=8, choices=PlaceKind.choices)
    name = models.CharField(max_length=gate.NAME)
    label = models.CharField(max_length=300, help_text="With what tells it apart: Leeds, United Kingdom.")
    slug = models.SlugField(max_length=120, unique=True)
    key = models.CharField(max_length=gate.NAME, help_text="The name in plain small letters, for completion.")
    also = ArrayField(models.CharField(max_length=200), default=list, help_text="Its other names, in the same letters.")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="parts")
    population = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["label"]
        indexes = [
            models.Index(fields=["key"], name="place_key", opclasses=["varchar_pattern_ops"]),
            GinIndex(fields=["also"], name="place_also"),
        ]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("place", args=[self.slug])
