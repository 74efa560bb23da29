from django.db import models
from django.utils import timezone

from commons import gate


class Became(models.TextChoices):
    """What became of a mail that came."""

    COMMENT = "comment", "A comment"
    DRAFT = "draft", "A draft"
    BOUNCE = "bounce", "Mail to its reader stops"
    REFUSED = "refused", "Refused, with a word to who sent it"
    IGNORED = "ignored", "Nothing"


class Received(models.Model):
    """One mail that came, once: the same mail again is found here, and does nothing more."""

    # A digest of its Message-ID and its sender; of the whole mail, where it has none (RFC 5322, 3.6.4, only recommends one)
    key = models.CharField(max_length=64, unique=True)
    sender = models.CharField(max_length=254, blank=True)
    became = models.CharField(max_length=8, choices=Became.choices, default=Became.IGNORED)
    reason = models.CharField("why, in words", max_length=gate.REASON, blank=True)
    made_id = models.BigIntegerField("the comment or draft it became", null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "received"
        indexes = [models.Index(fields=["at"], name="received_by_time")]

    def __str__(self) -> str:
        return f"{self.get_became_display()}, from {self.sender or 'nobody'}"
