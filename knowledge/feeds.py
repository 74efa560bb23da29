"""Topic feeds: Atom (RFC 4287) for everything one can follow and for every filtered list, without an account."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.html import escape
from django.views.decorators.http import require_safe

from accounts.members.models import Member
from accounts.organizations.models import Organization
from commons.template_filters import rfc3339
from knowledge.comments.models import Comment, Kind
from knowledge.comments.thread import texts
from knowledge.posts.listing import ENTRY, Key, Row
from knowledge.posts.models import Post
from knowledge.posts.pieces import bodies, entries
from knowledge.search.lists import PAGE_SIZE, PostList, post_list
from knowledge.search.results import results
from knowledge.stored import kept
from knowledge.stored.stamps import Stamped, stamp
from knowledge.subscriptions.models import Followable
from knowledge.topics.models import IssueArea, Place, Tag
from knowledge.topics.tree import area_called

ATOM = "application/atom+xml; charset=utf-8"
EVERYONE = AnonymousUser()  # a feed is public: it never holds what only its reader may see
OF_A_POST = 50  # how many versions, moves and comments a post's feed has at most


@require_safe
def everything(request: HttpRequest) -> HttpResponseBase:
    return _list(request, post_list(EVERYONE, "/", request.GET), f"Everything new on {settings.SITE_NAME}", "/")


@require_safe
def search(request: HttpRequest) -> HttpResponseBase:
    """A filtered list, or a search: the newest posts that match."""
    posts = post_list(EVERYONE, "/search/", request.GET)
    words = f"“{posts.filters.q}”" if posts.filters.q else "Everything new"
    return _list(request, posts, f"{words} on {settings.SITE_NAME}", "/search/")


@require_safe
def issue_area(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _of(request, area_called(slug), Followable.AREA)


@require_safe
def tag(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _of(request, get_object_or_404(Tag, slug=slug), Followable.TAG)


@require_safe
def place(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _of(request, get_object_or_404(Place, slug=slug), Followable.PLACE)


@require_safe
def organization(request: HttpRequest, slug: str) -> HttpResponseBase:
    return _of(request, get_object_or_404(Organization, slug=slug), Followable.ORGANIZATION)


@require_safe
def member(request: HttpRequest, handle: str) -> HttpResponseBase:
    return _of(request, get_object_or_404(Member, handle=handle.lower(), is_active=True), Followable.MEMBER)


@require_safe
def post(request: HttpRequest, number: int, slug: str = "") -> HttpResponseBase:
    """What happens on one post: its versions, moves and comments, newest first."""
    stamped = stamp(Key("post", number).stamp)

    def made() -> HttpResponse:
        found = Post.objects.visible_to(EVERYONE).select_related("shown", "organization").filter(pk=number).first()
        if found is None:
            get_object_or_404(Post.objects.known_to(EVERYONE), pk=number)
            return HttpResponse("This post was withdrawn.\n", status=410, content_type="text/plain; charset=utf-8")
        return _answer(
            title=f"{found.title} - {settings.SITE_NAME}",
            path=found.get_absolute_url(),
            feed=f"{found.get_absolute_url()}feed.atom",
            feed_id=f"{settings.SITE_URL}/posts/{number}/feed.atom",
            stamped=stamped,
            parts=_happenings(found),
        )

    return kept.answer(request, stamped, made)


def _of(
    request: HttpRequest, thing: IssueArea | Tag | Place | Organization | Member, kind: Followable
) -> HttpResponseBase:
    path = thing.get_absolute_url()
    posts = post_list(EVERYONE, path, request.GET, about=Key(kind, thing.pk))
    return _list(request, posts, f"{thing} - {settings.SITE_NAME}", path)


def _list(request: HttpRequest, posts: PostList, title: str, path: str) -> HttpResponseBase:
    def made() -> HttpResponse:
        if posts.filters.q:
            numbers, _ = results(EVERYONE, posts.filters, by_date=True)
            rows, read = list[Row](), None
        else:
            rows, read = posts.rows(ENTRY)
            numbers = [row.number for row in rows[:PAGE_SIZE]]
        older = f"{path}feed.atom?{posts.filters.at('older', rows[PAGE_SIZE - 1])}" if len(rows) > PAGE_SIZE else ""
        query = posts.filters.canonical()
        return _answer(
            title=_titled(title, posts),
            path=f"{path}?{query}" if query else path,
            feed=f"{path}feed.atom?{query}" if query else f"{path}feed.atom",
            stamped=posts.stamped,
            parts=entries(numbers, read).values(),
            older=older,
        )

    return kept.answer(request, posts.stamped, made)


def _titled(title: str, posts: PostList) -> str:
    chosen = [chip["name"] for chip in posts.chips()]
    return f"{title} ({', '.join(chosen)})" if chosen else title


def _answer(
    *,
    title: str,
    path: str,
    feed: str,
    stamped: Stamped,
    parts: Iterable[str],
    older: str = "",
    feed_id: str = "",
) -> HttpResponse:
    site = settings.SITE_URL
    links = [
        f'<link rel="self" type="application/atom+xml" href="{escape(site + feed)}"/>',
        f'<link rel="alternate" type="text/html" href="{escape(site + path)}"/>',
    ]
    if older:
        links.append(f'<link rel="next" type="application/atom+xml" href="{escape(site + older)}"/>')
    text = "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
            f"<id>{escape(feed_id or site + feed)}</id>",
            f"<title>{escape(title)}</title>",
            f"<updated>{rfc3339(stamped.at)}</updated>",
            *links,
            f"<icon>{site}/share/commons.png</icon>",
            *parts,
            "</feed>\n",
        ]
    )
    return HttpResponse(text, content_type=ATOM)


def _happenings(post: Post) -> list[str]:
    """Entries for a post's versions, moves and comments, newest first."""
    versions = list(post.versions.select_related("by").order_by("-number")[:OF_A_POST])
    html = bodies(versions)
    moves = post.moves.select_related("by", "version")[:OF_A_POST]
    comments = list(
        Comment.objects.visible_to(EVERYONE)
        .filter(post=post, withdrawn_at=None)
        .select_related("by")
        .order_by("-at")[:OF_A_POST]
    )
    said = texts(comments)
    address = f"{settings.SITE_URL}{post.get_absolute_url()}"
    found = [
        (
            version.at,
            {
                "id": f"/posts/{post.number}/versions/{version.number}/",
                "title": f"Version {version.number}: {version.title}",
                "href": f"{settings.SITE_URL}{version.get_absolute_url()}",
                "by": version.by,
                "html": html[version.pk],
                "summary": version.note,
            },
        )
        for version in versions
    ]
    found += [
        (
            move.at,
            {
                "id": f"/posts/{post.number}/moves/{move.pk}/",
                "title": move.words,
                "href": f"{address}#history",
                "by": move.by,
                "text": move.why or move.words,
                "standing": move.standing,
            },
        )
        for move in moves
    ]
    found += [
        (
            comment.at,
            {
                "id": f"/comments/{comment.pk}/",
                "title": f"{Kind(comment.kind).label} by {comment.by.name}",
                "href": f"{address}#comment-{comment.pk}",
                "by": comment.by,
                "html": said.get(comment.pk, ""),
                "updated": comment.edited_at or comment.at,
            },
        )
        for comment in comments
    ]
    found.sort(key=lambda item: item[0], reverse=True)
    site = {"url": settings.SITE_URL}
    return [
        render_to_string("feeds/happening.xml", {"site": site, "at": at, **happening}).strip()
        for at, happening in found[:OF_A_POST]
    ]
