from django.conf import settings
from django.db import models
from django.utils import timezone


class Cadence(models.TextChoices):
    """How often a member wants to be written to about one thing."""

    AT_ONCE = "at_once", "As it happens"
    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
    SITE = "site", "Only on the site"


class Followable(models.TextChoices):
    """What a member can subscribe to; the word is also the listing's in `stored`."""

    AREA = "area", "Issue area"
    TAG = "tag", "Tag"
    PLACE = "place", "Place"
    ORGANIZATION = "organization", "Organization"
    MEMBER = "member", "Member"
    POST = "post", "Post"


class Subscription(models.Model):
    """One member's subscribing to one thing."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions")
    kind = models.CharField(max_length=16, choices=Followable.choices)
    object_id = models.BigIntegerField()
    cadence = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.WEEKLY)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "kind", "object_id"], name="one_subscription_each")]
        indexes = [models.Index(fields=["kind", "object_id"], name="subscribers_of")]

    def __str__(self) -> str:
        return f"{self.member} to {self.kind} {self.object_id}, {self.cadence}"
