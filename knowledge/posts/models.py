import re
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from taggit.managers import TaggableManager
from taggit.models import ItemBase

from accounts.organizations.models import Language
from commons import gate, slugs
from commons.markup import PICTURE_WIDTHS
from knowledge.posts.rungs import Rung, Standing
from knowledge.topics.models import IssueArea, Place, Tag

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

Topic = TypeVar("Topic", IssueArea, Place)

PUBLIC = Q(withdrawn_at=None, hidden_at=None, held_at=None)


def readable_by(organizations: Any) -> Q:
    """What members of these organizations may read (their keys, or a query for them): what is public, and their own."""
    return PUBLIC | Q(organization__in=organizations, withdrawn_at=None, hidden_at=None)


class Licence(models.TextChoices):
    CC_BY = "CC-BY-4.0", "CC BY 4.0: anyone may use it and says whose it is"
    CC_BY_SA = "CC-BY-SA-4.0", "CC BY-SA 4.0: and shares what they make of it alike"
    CC0 = "CC0-1.0", "CC0: anyone may use it, no strings"


class PostQuerySet(models.QuerySet["Post"]):
    """How posts are asked for. Everything that is shown to anyone starts with `visible_to`."""

    def visible_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Posts whose text this viewer may read. Every page, feed, list and search starts here."""
        return self.filter(readable_by(viewer.organization_ids) if viewer.is_authenticated else PUBLIC)

    def known_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Posts this viewer may know of: also those that were withdrawn or hidden, whose address answers with a marker."""
        if not viewer.is_authenticated:
            return self.filter(held_at=None)
        return self.filter(Q(held_at=None) | Q(organization__in=viewer.organization_ids))

    def with_history_for(self, viewer: "Member | AnonymousUser") -> Self:
        """Posts whose versions this viewer may read: the visible ones, and every one of their own organizations, in any state."""
        ours = Q(organization__in=viewer.organization_ids) if viewer.is_authenticated else Q()
        return self.filter(PUBLIC | ours)

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


def stored_as(attachment: "Attachment", name: str) -> str:
    """Where a file is kept: a path that nobody can guess, and that holds nothing of what its owner called it."""
    return f"attachments/{token_hex(2)}/{token_hex(16)}"


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
    aside_at = models.DateTimeField("set aside at", null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    comment_count = models.PositiveIntegerField(default=0)
    see_too_count = models.PositiveIntegerField("how many see this too", default=0)
    evidence_count = models.PositiveIntegerField(default=0)
    report_count = models.PositiveIntegerField("field reports", default=0)
    check_back_on = models.DateField("we expect to know more by", null=True, editable=False)
    quiet_since = models.DateField("its check-back date, passed unanswered", null=True, editable=False)
    vetting_until = models.DateField("the last day of its open vetting", null=True, editable=False)

    # What the shown version says it is about: lists and filters ask these.
    issue_areas = models.ManyToManyField("knowledge.IssueArea", related_name="posts")
    places = models.ManyToManyField("knowledge.Place", related_name="posts")
    tags = TaggableManager(through=PostTag)

    objects: ClassVar[Any] = PostQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-published_at"], name="posts_of_organization"),
            models.Index(fields=["vetting_until"], condition=Q(vetting_until__isnull=False), name="posts_in_vetting"),
            models.Index(
                fields=["check_back_on"],
                condition=Q(check_back_on__isnull=False, quiet_since=None),
                name="posts_to_check",
            ),
            models.Index(fields=["organization"], condition=Q(quiet_since__isnull=False), name="posts_gone_quiet"),
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
        return self.shown.heading if self.shown else ""

    @property
    def slug(self) -> str:
        return slug_of(self.title)

    @property
    def standing(self) -> Standing:
        """Where it stands as lists show it: set aside, or on its rung."""
        return Standing.ASIDE if self.aside_at else Standing(self.rung)

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
    # What was seen, of versions from before pieces of evidence were rows of their own; empty since
    seen = models.TextField("what was seen", max_length=gate.REASON, blank=True, editable=False)
    seen_source = models.TextField("a link to it, or its source", max_length=gate.REASON, blank=True, editable=False)
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
    def heading(self) -> str:
        """Its title; or that a moderator took that out."""
        return self.title or "(Title taken out)"

    @property
    def has_case(self) -> bool:
        return bool(self.tried or self.where_since or self.seen or self.change_mind)


class LastRead(models.Model):
    """Which version of a post a member read last, so that the post's page can say what changed since. Nobody else sees it.

    `earlier` is the version read on the visit before, where `number` was new on this one; null where it was not.
    """

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="last_reads"
    )
    post = models.ForeignKey(Post, on_delete=models.CASCADE, db_index=False, related_name="last_reads")
    number = models.PositiveIntegerField("the number of the version")
    at = models.DateTimeField("when it was first read")
    earlier = models.PositiveIntegerField(null=True)
    earlier_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "post"], name="last_read_once")]
        indexes = [models.Index(fields=["at"], name="last_reads_by_time")]

    def __str__(self) -> str:
        return f"{self.member_id} read version {self.number} of post {self.post_id}"


class MoveKind(models.TextChoices):
    """What a move does to a post's standing."""

    BEGAN = "began", "Began"
    UP = "up", "Up"
    DOWN = "down", "Down"
    ASIDE = "aside", "Set aside"
    TAKEN_UP = "taken_up", "Taken up again"
    RENEWED = "renewed", "Vetted again"


class Move(models.Model):
    """One change of standing: from, to, why, who, when, on which version. Never edited, never deleted.

    Setting aside, taking up again and vetting a newer version leave the rung as it was: both rungs are the same then.
    """

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="moves")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="moves")
    kind = models.CharField(max_length=12, choices=MoveKind.choices)
    from_rung = models.PositiveSmallIntegerField(choices=Rung.choices, null=True)
    to_rung = models.PositiveSmallIntegerField(choices=Rung.choices)
    why = models.TextField(max_length=gate.REASON, blank=True)
    # The vetting that ended with it: nobody moves a post up to vetted without one
    cause = models.OneToOneField("knowledge.Vetting", on_delete=models.PROTECT, null=True, related_name="move")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="moves")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="move_goes_where_it_says",
                condition=Q(kind=MoveKind.BEGAN, from_rung=None)
                | Q(kind=MoveKind.UP, to_rung__gt=models.F("from_rung"))
                | Q(kind=MoveKind.DOWN, to_rung__lt=models.F("from_rung"))
                | Q(kind__in=[MoveKind.ASIDE, MoveKind.TAKEN_UP], to_rung=models.F("from_rung"))
                | Q(kind=MoveKind.RENEWED, from_rung=Rung.VETTED, to_rung=Rung.VETTED),
            ),
            models.CheckConstraint(
                name="vetted_by_a_vetting",
                condition=~Q(kind__in=[MoveKind.BEGAN, MoveKind.UP, MoveKind.RENEWED], to_rung=Rung.VETTED)
                | Q(cause__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.words}"

    @property
    def words(self) -> str:
        """What happened, in words: "Began as a Hunch", "Up to Emerging approach", "Set aside"."""
        to = Rung(self.to_rung)
        if self.kind == MoveKind.BEGAN:
            return f"Began as {'an' if to == Rung.EMERGING else 'a'} {to.label}"
        if self.kind in (MoveKind.UP, MoveKind.DOWN):
            return f"{MoveKind(self.kind).label} to {to.label}"
        return MoveKind(self.kind).label

    @property
    def standing(self) -> Standing:
        """Where the post stood after it."""
        return Standing.ASIDE if self.kind == MoveKind.ASIDE else Standing(self.to_rung)


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """How files are asked for."""

    def visible_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Files of posts whose versions this viewer may read; in no post yet, the viewer's own, and of drafts open to them."""
        of_posts = Q(post__in=Post.objects.with_history_for(viewer))
        if not viewer.is_authenticated:
            return self.filter(of_posts)
        return self.filter(
            of_posts | Q(post=None, by=viewer) | Q(post=None, draft__in=Draft.objects.open_to(viewer).values("pk"))
        )

    def in_no_post(self, member: "Member") -> Self:
        """What a member added while writing, and published nowhere yet; newest first."""
        return self.filter(post=None, by=member).order_by("-pk")


class Attachment(models.Model):
    """A file that somebody added to a post, or is writing into one. Seen exactly by those who may see the post's versions.

    A picture that we drew anew has its width and height; beside its file lie narrower ones.
    """

    # None until a version that names it is published
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, related_name="attachments")
    # The draft that names it until then, for whoever writes on that
    draft = models.ForeignKey("knowledge.Draft", on_delete=models.SET_NULL, null=True, related_name="attachments")
    file = models.FileField(upload_to=stored_as, max_length=100)
    name = models.CharField("its name, as people see it", max_length=gate.NAME)
    content_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField("bytes")
    width = models.PositiveIntegerField("pixels across", null=True)
    height = models.PositiveIntegerField("pixels down", null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="attachments")
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = AttachmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["by", "-id"], condition=Q(post=None), name="attachments_in_no_post"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("attachment", args=[self.pk, self.name])

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture that we drew, which a browser may show; what is not is only ever saved."""
        return self.width is not None

    @property
    def words(self) -> str:
        """What stands for it in a text until its writer says better: its name, of a picture as words."""
        return re.sub(r"-\d+x\d+\.\w+$", "", self.name).replace("-", " ") if self.is_picture else self.name

    @property
    def markdown(self) -> str:
        """How a text shows it: a picture in its place, another file as a link."""
        address = self.get_absolute_url().replace("(", "%28").replace(")", "%29")
        words = re.sub(r"([\\\[\]*_`<>!@~|])", r"\\\1", self.words)
        return f"{'!' if self.is_picture else ''}[{words}]({address})"

    def stored_at(self, width: int = 0) -> str:
        """Where the file is kept; of a picture the one that many pixels across, or the whole one where it is no wider."""
        whole = self.file.name or ""
        return f"{whole}-{width}" if 0 < width < (self.width or 0) else whole

    def stored_names(self) -> set[str]:
        """Return where the file is kept, in all its widths; nothing where it was taken out."""
        return {self.stored_at(width) for width in (0, *PICTURE_WIDTHS)} - {""}


class LinkKind(models.TextChoices):
    """How one post stands to another."""

    BUILDS_ON = "builds_on", "Builds on"
    CONTRADICTS = "contradicts", "Contradicts"
    SUPERSEDES = "supersedes", "Supersedes"

    @property
    def seen_from_there(self) -> str:
        """The same, as the other post's page says it."""
        return {"builds_on": "Built on by", "contradicts": "Contradicted by", "supersedes": "Superseded by"}[self.value]


class Link(models.Model):
    """A post's link to one it grew out of, disputes or replaces. Shown from both ends as lineage."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="links")
    to = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="linked_from")
    kind = models.CharField(max_length=12, choices=LinkKind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    # The move by which a post was set aside as superseded, where the link came with it
    cause = models.OneToOneField(Move, on_delete=models.PROTECT, null=True, related_name="superseding")
    ended_at = models.DateTimeField(null=True)
    # Who is asked whether the post still holds, since what it builds on has fallen; so that what waits is found at once
    awaits = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["awaits", "id"], condition=Q(awaits__isnull=False), name="shaken_links")]
        constraints = [
            models.UniqueConstraint(fields=["post", "to", "kind"], condition=Q(ended_at=None), name="linked_once"),
            models.CheckConstraint(condition=~Q(post=models.F("to")), name="no_link_to_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.post_id} {self.kind} {self.to_id}"


class CheckBack(models.Model):
    """ "We expect to know more by ...": what an organization said, and when. The latest counts. Written once."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="check_backs")
    on = models.DateField("we expect to know more by")
    words = models.TextField("how it stands", max_length=gate.REASON, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Post {self.post_id}: {self.on}"


class Listing(models.Model):
    """Where a public post is listed, one row for each place it stands in, with what lists sort by.

    A list is one walk along an index, however many posts there are. `kind` and `object_id` name the listing as its stamp
    does: an issue area (an area above it included), a tag, a place (the region and country around it included), an
    organization, a member, and "home" for all.
    """

    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField(default=0)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="listings")
    standing = models.PositiveSmallIntegerField(choices=Standing.choices)
    published_at = models.DateTimeField()
    moved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "kind", "object_id"], name="listed_once")]
        indexes = [
            models.Index(fields=["kind", "object_id", "-published_at", "-post"], name="listing_newest"),
            models.Index(fields=["kind", "object_id", "-moved_at", "-post"], name="listing_moved"),
            models.Index(
                fields=["kind", "object_id", "standing", "-published_at", "-post"], name="listing_standing_newest"
            ),
            models.Index(fields=["kind", "object_id", "standing", "-moved_at", "-post"], name="listing_standing_moved"),
        ]


class DraftQuerySet(models.QuerySet["Draft"]):
    def open_to(self, viewer: "Member | AnonymousUser") -> Self:
        """The drafts that the viewer may read and write on: their own of no organization, and those of their organizations."""
        if not viewer.is_authenticated:
            return self.none()
        return self.filter(Q(by=viewer, organization=None) | Q(organization__in=viewer.organization_ids))


class Draft(models.Model):
    """What is begun and not published, of a new post or of the next version of one. Its organization writes on it together."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, null=True, related_name="+")
    post = models.ForeignKey(
        Post, on_delete=models.CASCADE, null=True, related_name="drafts"
    )  # whose next version it is
    title = models.CharField(max_length=gate.TITLE, blank=True)
    body = models.TextField(max_length=gate.BODY, blank=True)
    typed = models.JSONField("the other fields of its form, as they were typed", default=dict)
    made_at = models.DateTimeField(default=timezone.now)
    from_mail = models.BooleanField(default=False)

    # Counts what is saved: who saves what stands on an older count is shown what was saved meanwhile
    edition = models.PositiveIntegerField(default=1)
    sitting = models.UUIDField("the page that it was last saved from", null=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    # A contributor's, sent to those who publish; and what they say to it
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    note = models.TextField("what an editor says to it", max_length=gate.REASON, blank=True)
    note_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    # The secret part of the address at which it can be read before it is published
    share_key = models.CharField(max_length=40, unique=True, null=True, default=None)  # noqa: DJ001 - unique where there is one

    objects: ClassVar[Any] = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-saved_at", "-id"]
        indexes = [
            models.Index(fields=["by", "-saved_at"], name="drafts_of"),
            models.Index(fields=["organization", "-saved_at"], name="drafts_of_organization"),
        ]

    def __str__(self) -> str:
        return self.title or "Untitled draft"

    def get_absolute_url(self) -> str:
        """Where it is written on: the form for a new post, or for the next version, filled with it."""
        if self.post_id and self.post:
            return f"{self.post.get_absolute_url()}edit/?draft={self.pk}"
        return f"{reverse('post_new')}?draft={self.pk}"


class DraftEdition(models.Model):
    """What a draft said when somebody else, or another page, wrote on: words that were there stay to be found."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="editions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=gate.TITLE, blank=True)
    body = models.TextField(blank=True)
    typed = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number", "-id"]
        indexes = [models.Index(fields=["draft", "-number"], name="editions_of")]

    def __str__(self) -> str:
        return f"{self.draft_id}, {self.number}"


def slug_of(title: str) -> str:
    """Return a title's words as they stand in an address; a title without a Latin letter or figure gives "post"."""
    return slugs.slug_of(title, limit=80, fallback="post")


def sent_as(conversion: "Conversion", name: str) -> str:
    """Where a file waits that is to be read: a path that nobody can guess."""
    return f"{Conversion.FOLDER}/{token_hex(16)}"


class ConversionKind(models.TextChoices):
    """The two lines in which files wait, each with places of its own."""

    DOCUMENT = "document", "Document"
    PICTURE = "picture", "Picture"


class ConversionState(models.TextChoices):
    """How far a file has come."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Being read"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


UNFINISHED = Q(state__in=(ConversionState.WAITING, ConversionState.RUNNING))


class ConversionQuerySet(models.QuerySet["Conversion"]):
    """How files that wait to be read are asked for."""

    def visible_to(self, viewer: "Member | AnonymousUser") -> Self:
        """A member's own: nobody else knows of them."""
        return self.filter(by=viewer) if viewer.is_authenticated else self.none()

    def unfinished(self, kind: str) -> Self:
        """Those of this kind that wait, or are being read."""
        return self.filter(UNFINISHED, kind=kind)


class Conversion(models.Model):
    """A file that a member sent and the worker reads: a document that becomes a draft, or a picture that is drawn anew.

    One of a kind at a time is read for a member. The file goes once it is read, the row a day later.
    """

    FOLDER = "conversions"  # of the storage

    kind = models.CharField(max_length=8, choices=ConversionKind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file = models.FileField(upload_to=sent_as, max_length=100, blank=True)
    name = models.CharField("its name, as it was sent", max_length=255)
    size = models.PositiveIntegerField("bytes")
    # The post to which a picture is to be evidence, and what was typed beside it
    post = models.ForeignKey("knowledge.Post", on_delete=models.CASCADE, null=True, related_name="+")
    typed = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=ConversionState.choices, default=ConversionState.WAITING)
    refused = models.TextField("why it was refused, in words for who sent it", default="")
    attachment = models.ForeignKey("knowledge.Attachment", on_delete=models.SET_NULL, null=True, related_name="+")
    draft = models.ForeignKey("knowledge.Draft", on_delete=models.SET_NULL, null=True, related_name="+")
    tries = models.PositiveSmallIntegerField("how often its reading was begun", default=0)
    # Of a file that waits: not begun before this; it was put off
    lease_until = models.DateTimeField("its reading is taken for cut off after this", null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = ConversionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["by", "kind"], condition=Q(state="running"), name="one_conversion_at_a_time_for_a_member"
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "id"], condition=Q(state__in=["waiting", "running"]), name="conversions_in_line"
            ),
            models.Index(fields=["by", "kind", "-started_at"], name="conversions_of_a_member"),
        ]

    def get_absolute_url(self) -> str:
        return reverse("conversion", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits, or is being read."""
        return self.state in (ConversionState.WAITING, ConversionState.RUNNING)
