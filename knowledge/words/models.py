from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models


class Words(models.Model):
    """One row of text for search a thing. Every concept writes its own; search only reads."""

    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField()
    vector = SearchVectorField()

    class Meta:
        verbose_name_plural = "words"
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="one_row_of_words_each")]
        indexes = [GinIndex(fields=["vector"], name="words_vector")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
