"""Where a public feed's entries come from: a list of posts, a search by words, what happens on one post."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from knowledge.comments.models import Comment
from knowledge.comments.thread import texts
from knowledge.feeds import entries
from knowledge.feeds.entries import Entry
from knowledge.feeds.forms import Form
from knowledge.posts.listing import EPOCH, MICROSECOND, Row, listed, listed_with
from knowledge.posts.models import Post
from knowledge.posts.pieces import bodies
from knowledge.search.filters import MOVED
from knowledge.search.lists import PAGE_SIZE, PostList
from knowledge.search.results import TOO_MUCH, results
from knowledge.stored.fragments import Read

EVERYONE = AnonymousUser()  # a public feed never holds what only its reader may see


class Listed:
    """A list of posts, as its filters narrow it and sort it."""

    size = PAGE_SIZE
    note = ""

    def __init__(self, posts: PostList, form: Form) -> None:
        self.posts = posts
        self.is_archived = posts.filters.sort != MOVED
        self.fragment = form.fragment
        self.read: Mapping[int, Read] | None = None

    def rows(self, *, older_than: Row | None = None, newer_than: Row | None = None, limit: int) -> list[Row]:
        asked: dict[str, Any] = {
            "keys": self.posts.keys,
            "standings": self.posts.filters.standings,
            "moved": not self.is_archived,
            "older_than": older_than,
            "newer_than": newer_than,
            "limit": limit,
        }
        if (
            limit > self.size + 1
        ):  # of an archive's rows, some are left out: their texts are read when it is known which
            return listed(EVERYONE, **asked)
        rows, self.read = listed_with(self.fragment, EVERYONE, **asked)
        return rows

    def written(self, rows: Sequence[Row], form: Form) -> list[str]:
        return form.of_posts((row.number for row in rows), self.read)


class Found:
    """The posts that have some words, newest first: a post's number alone says where it stands."""

    size = PAGE_SIZE
    is_archived = True

    def __init__(self, posts: PostList) -> None:
        self.posts = posts
        self.note = ""

    def rows(self, *, older_than: Row | None = None, newer_than: Row | None = None, limit: int) -> list[Row]:
        if newer_than:
            return []  # an archive of a search does not say which one is newer
        before = older_than.number if older_than else None
        found = results(EVERYONE, self.posts.filters, by_date=True, before=before, shown=limit)
        if not found.is_whole:
            self.note = TOO_MUCH
        return [Row(number, 0) for number in found.numbers]

    def written(self, rows: Sequence[Row], form: Form) -> list[str]:
        return form.of_posts(row.number for row in rows)


class Happenings:
    """What happens on one post: its versions, moves and comments. A row's number is one of theirs, and says of which."""

    size = 50
    is_archived = True
    note = ""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.things: dict[Row, Any] = {}
        comments = Comment.objects.visible_to(EVERYONE).filter(post=post, withdrawn_at=None)
        self.kinds: list[QuerySet[Any]] = [
            post.versions.select_related("by"),
            post.moves.select_related("by", "version"),
            comments.select_related("by"),
        ]

    def rows(self, *, older_than: Row | None = None, newer_than: Row | None = None, limit: int) -> list[Row]:
        for place, things in enumerate(self.kinds):
            if older_than:
                cut = (older_than.number - place - 1) // len(self.kinds)
                those = things.filter(Q(at__lt=older_than.moment) | Q(at=older_than.moment, pk__lte=cut))
            elif newer_than:
                cut = (newer_than.number - place) // len(self.kinds)
                those = things.filter(Q(at__gt=newer_than.moment) | Q(at=newer_than.moment, pk__gt=cut))
            else:
                those = things
            way = "" if newer_than else "-"
            for thing in those.order_by(f"{way}at", f"{way}pk")[:limit]:
                number = thing.pk * len(self.kinds) + place
                self.things[Row(number, (thing.at - EPOCH) // MICROSECOND)] = thing
        found = sorted(self.things, key=lambda row: (row.at, row.number), reverse=True)
        if older_than:
            found = [row for row in found if (row.at, row.number) < (older_than.at, older_than.number)]
        if newer_than:
            found = [row for row in found if (row.at, row.number) > (newer_than.at, newer_than.number)]
            return found[-limit:]
        return found[:limit]

    def written(self, rows: Sequence[Row], form: Form) -> list[str]:
        of: list[list[Any]] = [
            [self.things[row] for row in rows if row.number % len(self.kinds) == place]
            for place in range(len(self.kinds))
        ]
        html, said = bodies(of[0]), texts(of[2])
        write: list[Callable[[Any], Entry]] = [
            lambda version: entries.of_version(version, self.post, html[version.pk]),
            lambda move: entries.of_move(move, self.post),
            lambda comment: entries.of_comment(comment, self.post, said.get(comment.pk, "")),
        ]
        return [form.written(write[row.number % len(self.kinds)](self.things[row])) for row in rows]
