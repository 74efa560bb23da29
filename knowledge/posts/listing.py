"""Where a post is listed, and what must be made anew when it changes. Written by the verbs of posts, read by pages and feeds."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Exists, OuterRef, Q

from knowledge.posts.models import Listing, Post
from knowledge.stored.fragments import stale
from knowledge.stored.stamps import bump
from knowledge.topics.models import IssueArea, Place

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

CARD, ENTRY, PAGE = "card", "entry", "page"  # the kinds of fragments that a post has


class Key(NamedTuple):
    """A listing: what kind of thing it is the list of, and which one."""

    kind: str
    object_id: int

    @property
    def stamp(self) -> str:
        """The name of the listing's stamp."""
        return self.kind if self.kind == "home" else f"{self.kind}-{self.object_id}"


HOME = Key("home", 0)


class Row(NamedTuple):
    """A post in a list, with the time that the list is sorted by."""

    number: int
    at: dt.datetime


def keys_of(post: Post) -> set[Key]:
    """Every listing this post stands in, as its shown version says; areas and places above them included."""
    version = post.shown
    assert version is not None
    areas = set(version.issue_area_ids)
    areas.update(
        parent for parent in IssueArea.objects.filter(pk__in=areas).values_list("parent_id", flat=True) if parent
    )
    places: set[int] = set()
    around = set(version.place_ids)
    while around := around - places:
        places |= around
        around = {
            parent for parent in Place.objects.filter(pk__in=around).values_list("parent_id", flat=True) if parent
        }
    return {
        HOME,
        Key("rung", post.rung),
        Key("organization", post.organization_id),
        *(Key("area", pk) for pk in areas),
        *(Key("place", pk) for pk in places),
        *(Key("tag", pk) for pk in post.tags.values_list("pk", flat=True)),
        *(Key("member", pk) for pk in post.authors.values_list("pk", flat=True)),
    }


def relist(post: Post) -> None:
    """List a post where it belongs now, and let everything that shows it, or showed it, be made anew."""
    wanted = keys_of(post) if post.is_public else set()
    before = {Key(row.kind, row.object_id) for row in post.listings.all()}
    for key in before - wanted:
        post.listings.filter(kind=key.kind, object_id=key.object_id).delete()
    sort = {"rung": post.rung, "published_at": post.published_at, "moved_at": post.moved_at}
    post.listings.update(**sort)
    Listing.objects.bulk_create(
        [Listing(kind=key.kind, object_id=key.object_id, post=post, **sort) for key in sorted(wanted - before)]
    )
    counts = {key.stamp: 1 for key in wanted - before} | {key.stamp: -1 for key in before - wanted}
    stale_and_bumped(post, wanted | before, counts)


def changed(post: Post) -> None:
    """What this post's card or page shows has changed, and nothing of where it is listed."""
    stale_and_bumped(post, {Key(*key) for key in post.listings.values_list("kind", "object_id")}, {})


def stale_and_bumped(post: Post, keys: Iterable[Key], counts: dict[str, int]) -> None:
    """Make the post's fragments stale and change the stamps of these listings and of the post's own page."""
    for kind in (CARD, ENTRY, PAGE):
        stale(kind, [post.number])
    bump([*(key.stamp for key in keys), Key("post", post.number).stamp], counts)


def listed(
    viewer: "Member | AnonymousUser",
    keys: Iterable[Key] = (),
    *,
    rungs: Iterable[int] = (),
    moved: bool = False,
    older_than: Row | None = None,
    newer_than: Row | None = None,
    limit: int = 20,
) -> list[Row]:
    """The posts that stand in all of these listings and that the viewer may read: newest, or most recently moved, first.

    With `older_than` the rows that come after that one; with `newer_than` those that come just before it, in the same
    order. One query: a walk along one index, which the first key names (the narrowest listing goes first).
    """
    field = "moved_at" if moved else "published_at"
    first, *others = list(keys) or [HOME]
    rows = Listing.objects.filter(kind=first.kind, object_id=first.object_id)
    if rungs := list(rungs):
        rows = rows.filter(rung__in=rungs)
    for key in others:
        rows = rows.filter(
            Exists(Listing.objects.filter(post=OuterRef("post"), kind=key.kind, object_id=key.object_id))
        )
    rows = rows.filter(post__in=Post.objects.visible_to(viewer).values("number"))
    if older_than:
        at, number = older_than.at, older_than.number
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(post__lt=number), **{f"{field}__lte": at})
    if newer_than:
        at, number = newer_than.at, newer_than.number
        rows = rows.filter(Q(**{f"{field}__gt": at}) | Q(post__gt=number), **{f"{field}__gte": at})
        found = rows.order_by(field, "post").values_list("post", field)[:limit]
        return [Row(*row) for row in reversed(found)]
    return [Row(*row) for row in rows.order_by(f"-{field}", "-post").values_list("post", field)[:limit]]
