import base64
import secrets
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class Cadence(models.TextChoices):
    """How often somebody wants to be written to about one thing."""

    AT_ONCE = "at_once", "As it happens"
    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
    SITE = "site", "Only on the site"


# What mail can do for a reader without an account, who has no page on the site
BY_MAIL = (Cadence.DAILY, Cadence.WEEKLY)


class Followable(models.TextChoices):
    """What one can subscribe to; the word is also the listing's in `stored`, but for a search, which is a list of its own."""

    AREA = "area", "Issue area"
    TAG = "tag", "Tag"
    PLACE = "place", "Place"
    ORGANIZATION = "organization", "Organization"
    MEMBER = "member", "Member"
    POST = "post", "Post"
    SEARCH = "search", "Saved search"


class What(models.TextChoices):
    """What there is to hear of a thing one subscribes to. Most of them change a post's standing; these come first."""

    MOVES = "moves", "Moves up and down the ladder"
    ASIDE = "aside", "Posts set aside, or taken up again"
    VETTINGS = "vettings", "Vettings and reviews"
    REPORTS = "reports", "Field reports"
    NEW = "new", "New hunches"
    VERSIONS = "versions", "New versions and evidence"
    COMMENTS = "comments", "Comments"


EVERYTHING = tuple(What.values)
# Of a topic there is more to hear than one wants to read: by default what was learned, and not what was said of it
OF_A_TOPIC = (What.MOVES, What.ASIDE, What.VETTINGS, What.REPORTS, What.NEW)


def usual_wants(kind: str) -> list[str]:
    """What a new subscription to a thing of this kind is to, where nothing was chosen: all that happens on a post."""
    return list(EVERYTHING if kind == Followable.POST else OF_A_TOPIC)


class Reader(models.Model):
    """Somebody without an account who follows by e-mail. The row is made once they have answered the mail that asks them."""

    address = models.EmailField("e-mail address", max_length=254)
    time_zone = models.CharField(max_length=64, default="UTC")
    confirmed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("address"), name="reader_once")]

    def __str__(self) -> str:
        return self.address


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, who: "models.Model") -> Self:
        """The subscriptions of a member, or of a reader without an account."""
        return self.filter(reader=who) if isinstance(who, Reader) else self.filter(member=who)


class Subscription(models.Model):
    """One member's subscribing to one thing; or that of a reader without an account, by e-mail."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="subscriptions"
    )
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="subscriptions")
    kind = models.CharField(max_length=16, choices=Followable.choices)
    object_id = models.BigIntegerField()
    cadence = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.WEEKLY)
    wants = ArrayField(models.CharField(max_length=8, choices=What.choices), default=list)
    since = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "kind", "object_id"], name="one_subscription_each"),
            models.UniqueConstraint(fields=["reader", "kind", "object_id"], name="one_subscription_a_reader"),
            models.CheckConstraint(
                name="subscription_is_somebodys",
                condition=Q(member__isnull=False, reader=None) | Q(member=None, reader__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "object_id", "member"], condition=Q(member__isnull=False), name="subscribers_of"
            ),
            models.Index(fields=["kind", "object_id", "reader"], condition=Q(reader__isnull=False), name="readers_of"),
        ]

    def __str__(self) -> str:
        return f"{self.member or self.reader} to {self.kind} {self.object_id}, {self.cadence}"


def fresh_feed_key() -> str:
    """A key that nobody can guess, for the address of a feed of one's own."""
    return secrets.token_urlsafe(24)


def fresh_mail_key() -> str:
    """A key that nobody can guess, for an e-mail address of one's own: small letters and figures, as mail servers may fold case."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()


class Following(models.Model):
    """How a member wants to hear of things. A member without a row has what a new row says."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="following"
    )
    # How often of what concerns oneself: mentions, replies, reviews of one's posts
    direct = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.AT_ONCE)
    # Holidays: no mail until that day, in the member's time zone; what happened meanwhile comes in one digest after it
    paused_until = models.DateField(null=True, blank=True)
    # The secret part of the address of the feed with everything one follows; made when first asked for, and anew to revoke it
    feed_key = models.CharField(max_length=40, unique=True, null=True, default=None)  # noqa: DJ001 - unique where there is one

    # The secret part of the e-mail address at which their mail becomes a draft, in the same manner
    mail_key = models.CharField(max_length=24, unique=True, null=True, default=None)  # noqa: DJ001 - as above

    def __str__(self) -> str:
        return f"How {self.member} follows"


class Muted(models.Model):
    """A post that a member wants to hear nothing of, whatever they follow; but for what is said to them."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="muted")
    post = models.ForeignKey("knowledge.Post", on_delete=models.CASCADE, related_name="muted_by")

    class Meta:
        verbose_name_plural = "muted"
        constraints = [models.UniqueConstraint(fields=["member", "post"], name="muted_once")]

    def __str__(self) -> str:
        return f"{self.member} muted post {self.post_id}"
