"""What a feed tells, before any form writes it down: an entry for a post, and one for each thing that happens on a post."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import Prefetch
from django.template.loader import render_to_string

from knowledge.comments.models import Comment, Kind
from knowledge.posts.models import Move, MoveKind, Post, Version
from knowledge.posts.pieces import bodies
from knowledge.posts.rungs import Standing

if TYPE_CHECKING:
    from accounts.members.models import Member

TAGS = re.compile(r"<[a-z][^<>]*>")  # our HTML has < and > nowhere but around its tags
SIZES = re.compile(r' (?:srcset|sizes)="[^"]*"')
LINKS = re.compile(r' (href|src)="([^"]*)"')


class Named(NamedTuple):
    """Somebody who is named, with an address of theirs."""

    name: str
    address: str


class Category(NamedTuple):
    """What an entry is filed under: a word of one of our vocabularies, whose address is the scheme."""

    scheme: str
    term: str
    label: str


@dataclass(frozen=True)
class Entry:
    """One thing that a feed tells.

    `id` is the same in every form, for ever. `updated` is when readers last saw something else: another shown version, or
    another standing; not another comment.
    """

    id: str
    address: str
    title: str
    published: dt.datetime
    updated: dt.datetime
    authors: tuple[Named, ...]
    html: str
    organization: Named
    standing: Standing | None = None
    topics: tuple[Category, ...] = ()
    summary: str = ""
    language: str = "en"
    licence: str = ""
    discussion: str = ""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Where it stands, whose it is, and what it is about."""
        site, standing = settings.SITE_URL, self.standing
        slug = self.organization.address.rstrip("/").rpartition("/")[2]
        filed = [Category(f"{site}/organizations/", slug, self.organization.name), *self.topics]
        if standing is not None:  # set aside is number 0
            filed.insert(0, Category(f"{site}/how-the-ladder-works/", standing.slug, standing.label))
        return tuple(filed)


def of_posts(numbers: Iterable[int]) -> dict[int, Entry]:
    """The entries of these posts, by their numbers, in a fixed number of queries."""
    asides = Prefetch("moves", Move.objects.filter(kind=MoveKind.ASIDE), to_attr="asides")
    posts = list(Post.objects.filter(pk__in=list(numbers)).for_cards().prefetch_related(asides))
    html = bodies(post.shown for post in posts)
    return {post.number: _of_post(post, html[post.shown.pk]) for post in posts}


def _of_post(post: Post, body: str) -> Entry:
    version, site = post.shown, settings.SITE_URL
    address = f"{site}{post.get_absolute_url()}"
    about = {"post": post, "version": version, "standing": post.standing, "body": body}
    return Entry(
        id=f"{site}/posts/{post.number}/",
        address=address,
        title=version.heading,
        published=post.published_at,
        updated=max(post.moved_at, version.at),
        authors=tuple(
            Named(f"{author.name} ({post.organization.name})", f"{site}{author.get_absolute_url()}")
            for author in post.writers
        ),
        html=absolute(render_to_string("feeds/content.html", about).strip(), address),
        organization=_publisher(post),
        standing=post.standing,
        topics=(
            *(Category(f"{site}/issue-areas/", area.slug, str(area)) for area in post.areas),
            *(Category(f"{site}/tags/", tag.slug, tag.name) for tag in post.tags.all()),
            *(Category(f"{site}/places/", place.slug, str(place)) for place in post.where),
        ),
        summary=version.takeaway,
        language=version.language,
        licence=version.get_licence_display(),
        discussion=f"{address}#comments",
    )


def of_version(version: Version, post: Post, html: str) -> Entry:
    address = f"{settings.SITE_URL}{version.get_absolute_url()}"
    return Entry(
        id=f"{settings.SITE_URL}/posts/{post.number}/versions/{version.number}/",
        address=address,
        title=f"Version {version.number}: {version.heading}",
        published=version.at,
        updated=version.at,
        authors=(_person(version.by),),
        html=absolute(html, address),
        organization=_publisher(post),
        summary=version.note,
        language=version.language,
        licence=version.get_licence_display(),
    )


def of_move(move: Move, post: Post) -> Entry:
    return Entry(
        id=f"{settings.SITE_URL}/posts/{post.number}/moves/{move.pk}/",
        address=f"{settings.SITE_URL}{post.get_absolute_url()}#history",
        title=move.words,
        published=move.at,
        updated=move.at,
        authors=(_person(move.by),),
        html=render_to_string("feeds/move.html", {"move": move}).strip(),
        organization=_publisher(post),
        standing=move.standing,
    )


def of_comment(comment: Comment, post: Post, html: str) -> Entry:
    address = f"{settings.SITE_URL}{post.get_absolute_url()}#comment-{comment.pk}"
    return Entry(
        id=f"{settings.SITE_URL}/comments/{comment.pk}/",
        address=address,
        title=f"{Kind(comment.kind).label} by {comment.by.name}",
        published=comment.at,
        updated=comment.edited_at or comment.at,
        authors=(_person(comment.by),),
        html=absolute(html, address),
        organization=_publisher(post),
    )


def absolute(html: str, address: str) -> str:
    """Return this HTML, of ours, for readers anywhere: whatever its links and pictures are relative to, they lead there.

    `address` is that of the page it stands on. RSS and JSON Feed have no word for what a relative link is relative to, so no
    form is left to it. Pictures come in one size.
    """
    page = address.partition("#")[0]

    def led(tag: re.Match[str]) -> str:
        return LINKS.sub(lambda link: f' {link[1]}="{_joined(page, link[2])}"', SIZES.sub("", tag[0]))

    return TAGS.sub(led, html)


def _joined(page: str, link: str) -> str:
    """Return where a link in HTML leads from a page, for HTML; one that cannot be read stays as it is."""
    try:
        return escape(urljoin(page, unescape(link)))
    except ValueError:
        return link


def _publisher(post: Post) -> Named:
    return Named(post.organization.name, f"{settings.SITE_URL}{post.organization.get_absolute_url()}")


def _person(member: "Member") -> Named:
    return Named(member.name, f"{settings.SITE_URL}{member.get_absolute_url()}")
