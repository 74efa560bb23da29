from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from commons import gate
from knowledge.posts.models import Draft, Post

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member


class Kind(models.TextChoices):
    """What a comment is for."""

    COMMENT = "comment", "Comment"
    QUESTION = "question", "Question"
    SEE_TOO = "see_too", "We see this too"
    CHALLENGE = "challenge", "Challenge"


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, viewer: "Member | AnonymousUser") -> Self:
        """Comments on posts that this viewer may read; a withdrawn one keeps its place in the thread, without its text."""
        return self.filter(post__in=Post.objects.visible_to(viewer))

    def open_challenges(self) -> Self:
        """Challenges that wait for the organization's answer."""
        return self.filter(awaits__isnull=False)


class Comment(models.Model):
    """One member's words on a post, in a thread that never loses its shape."""

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="comments")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replies")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.COMMENT)
    body = models.TextField(max_length=gate.COMMENT)
    at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # Of a challenge: what the organization answered, and when the challenger accepted that
    answer = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="challenge")
    accepted_at = models.DateTimeField(null=True, blank=True)
    # Whose answer an open challenge waits for; written by `settle`, so that what waits is found at once
    awaits = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, null=True, related_name="+")

    objects: ClassVar[Any] = CommentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["post", "id"], name="comments_of_post"),
            models.Index(fields=["by", "-id"], name="comments_by"),
            models.Index(fields=["awaits", "id"], condition=Q(awaits__isnull=False), name="open_challenges"),
        ]

    def __str__(self) -> str:
        return f"{self.by} on {self.post_id}"

    def get_absolute_url(self) -> str:
        return f"{self.post.get_absolute_url()}#comment-{self.pk}"

    @property
    def is_open_challenge(self) -> bool:
        """Whether this disputes a claim, and the organization has not answered."""
        return self.awaits_id is not None

    def settle(self) -> None:
        """Say whose answer this waits for, or nobody's: a challenge does, until it is answered; an answer taken back is none."""
        answered = self.answer is not None and self.answer.withdrawn_at is None
        waits = self.kind == Kind.CHALLENGE and self.withdrawn_at is None and not answered
        self.awaits_id = self.post.organization_id if waits else None


class EarlierText(models.Model):
    """What a comment said before it was edited. Nothing published is ever lost."""

    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="earlier")
    body = models.TextField()
    until = models.DateTimeField()


class DraftComment(models.Model):
    """A member's words on a draft that was shown to them. Nobody else's business: they go with the draft, when it is published."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    body = models.TextField(max_length=gate.COMMENT)
    at = models.DateTimeField(default=timezone.now)
    html = models.TextField("its body, rendered when it was first read", default="")
    renderer = models.CharField("what rendered it", max_length=12, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.by} on {self.draft}"
