from django.db import models

from commons import gate
from knowledge.posts.models import Move


class Lesson(models.Model):
    """What was learned by a post that was set aside: the four questions of an after-action review. Written once, with its move."""

    move = models.OneToOneField(Move, on_delete=models.PROTECT, related_name="lesson")
    expected = models.TextField("what we expected", max_length=gate.REASON)
    happened = models.TextField("what happened", max_length=gate.REASON)
    because = models.TextField("why", max_length=gate.REASON)
    next_time = models.TextField("what we would do next", max_length=gate.REASON)

    def __str__(self) -> str:
        return f"Lesson of {self.move_id}"
