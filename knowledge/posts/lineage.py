"""Lineage: what a post grew out of, disputes or replaces, and what grew out of it. Written from one end, shown from both."""

from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from accounts.members.limits import MOVES
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.locks import Lock, wait_for
from commons.pace import keep_pace
from knowledge.posts.listing import changed
from knowledge.posts.models import PUBLIC, Link, LinkKind, Move, Post
from knowledge.posts.permissions import can_edit

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from accounts.members.models import Member

SHOWN = 50  # links of each sort on a page
DESCENT = (LinkKind.BUILDS_ON, LinkKind.SUPERSEDES)  # kinds in which a post comes after the other


class Unlinkable(Exception):
    """The two posts cannot be linked so; the message says why and what to do."""


@transaction.atomic
def link(post: Post, to: Post, kind: LinkKind, *, by: "Member", at: "dt.datetime | None" = None) -> Link:
    """Link a post to one that it builds on, contradicts or supersedes. Linking twice is once.

    Raises Unlinkable for a post that `by` may not read, for the post itself, and for what would come after itself.
    """
    keep_pace(MOVES, by=by)
    return write_link(post, to, kind, by=by, at=at)


def write_link(post: Post, to: Post, kind: LinkKind, *, by: "Member", at: "dt.datetime | None" = None) -> Link:
    """Link a post to another. Part of a verb, which keeps its own pace; raises what `link` raises."""
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=post.pk)
    require(can_edit(by, post), "Owners and editors of the organization say what its posts build on.")
    return make_link(post, to, kind, by=by, at=at)


def make_link(
    post: Post,
    to: Post,
    kind: LinkKind,
    *,
    by: "Member",
    at: "dt.datetime | None" = None,
    cause: Move | None = None,
) -> Link:
    """The same, as a part of another verb: whether the member may is asked by that."""
    if not Post.objects.visible_to(by).filter(pk=to.pk).exists():
        raise Unlinkable("There is no such post. Check its address.")
    if post.pk == to.pk:
        raise Unlinkable("A post does not link to itself. Name another one.")
    one_writer([to])
    if kind in DESCENT and _comes_after(to, post):
        raise Unlinkable(
            "That post comes after this one already: it would come after itself. Take the other link away first."
        )
    made, is_new = Link.objects.get_or_create(
        post=post, to=to, kind=kind, ended_at=None, defaults={"by": by, "at": at or timezone.now(), "cause": cause}
    )
    if is_new:
        record(Verb.LINKED, by=by, subject=made, organization=post.organization, at=at, post=post.number, to=to.number)
        changed(post, around=[to.number])
    return made


def one_writer(grounds: "Sequence[Post]") -> None:
    """Wait until nobody else writes lineage, and keep others waiting until this transaction ends; where there is any to write.

    Asked for before anything is locked that another writer of lineage could want: first of all, or with a post's lock alone.
    """
    if grounds:
        wait_for(Lock.LINEAGE)


@transaction.atomic
def unlink(this: Link, *, by: "Member") -> Link:
    """Take a link away. That it was there stays in the record. Taking it away twice is once."""
    keep_pace(MOVES, by=by)
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=this.post_id)
    require(can_edit(by, post), "Owners and editors of the organization say what its posts build on.")
    this = Link.objects.select_for_update().get(pk=this.pk)
    if this.ended_at is None:
        end_link(this, post, by=by)
        changed(post, around=[this.to_id])
    return this


def end_link(this: Link, post: Post, *, by: "Member", at: "dt.datetime | None" = None) -> None:
    """The same, as a part of another verb."""
    this.ended_at = at or timezone.now()
    this.save(update_fields=["ended_at"])
    record(Verb.UNLINKED, by=by, subject=this, organization=post.organization, at=at, post=this.post_id, to=this.to_id)


class Kin(NamedTuple):
    """A post in another's lineage: how they stand to each other, and what that one grew out of in turn."""

    link: Link
    post: Post
    before: list[Post]


def lineage_of(post: Post) -> dict[str, list[Kin]]:
    """What everybody may see of a post's lineage, by what it is called from here. Three queries, whatever its size."""
    links = Link.objects.filter(ended_at=None)
    there = [
        (LinkKind(each.kind).label, each, each.to)
        for each in links.filter(post=post, to__in=Post.objects.filter(PUBLIC)).select_related("to__shown")[:SHOWN]
    ]
    here = [
        (LinkKind(each.kind).seen_from_there, each, each.post)
        for each in links.filter(to=post, post__in=Post.objects.filter(PUBLIC)).select_related("post__shown")[:SHOWN]
    ]
    grounds: dict[int, list[Post]] = {}
    ancestors = [other.pk for name, _, other in there if name == LinkKind.BUILDS_ON.label]
    further = links.filter(kind=LinkKind.BUILDS_ON, post__in=ancestors, to__in=Post.objects.filter(PUBLIC))
    for each in further.select_related("to__shown")[:SHOWN]:
        grounds.setdefault(each.post_id, []).append(each.to)
    found: dict[str, list[Kin]] = {}
    for name, each, other in there + here:
        before = grounds.get(other.pk, []) if name == LinkKind.BUILDS_ON.label else []
        found.setdefault(name, []).append(Kin(each, other, before))
    return found


def _comes_after(post: Post, other: Post) -> bool:
    """Whether a post comes after another, over however many links."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE after (number) AS (SELECT %s::bigint UNION"
            " SELECT l.to_id FROM after JOIN knowledge_link l ON l.post_id = after.number"
            " WHERE l.ended_at IS NULL AND l.kind = ANY(%s))"
            " SELECT EXISTS (SELECT FROM after WHERE number = %s)",
            [post.pk, [str(kind) for kind in DESCENT], other.pk],
        )
        return cursor.fetchone()[0]
