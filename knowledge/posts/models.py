from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.text import slugify
from taggit.managers import TaggableManager
from taggit.models import ItemBase

from accounts.organizations.models import Language
from commons import gate
from knowledge.posts.rungs import Rung
from knowledge.topics.models import IssueArea, Place, Tag

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

Topic = TypeVar("Topic", IssueArea, Place)

PUBLIC = Q(withdrawn_at=None, hidden_at=None, held_at=None)


class Licence(models.TextChoices):
    CC_BY = "CC-BY-4.0", "CC BY 4.0: anyone may use it and says whose it is"
    CC_BY_SA = "CC-BY-SA-4.0", "CC BY-SA 4.0: and shares what they make of it alike"
    CC0 = "CC0-1.0", "CC0: anyone may use it, no strings"


class PostQuerySet(models.QuerySet["Post"]):
    """How posts are asked for. Everything that is shown to anyone starts with `visible_to`."""

    def visible_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Posts whose text this viewer may read. Every page, feed, list and search starts here."""
        if not viewer.is_authenticated:
            return self.filter(PUBLIC)
        own = Q(organization__in=viewer.organization_ids, withdrawn_at=None, hidden_at=None)
        return self.filter(PUBLIC | own)

    def known_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Posts this viewer may know of: also those that were withdrawn or hidden, whose address answers with a marker."""
        if not viewer.is_authenticated:
            return self.filter(held_at=None)
        return self.filter(Q(held_at=None) | Q(organization__in=viewer.organization_ids))

    def published_by(self, organization_id: int) -> Self:
        return self.filter(organization_id=organization_id)

    def on_rung(self, *rungs: Rung) -> Self:
        return self.filter(rung__in=rungs)

    def for_cards(self) -> Self:
        """What a post's card and feed entry show, in a fixed number of queries."""
        return self.select_related("organization", "shown").prefetch_related(
            "issue_areas__parent", "places", "tags", "authorships__member"
        )


def _in_order(things: Iterable[Topic], keys: Sequence[int]) -> list[Topic]:
    place = {key: number for number, key in enumerate(keys)}
    return sorted(things, key=lambda thing: place.get(thing.pk, len(keys)))


class PostAuthor(models.Model):
    """A member who wrote a post, in the order in which they are named."""

    post = models.ForeignKey("knowledge.Post", on_delete=models.PROTECT, related_name="authorships")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="authorships")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["post", "member"], name="an_author_once")]


class PostTag(ItemBase):
    """A tag on a post."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="items")
    content_object = models.ForeignKey("knowledge.Post", on_delete=models.PROTECT, related_name="tag_items")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "content_object"], name="a_tag_once")]


class Post(models.Model):  # type: ignore[django-manager-missing]
    """One learning, published by one organization. Exists from its first publish on, under a number that never changes."""

    number = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="posts")
    authors = models.ManyToManyField(settings.AUTH_USER_MODEL, through=PostAuthor, related_name="posts")
    # Null only inside the publishing of version 1, which needs the post's own key first
    shown: "models.OneToOneField[Version, Version]" = models.OneToOneField(  # type: ignore[assignment, misc]
        "knowledge.Version", on_delete=models.PROTECT, null=True, related_name="shown_on", verbose_name="shown version"
    )
    rung = models.PositiveSmallIntegerField(choices=Rung.choices, editable=False)
    published_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    comment_count = models.PositiveIntegerField(default=0)
    see_too_count = models.PositiveIntegerField("how many see this too", default=0)

    # What the shown version says it is about: lists and filters ask these.
    issue_areas = models.ManyToManyField("knowledge.IssueArea", related_name="posts")
    places = models.ManyToManyField("knowledge.Place", related_name="posts")
    tags = TaggableManager(through=PostTag)

    objects: ClassVar[Any] = PostQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-published_at"], name="posts_of_organization"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(rung__in=[1, 2, 3]), name="post_stands_on_a_rung"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("post", args=[self.number, self.slug])

    @property
    def title(self) -> str:
        return self.shown.title if self.shown else ""

    @property
    def slug(self) -> str:
        return slug_of(self.title)

    @property
    def rung_slug(self) -> str:
        """The rung's word in the stylesheet."""
        return Rung(self.rung).slug

    @property
    def areas(self) -> list[IssueArea]:
        """The issue areas it is about, in the author's order: the first is the one it is shown under."""
        return _in_order(self.issue_areas.all(), self.shown.issue_area_ids if self.shown else [])

    @property
    def where(self) -> list[Place]:
        """The places it names, in the author's order."""
        return _in_order(self.places.all(), self.shown.place_ids if self.shown else [])

    @property
    def writers(self) -> "list[Member]":
        """Who wrote it, in the order in which they are named."""
        return [authorship.member for authorship in self.authorships.all()]

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it; the same question as `PUBLIC`, asked of one post."""
        return not (self.withdrawn_at or self.hidden_at or self.held_at)


class Version(models.Model):
    """An immutable numbered snapshot, made by every publish. Never changed, never deleted."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=gate.TITLE)
    takeaway = models.CharField(max_length=gate.TAKEAWAY, blank=True)
    body = models.TextField(max_length=gate.BODY)
    tried = models.TextField("what was tried", max_length=gate.REASON, blank=True)
    where_since = models.TextField("where, since when", max_length=gate.REASON, blank=True)
    seen = models.TextField("what was seen", max_length=gate.REASON, blank=True)
    seen_source = models.TextField("a link to it, or its source", max_length=gate.REASON, blank=True)
    change_mind = models.TextField("what would change our mind", max_length=gate.REASON, blank=True)
    issue_area_ids = ArrayField(models.BigIntegerField())
    tag_names = ArrayField(models.CharField(max_length=gate.TAG), default=list)
    place_ids = ArrayField(models.BigIntegerField(), default=list)
    language = models.CharField(max_length=8, choices=Language.choices)
    licence = models.CharField(max_length=16, choices=Licence.choices, default=Licence.CC_BY)
    note = models.TextField("what changed", max_length=gate.REASON, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="versions")
    at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["post", "number"], name="version_numbers_once")]

    def __str__(self) -> str:
        return f"{self.title} (version {self.number})"

    def get_absolute_url(self) -> str:
        return reverse("post_version", args=[self.post_id, slug_of(self.title), self.number])

    @property
    def has_case(self) -> bool:
        return bool(self.tried or self.where_since or self.seen or self.change_mind)


class Move(models.Model):
    """One change of standing: from, to, why, who, when, on which version. Never edited, never deleted."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="moves")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="moves")
    from_rung = models.PositiveSmallIntegerField(choices=Rung.choices, null=True)
    to_rung = models.PositiveSmallIntegerField(choices=Rung.choices)
    why = models.TextField(max_length=gate.REASON, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="moves")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.post_id} to {self.get_to_rung_display()}"

    @property
    def words(self) -> str:
        """What happened, in words: "Began as a Hunch", "Up to Emerging approach", "Down to Hunch"."""
        to = Rung(self.to_rung)
        if self.from_rung is None:
            return f"Began as {'an' if to == Rung.EMERGING else 'a'} {to.label}"
        return f"{'Up' if to > self.from_rung else 'Down'} to {to.label}"


class Listing(models.Model):
    """Where a public post is listed, one row for each place it stands in, with what lists sort by.

    A list is one walk along an index, however many posts there are. `kind` and `object_id` name the listing as its stamp
    does: an issue area (an area above it included), a tag, a place (the region and country around it included), an
    organization, a member, and "home" for all.
    """

    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField(default=0)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="listings")
    rung = models.PositiveSmallIntegerField(choices=Rung.choices)
    published_at = models.DateTimeField()
    moved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "kind", "object_id"], name="listed_once")]
        indexes = [
            models.Index(fields=["kind", "object_id", "-published_at", "-post"], name="listing_newest"),
            models.Index(fields=["kind", "object_id", "-moved_at", "-post"], name="listing_moved"),
            models.Index(fields=["kind", "object_id", "rung", "-published_at", "-post"], name="listing_rung_newest"),
            models.Index(fields=["kind", "object_id", "rung", "-moved_at", "-post"], name="listing_rung_moved"),
        ]


def slug_of(title: str) -> str:
    """A title's words in an address; a title without a Latin letter or figure gives "post"."""
    return slugify(title)[:80].strip("-") or "post"
