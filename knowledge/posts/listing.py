"""Where a post is listed, and what must be made anew when it changes. Written by the verbs of posts, read by pages and feeds."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.members.models import Member
from accounts.organizations.models import Membership
from commons import queue
from knowledge.posts.models import Link, Listing, Post, readable_by
from knowledge.stored.fragments import BESIDE, COLUMNS, Read, renderer, stale
from knowledge.stored.stamps import bump
from knowledge.topics.models import IssueArea, Place

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

CARD, PAGE = "card", "page"  # the kinds of fragments that a post has,
ENTRIES = ("entry", "entry-rss", "entry-json")  # and one for each form of feed


class Key(NamedTuple):
    """A listing: what kind of thing it is the list of, and which one."""

    kind: str
    object_id: int

    @property
    def stamp(self) -> str:
        """The name of the listing's stamp."""
        return self.kind if self.kind == "home" else f"{self.kind}-{self.object_id}"


HOME = Key("home", 0)


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"  # of a column: exact, and read faster than a time


class Row(NamedTuple):
    """A post in a list, with the time that the list is sorted by, in microseconds since 1970."""

    number: int
    at: int

    @property
    def moment(self) -> dt.datetime:
        """The same time. Raises OverflowError for one that no clock will show."""
        return EPOCH + dt.timedelta(microseconds=self.at)


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
        Key("standing", post.standing),
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
    sort = {"standing": post.standing, "published_at": post.published_at, "moved_at": post.moved_at}
    post.listings.update(**sort)
    Listing.objects.bulk_create(
        [Listing(kind=key.kind, object_id=key.object_id, post=post, **sort) for key in sorted(wanted - before)]
    )
    counts = {key.stamp: 1 for key in wanted - before} | {key.stamp: -1 for key in before - wanted}
    _stale_and_bumped(
        post, wanted | before, counts, neighbours(post), feeds=[*wanted, *before, Key("post", post.number)]
    )


def changed(post: Post, *, around: Iterable[int] = (), is_news: bool = True) -> None:
    """What this post's card or page shows has changed, and nothing of where it is listed or of what its entry in feeds says;
    and the pages of those `around` it. `is_news`: something happened on the post, which its own feed tells.
    """
    keys = {Key(*key) for key in post.listings.values_list("kind", "object_id")}
    _stale_and_bumped(post, keys, {}, around, feeds=[Key("post", post.number)] if is_news else [])


def neighbours(post: Post) -> set[int]:
    """The posts whose pages name this one in their lineage, or are named by its own."""
    pairs = Link.objects.filter(Q(post=post) | Q(to=post), ended_at=None).values_list("post", "to")
    return {number for pair in pairs for number in pair} - {post.number}


def _stale_and_bumped(
    post: Post, keys: set[Key], counts: dict[str, int], around: Iterable[int], *, feeds: Iterable[Key] = ()
) -> None:
    """Make the post's fragments stale and change the stamps of these listings, of its page and of the pages around it.

    `feeds` are the listings in whose feeds there is something new, where the post is, or was, public.
    """
    stamps = {key.stamp for key in keys}
    new_in = {key.stamp for key in feeds if keys and key.kind != "standing"}
    told = Told({post.number}, {post.number, *around}, stamps, Counter(counts), new_in)
    if (gathered := getattr(_gathering, "told", None)) is not None:
        gathered.add(told)
    else:
        told.tell()


@dataclass
class Told:
    """What has changed: posts whose cards must be made anew, posts whose pages must, stamps, and counts of listings; and
    the listings in whose feeds there is something new for everybody.
    """

    cards: set[int] = field(default_factory=set)
    pages: set[int] = field(default_factory=set)
    stamps: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    feeds: set[str] = field(default_factory=set)

    def add(self, other: "Told") -> None:
        self.cards |= other.cards
        self.pages |= other.pages
        self.stamps |= other.stamps
        self.counts.update(other.counts)
        self.feeds |= other.feeds

    def tell(self) -> None:
        """Fragments first, then stamps, each in sorted order: two verbs that touch the same wait for each other in no circle."""
        for kind in (CARD, *ENTRIES):
            stale(kind, self.cards)
        stale(PAGE, self.pages)
        bump([*self.stamps, *(Key("post", number).stamp for number in self.pages)], self.counts)
        if settings.WEBSUB_HUB and self.feeds:
            queue.defer(queue.PING, listings=sorted(self.feeds))


_gathering = threading.local()


@contextmanager
def told_at_the_end() -> Iterator[None]:
    """For a verb that does the work of several: what changed is told once, when all is written.

    A verb that tells in between holds what others wait for while it still has to wait for others. Must be inside the
    verb's transaction.
    """
    if getattr(_gathering, "told", None) is not None:
        yield
        return
    _gathering.told = told = Told()
    try:
        yield
    finally:
        _gathering.told = None
    if told.cards:
        told.tell()


def listed(
    viewer: "Member | AnonymousUser",
    keys: Iterable[Key] = (),
    *,
    standings: Iterable[int] = (),
    moved: bool = False,
    older_than: Row | None = None,
    newer_than: Row | None = None,
    limit: int = 20,
) -> list[Row]:
    """The posts that stand in all of these listings and that the viewer may read: newest, or most recently moved, first.

    With `older_than` the rows that come after that one; with `newer_than` those that come just before it, in the same
    order. One query: a walk along one index, which the first key names (the narrowest listing goes first).
    """
    walk, params, order = _walk(
        viewer, keys=keys, standings=standings, moved=moved, older_than=older_than, newer_than=newer_than, limit=limit
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT l.post_id, {MICROSECONDS.format('l.at')} FROM ({walk}) l ORDER BY {order}", params)  # noqa: S608
        rows = [Row(*row) for row in cursor.fetchall()]
    return rows[::-1] if newer_than else rows


def listed_with(kind: str, viewer: "Member | AnonymousUser", **asked: Any) -> tuple[list[Row], dict[int, Read]]:
    """The same, and their fragments of one kind as they are stored, in the same query."""
    walk, params, order = _walk(viewer, **asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.post_id, {MICROSECONDS.format('l.at')}, {COLUMNS} FROM ({walk}) AS l"  # noqa: S608 - our own names
            f"{BESIDE} ORDER BY {order}",
            [renderer(), *params, kind],
        )
        found = cursor.fetchall()
    rows = [Row(*row[:2]) for row in found]
    read = {row[0]: Read(*row[2:]) for row in found if row[3] is not None}
    return rows[::-1] if asked.get("newer_than") else rows, read


def _walk(
    viewer: "Member | AnonymousUser",
    *,
    keys: Iterable[Key] = (),
    standings: Iterable[int] = (),
    moved: bool = False,
    older_than: Row | None = None,
    newer_than: Row | None = None,
    limit: int = 20,
) -> tuple[str, list[Any], str]:
    """The query of `listed`, as `post_id` and `at`, with its parameters, and its order."""
    field = "moved_at" if moved else "published_at"
    first, *others = list(keys) or [HOME]
    where = ["l.kind = %s", "l.object_id = %s"]
    params: list[Any] = [*first]
    if wanted := [int(standing) for standing in standings]:
        where.append("l.standing = ANY(%s)")
        params.append(wanted)
    for key in others:
        where.append(
            "EXISTS (SELECT 1 FROM knowledge_listing o WHERE o.post_id = l.post_id AND o.kind = %s AND o.object_id = %s)"
        )
        params += key
    # OFFSET 0 makes this one look for each row on the way, so that the plan is the same for every list, and is made once.
    those, its_params = visible_posts(viewer)
    where.append(f"EXISTS (SELECT 1 FROM ({those}) AS visible WHERE number = l.post_id OFFSET 0)")  # noqa: S608 - the ORM's
    params += its_params
    if older_than:
        where.append(f"(l.{field}, l.post_id) < (%s, %s)")
        params += [older_than.moment, older_than.number]
    if newer_than:
        where.append(f"(l.{field}, l.post_id) > (%s, %s)")
        params += [newer_than.moment, newer_than.number]
    way = "" if newer_than else " DESC"
    walk = (
        f"SELECT l.post_id, l.{field} AS at FROM knowledge_listing l WHERE {' AND '.join(where)}"  # noqa: S608 - our own names
        f" ORDER BY l.{field}{way}, l.post_id{way} LIMIT {int(limit)}"
    )
    return walk, params, f"l.at{way}, l.post_id{way}"


def is_visible(viewer: "Member | AnonymousUser", number: int) -> bool:
    """Whether the viewer may read this post."""
    condition, params = visible(viewer, number)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {condition}", params)
        return cursor.fetchone()[0]


def visible(viewer: "Member | AnonymousUser", number: int) -> tuple[str, tuple[Any, ...]]:
    """The same as a condition in SQL, with its parameters, for a query of one's own."""
    those, params = visible_posts(viewer)
    return f"EXISTS (SELECT 1 FROM ({those}) AS visible WHERE number = %s)", (*params, number)  # noqa: S608


def visible_posts(viewer: "Member | AnonymousUser") -> tuple[str, tuple[Any, ...]]:
    """The numbers of the posts that this viewer may read, as SQL with its parameters, for a query of one's own.

    `visible_to` is asked once for each set of organizations.
    """
    return _compiled(viewer.is_authenticated, viewer.organization_ids if viewer.is_authenticated else frozenset())


def readers(number: int) -> tuple[str, tuple[Any, ...]]:
    """The keys of the members who may read this post, as SQL with its parameters: the same rule, asked from the other end."""
    theirs = Membership.objects.filter(member=OuterRef(OuterRef("pk"))).values("organization")
    post = Post.objects.filter(readable_by(theirs), pk=number)
    return Member.objects.filter(Exists(post), is_active=True).values("pk").query.sql_with_params()


class _Viewer(NamedTuple):
    """All that `visible_to` asks of a viewer."""

    is_authenticated: bool
    organization_ids: frozenset[int]


@lru_cache(maxsize=512)
def _compiled(is_authenticated: bool, organization_ids: frozenset[int]) -> tuple[str, tuple[Any, ...]]:
    viewer = cast("AnonymousUser", _Viewer(is_authenticated, organization_ids))
    return Post.objects.visible_to(viewer).values("number").query.sql_with_params()
