"""Index all posts for search anew, while the commons runs: after a release that cuts words in another way."""

from typing import Any

from django.db import transaction

from commons.long_command import LongCommand, Progress
from knowledge.posts.actions import index_post
from knowledge.posts.models import Post
from knowledge.stored.stamps import bump_lists

BATCH = 100  # posts of one transaction: a writer waits for no more than these


class Command(LongCommand):
    help = "Index all posts for search anew. Twice is once; one that was killed begins again from the first post."

    def handle(self, *args: Any, **options: Any) -> None:
        posts = Post.objects.filter(withdrawn_at=None, shown__isnull=False).order_by("pk")
        progress, last = Progress("Posts", posts.count()), 0
        while batch := _index(posts.filter(pk__gt=last)[:BATCH]):
            progress.advance(len(batch))
            last = batch[-1]
        bump_lists()
        progress.end()
        self.stdout.write(f"{progress.done:,} posts are indexed.")


@transaction.atomic
def _index(posts: Any) -> list[int]:
    """Index these posts as they are now, each held until that is written; return their numbers."""
    held = list(posts.select_for_update(of=("self",), no_key=True).select_related("shown"))
    for post in held:
        index_post(post, post.shown)
    return [post.pk for post in held]
