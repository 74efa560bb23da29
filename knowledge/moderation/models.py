from django.conf import settings
from django.db import models
from django.utils import timezone

from commons import gate


class Act(models.TextChoices):
    """What a moderator can do."""

    REDACTED = "redacted", "Took a text out"


class LogEntry(models.Model):
    """One act of a moderator, in the public log. Written once."""

    act = models.CharField(max_length=12, choices=Act.choices)
    reason = models.TextField(max_length=gate.REASON)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    detail = models.CharField("which part of it", max_length=gate.NAME, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acts")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "log entries"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.subject_kind} {self.subject_id}"
