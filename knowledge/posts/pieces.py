"""The pieces of pages that show a post to everyone: made here, kept in `stored`."""

import re
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db.models import Prefetch
from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from commons import markup
from knowledge.posts.listing import CARD
from knowledge.posts.models import Move, MoveKind, Post, Version
from knowledge.stored.fragments import Read, fragments
from knowledge.topics.models import IssueArea, Place

BODY = "body"  # a version's rendered Markdown, by the version's own key
CUT = "<!--cut-->"  # where a page's pieces are parted, for what is personal to stand between them


# In the pieces of a post's page: what is for everybody but its own organization; what is for its members; for those who edit it
OTHERS = re.compile(r"<!--(/?)others-->")
OTHERS_ALONE = re.compile(r"<!--others-->.*?<!--/others-->", re.DOTALL)
OURS = re.compile(r"<!--ours (.*?)-->")
EDITS = re.compile(r"<!--edits(.*?)-->")


def personal(html: str, *, ours: bool, edits: bool) -> str:
    """A piece of a post's page for this reader: for a member of its organization, for one who edits it, or for others."""
    html = EDITS.sub(r"\1" if edits else "", html)
    html = OURS.sub(r"\1" if ours else "", html)
    return OTHERS_ALONE.sub("", html) if ours else OTHERS.sub("", html)


def cards(numbers: Iterable[int], read: Mapping[int, Read] | None = None) -> dict[int, str]:
    """The cards of these posts, which the reader was found to see, in the same order."""
    return fragments(CARD, numbers, _make_cards, read)


def card_list(numbers: Iterable[int], read: Mapping[int, Read] | None = None) -> SafeString:
    """The cards of these posts as the items of a list."""
    drawn = cards(numbers, read).values()
    return mark_safe("".join(f"<li>{card}</li>\n" for card in drawn))  # noqa: S308 - drawn by our own templates


def bodies(versions: Iterable[Version]) -> dict[int, str]:
    """The rendered Markdown of these versions, by their keys: rendered once."""
    by_key = {version.pk: version for version in versions}
    return fragments(
        BODY, by_key, lambda keys: {key: markup.render(by_key[key].body, prefix=f"v{key}-").html for key in keys}
    )


def places_of(version: Version) -> list[Place]:
    """The places a version names, in its order."""
    found = Place.objects.in_bulk(version.place_ids)
    return [found[pk] for pk in version.place_ids if pk in found]


def areas_of(version: Version) -> list[IssueArea]:
    """The issue areas a version names, in its order."""
    found = IssueArea.objects.select_related("parent").in_bulk(version.issue_area_ids)
    return [found[pk] for pk in version.issue_area_ids if pk in found]


def _make_cards(numbers: list[int]) -> Mapping[int, str]:
    template = get_template("components/card.html").template  # type: ignore[attr-defined]
    asides = Prefetch("moves", Move.objects.filter(kind=MoveKind.ASIDE), to_attr="asides")
    posts = Post.objects.filter(pk__in=numbers).for_cards().prefetch_related(asides)
    return {post.number: drawn(template, post=post, standing=post.standing) for post in posts}


def drawn(template: object, **context: object) -> str:
    """What a template makes of this, with the site's name and address."""
    site = {"name": settings.SITE_NAME, "url": settings.SITE_URL}
    return template.render(Context({"site": site, **context})).strip()  # type: ignore[attr-defined]
