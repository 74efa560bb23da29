import datetime as dt
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Upper
from django.utils import timezone

from commons import gate
from commons.activity.models import Activity
from commons.delivery import CLOCKS_APART, Delivery, MailDelivery, MailDeliveryQuerySet, Outcome, backoff
from knowledge.posts.models import Post
from knowledge.subscriptions.models import Cadence, Followable, Reader, What

if TYPE_CHECKING:
    from accounts.members.models import Member

log = logging.getLogger(__name__)


class Why(models.TextChoices):
    """Why somebody is told: what was said or done to them, before what they follow."""

    MENTION = "mention", "You were mentioned"
    REPLY = "reply", "You said something there"
    OWN = "own", "It is about what you wrote"
    ASKED = "asked", "You were asked"
    FOLLOWED = "followed", "You follow it"


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def visible_to(self, viewer: "Member") -> Self:
        """The viewer's own, about what they may still see."""
        return self.filter(member=viewer).filter(Q(post=None) | Q(post__in=Post.objects.visible_to(viewer)))


class Notification(models.Model):
    """One thing that happened that concerns one member, or one reader without an account, once."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notifications"
    )
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="notifications")
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT, related_name="notifications")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, null=True, related_name="+")
    what = models.CharField(max_length=8, choices=What.choices)
    why = models.CharField(max_length=8, choices=Why.choices)
    # Which subscription caused it, as it was then; nothing for what concerns oneself
    kind = models.CharField(max_length=16, choices=Followable.choices, blank=True)
    object_id = models.BigIntegerField(null=True)
    cadence = models.CharField(max_length=8, choices=Cadence.choices)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    # The mail that tells it; a notification is in one at the most
    letter = models.ForeignKey("knowledge.Letter", on_delete=models.PROTECT, null=True, related_name="notifications")

    objects: ClassVar[Any] = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "activity"], name="told_once"),
            models.UniqueConstraint(fields=["reader", "activity"], name="reader_told_once"),
            models.CheckConstraint(
                name="notification_is_somebodys",
                condition=Q(member__isnull=False, reader=None) | Q(member=None, reader__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"], condition=Q(member__isnull=False), name="notifications_of"),
            models.Index(fields=["member"], condition=Q(member__isnull=False, read_at=None), name="unread_of"),
            models.Index(
                fields=["cadence", "member", "reader"],
                condition=Q(letter=None) & ~Q(cadence=Cadence.SITE),
                name="yet_to_be_mailed",
            ),
            models.Index(fields=["letter"], condition=Q(letter__isnull=False), name="notifications_in_letter"),
        ]

    def __str__(self) -> str:
        return f"{self.member or self.reader}: {self.activity_id}"


class Sort(models.TextChoices):
    """What sort of mail it is. Each sort that is due to somebody has a period, and is made once for it."""

    AT_ONCE = "at_once", "As it happens"
    DAILY = "daily", "Daily digest"
    WEEKLY = "weekly", "Weekly digest"
    CONFIRM = "confirm", "Confirming a subscription by e-mail"
    ANSWER = "answer", "Answer to mail that came"


TRIES_MOST = 12  # of one letter; together they take some days


class LetterQuerySet(MailDeliveryQuerySet):
    def of_the_last_day(self, now: dt.datetime) -> Self:
        """Keep those made within a day; none from a time that has not come, which a clock that ran ahead wrote down."""
        return self.filter(due_at__gt=now - dt.timedelta(days=1), due_at__lte=now + CLOCKS_APART)


class Letter(MailDelivery):
    """One mail that is due to somebody: a row made once for each sort and period, sent, or closed with a reason."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="letters")
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="letters")
    sort = models.CharField(max_length=8, choices=Sort.choices)
    period = models.CharField(max_length=40)
    # (A digest is due, `due_at`, on the morning until which it tells)
    # Of a mail to somebody who is neither: where it goes, and what it asks them to confirm
    address = models.EmailField(max_length=254, blank=True)
    asks = models.JSONField(default=dict)
    # When its notifications were gathered: what happens afterwards goes into the next one
    gathered_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = LetterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "sort", "period"], name="letter_once"),
            models.UniqueConstraint(fields=["reader", "sort", "period"], name="letter_to_reader_once"),
            models.UniqueConstraint(
                fields=["address", "sort", "period"], condition=~Q(address=""), name="letter_to_address_once"
            ),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(sort=Sort.AT_ONCE, gathered_at=None, closed_at=None),
                name="one_open_letter_at_once",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(closed_at=None), name="letters_due"),
            # Mail as it happens goes before a morning's digests
            models.Index(fields=["sort", "due_at", "id"], condition=Q(closed_at=None), name="letters_due_by_sort"),
            models.Index(fields=["member", "sort", "-closed_at"], name="letters_of_member"),
        ]

    def __str__(self) -> str:
        return f"{self.get_sort_display()} {self.period} to {self.to}"

    @property
    def to(self) -> str:
        """The address it goes to."""
        return self.member.email if self.member else self.reader.address if self.reader else self.address

    def try_later(self, words: str) -> None:
        """Try again later, each time after twice as long; after TRIES_MOST give it up."""
        log.warning("Letter %s could not be sent (try %s): %s", self.pk, self.tries, words)
        if self.tries >= TRIES_MOST:
            self.close(Outcome.FAILED, f"Tried {self.tries} times; at last: {words}")
        else:
            self.put_off(backoff(self.tries), words)


class MailState(models.Model):
    """The one row that says whether mail goes out. It is held after a restore from a copy, until the operator releases it."""

    # Counts with every mail sent, here and beside the database; a database that counts less was put back to an earlier day
    sent = models.BigIntegerField(default=0)
    # Which database on which server this is; one that is another was made from a copy
    database = models.CharField(max_length=60, blank=True)
    held_since = models.DateTimeField(null=True, blank=True)
    held_why = models.CharField(max_length=gate.REASON, blank=True)

    def __str__(self) -> str:
        return f"Held: {self.held_why}" if self.held_since else "Open"


class BounceKind(models.TextChoices):
    """How an address turned mail away."""

    HARD = "hard", "Its server refuses it"
    SOFT = "soft", "It could not be delivered in time"
    COMPLAINT = "complain", "Its owner complained"


SOFT_MOST = 3  # mails that could not be delivered in time before no other is tried
SOFT_WITHIN = dt.timedelta(days=30)  # they count together as long as each comes within so long of the last


class BounceQuerySet(models.QuerySet["Bounce"]):
    def stopping(self, address: str) -> Self:
        """The row that stops mail to this address, if there is one."""
        return self.filter(address__iexact=address).that_stop()

    def that_stop(self) -> Self:
        """Those that stop mail."""
        return self.exclude(kind=BounceKind.SOFT, times__lt=SOFT_MOST)

    def among(self, addresses: Iterable[str]) -> Self:
        """Those of these addresses."""
        return self.alias(folded=Upper("address")).filter(folded__in=[Upper(Value(address)) for address in addresses])


class Bounce(models.Model):
    """An address from which mail came back, and why: its server said so, or its owner complained. It stops mail to it.

    What could not be delivered in time stops it only at the third time in a row (SOFT_MOST).
    """

    address = models.EmailField(max_length=254)
    kind = models.CharField(max_length=8, choices=BounceKind.choices, default=BounceKind.HARD)
    reason = models.CharField(max_length=gate.REASON)
    times = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = BounceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(Upper("address"), name="bounce_once")]

    def __str__(self) -> str:
        return self.address


class PushSubscription(models.Model):
    """A browser in which a member turned web push on: where it is written to, and the keys by which it alone reads that."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=100)
    auth = models.CharField(max_length=30)
    name = models.CharField("which browser it is, for its owner", max_length=60)
    made_at = models.DateTimeField(default=timezone.now)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    # How often in a row its push service did not take a message, why at last, and until when it is left alone
    failed = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=gate.REASON, blank=True)
    waits_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["member", "made_at"], name="push_of_member")]

    def __str__(self) -> str:
        return f"{self.name} of {self.member}"


class Push(Delivery):
    """One notification for one browser: a row made once, pushed, or closed with a reason."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="pushes")
    subscription = models.ForeignKey(PushSubscription, on_delete=models.CASCADE, related_name="pushes")

    class Meta:
        verbose_name_plural = "pushes"
        constraints = [models.UniqueConstraint(fields=["notification", "subscription"], name="pushed_once")]
        indexes = [
            models.Index(fields=["id"], condition=Q(closed_at=None), name="pushes_due"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="pushes_done"),
        ]

    def __str__(self) -> str:
        return f"{self.notification_id} to {self.subscription_id}"
