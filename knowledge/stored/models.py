from django.db import models


class Fragment(models.Model):
    """A piece of a page as the anonymous may read it, made when first read after a change, and kept.

    `wanted` counts the changes, `made` says after which of them the text was made: a reader who made it from what was
    there before a change can never pass it off as fresh, whatever the order in which the two commit.
    """

    kind = models.CharField(max_length=16)
    object_id = models.BigIntegerField()
    wanted = models.BigIntegerField(default=0)
    made = models.BigIntegerField(default=-1)
    renderer = models.CharField(max_length=16, default="")
    html = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="one_fragment_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class Stamp(models.Model):
    """One row a listing: the number changes with everything public that the listing shows, and with nothing else.

    `posts` is how many public posts stand in it: a page's count costs one row, however many there are.
    """

    listing = models.CharField(max_length=40, primary_key=True)
    number = models.BigIntegerField(default=1)
    at = models.DateTimeField()
    posts = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.listing}: {self.number}"
