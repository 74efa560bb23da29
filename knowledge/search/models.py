from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

QUERY_MOST = 2_600  # characters


class SavedSearch(models.Model):
    """A filtered list that somebody subscribes to, once for all who do: its canonical string, and what that asks for."""

    # As an address says it, where a letter of another script is up to twelve characters; as long as an index takes
    query = models.CharField(max_length=QUERY_MOST, unique=True)
    # The listings a post must stand in ("area-3"), the standings of which it must have one, and the words it must have
    listings = ArrayField(models.CharField(max_length=40), default=list)
    standings = ArrayField(models.SmallIntegerField(), default=list)
    q = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=300)
    since = models.DateTimeField(default=timezone.now)  # when somebody last asked to follow it

    class Meta:
        verbose_name_plural = "saved searches"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/search/?{self.query}"
