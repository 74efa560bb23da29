"""The feeds' addresses: each finds what it is the feed of, and answers in the form that the address ends with."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.members.models import Member
from accounts.organizations.models import Organization
from commons.headers import NEVER_STORED
from knowledge.feeds.archives import Source, part_of
from knowledge.feeds.forms import FORMS, Document, Form
from knowledge.feeds.private import Followed, holder_of
from knowledge.feeds.sources import EVERYONE, Found, Happenings, Listed
from knowledge.feeds.unchanged import unchanged
from knowledge.posts.listing import HOME, Key, Row
from knowledge.posts.models import Post
from knowledge.search.filters import cursor, parse
from knowledge.search.lists import PostList, post_list
from knowledge.stored import kept
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.models import Followable
from knowledge.topics.models import Place, Tag
from knowledge.topics.tree import area_called

PLAIN = "text/plain; charset=utf-8"
FIND: Mapping[str, Callable[[str], Any]] = {
    Followable.AREA: area_called,
    Followable.TAG: lambda slug: get_object_or_404(Tag, slug=slug),
    Followable.PLACE: lambda slug: get_object_or_404(Place, slug=slug),
    Followable.ORGANIZATION: lambda slug: get_object_or_404(Organization, slug=slug),
    Followable.MEMBER: lambda handle: get_object_or_404(Member, handle=handle, is_active=True),
}


@require_safe
def everything(request: HttpRequest, form: str) -> HttpResponseBase:
    return _list(request, form, f"Everything new on {settings.SITE_NAME}", "/")


@require_safe
def search(request: HttpRequest, form: str) -> HttpResponseBase:
    """A filtered list, or a search: the newest posts that match."""
    return _list(request, form, "", "/search/")


@require_safe
def issue_area(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    return _of(request, form, Followable.AREA, slug)


@require_safe
def tag(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    return _of(request, form, Followable.TAG, slug)


@require_safe
def place(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    return _of(request, form, Followable.PLACE, slug)


@require_safe
def organization(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    return _of(request, form, Followable.ORGANIZATION, slug)


@require_safe
def member(request: HttpRequest, handle: str, form: str) -> HttpResponseBase:
    return _of(request, form, Followable.MEMBER, handle.lower())


@require_safe
def post(request: HttpRequest, number: int, form: str, slug: str = "") -> HttpResponseBase:
    """What happens on one post: its versions, moves and comments, newest first.

    The feed calls itself by the post's number alone: a new title changes nothing for those who follow it.
    """
    stamped = stamp(Key("post", number).stamp)

    def made() -> HttpResponse:
        found = Post.objects.visible_to(EVERYONE).select_related("shown", "organization").filter(pk=number).first()
        if found is None:
            get_object_or_404(Post.objects.known_to(EVERYONE), pk=number)
            return HttpResponse("This post was withdrawn.\n", status=410, content_type=PLAIN)
        feed = _Feed(f"{found.title} - {settings.SITE_NAME}", found.get_absolute_url(), f"/posts/{number}/feed")
        return feed.answer(FORMS[form], Happenings(found), parse(request.GET).older_than)

    return kept.answer(request, stamped, made)


@require_safe
def private(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """Everything that one member follows, for whoever holds the key: found by it, and for nobody else to keep or to index."""
    holder = holder_of(key)
    if holder is None:
        answered: HttpResponseBase = HttpResponse("There is no such feed.\n", status=404, content_type=PLAIN)
    else:
        member, stamped = holder
        feed = _Feed(
            f"What you follow on {settings.SITE_NAME}",
            "/following/",
            f"/feeds/{key}/feed",
            known_as=f"{settings.SITE_URL}{member.get_absolute_url()}following/",
            is_public=False,
        )
        answered = kept.answer_for_one(
            request,
            stamped,
            f"-m{member.pk}.{member.personal_stamp}",
            lambda: feed.answer(FORMS[form], Followed(member, FORMS[form]), parse(request.GET).older_than),
        )
    answered["Cache-Control"] = "private, no-store"
    return answered


def _of(request: HttpRequest, form: str, kind: Followable, slug: str) -> HttpResponseBase:
    if answered := unchanged(request, kind, slug):
        return answered
    thing = FIND[kind](slug)
    return _list(request, form, f"{thing} - {settings.SITE_NAME}", thing.get_absolute_url(), Key(kind, thing.pk))


def _list(request: HttpRequest, form: str, title: str, path: str, about: Key = HOME) -> HttpResponseBase:
    if about == HOME and (answered := unchanged(request)):
        return answered
    posts = post_list(EVERYONE, path, request.GET, about=about)
    as_form = FORMS[form]

    def made() -> HttpResponse:
        filters = posts.filters
        source: Source = Found(posts) if filters.q else Listed(posts, as_form)
        feed = _Feed(_titled(title, posts), path, f"{path}feed", query=filters.canonical())
        return feed.answer(as_form, source, filters.older_than)

    return kept.answer(request, posts.stamped, made)


def _titled(title: str, posts: PostList) -> str:
    if not title:
        title = f"{f'“{posts.filters.q}”' if posts.filters.q else 'Everything new'} on {settings.SITE_NAME}"
    chosen = [chip["name"] for chip in posts.chips()]
    return f"{title} ({', '.join(chosen)})" if chosen else title


class _Feed:
    """A feed in all its documents and forms: what it is called, its page, its address but for the form, and its filters."""

    def __init__(
        self,
        title: str,
        page: str,
        address: str,
        *,
        query: str = "",
        known_as: str = "",
        is_public: bool = True,
    ) -> None:
        self.title = title
        self.page = f"{settings.SITE_URL}{page}{f'?{query}' if query else ''}"
        self.address = f"{settings.SITE_URL}{address}"
        self.query = query
        self.id = known_as or self.at("atom")
        # The hub is told of what changes in a list, not in each of the many ways to narrow it
        self.hub = settings.WEBSUB_HUB if is_public and not query else ""

    def at(self, form: str, older_than: Row | None = None) -> str:
        """The address of its newest document in this form, or of the one that begins below a row."""
        below = urlencode({"older": cursor(older_than)}) if older_than else ""
        query = "&".join(filter(None, [self.query, below]))
        return f"{self.address}.{form}{f'?{query}' if query else ''}"

    def answer(self, form: Form, source: Source, older_than: Row | None) -> HttpResponse:
        """One of its documents. The newest announces the hub (WebSub, 4), which is told when it changes."""
        part = part_of(source, older_than)
        own, hub = self.at(form.name, older_than), "" if older_than else self.hub
        document = Document(
            title=self.title,
            id=self.id,
            page=self.page,
            own=own,
            links={relation: self.at(form.name, row) for relation, row in part.others.items()},
            is_archive=older_than is not None and source.is_archived,
            hub=hub,
            note=source.note,
            written=source.written(part.rows, form),
        )
        response = HttpResponse(form.document(document), content_type=form.content_type)
        if document.note:
            response["Cache-Control"] = NEVER_STORED  # the next time there may be more
        if hub:
            response["Link"] = f'<{hub}>; rel="hub", <{own}>; rel="self"'
        return response
