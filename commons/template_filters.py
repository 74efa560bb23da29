"""What templates need beside Django's own."""

import datetime as dt
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django import template
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from commons import site

register = template.Library()

OF_THE_READER = "components/header.html"  # the one frame that names who reads


@cache
def icons() -> str:
    """The address of the sprite with every icon."""
    return static("icons.svg")


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite, for the eye only: it never stands without a word."""
    kind = "" if name.startswith("rung-") else ' class="i"'
    return mark_safe(f'<svg{kind} aria-hidden="true"><use href="{icons()}#{name}"/></svg>')  # noqa: S308 - our own names


class Reader(NamedTuple):
    """What a frame shows of who reads."""

    is_authenticated: bool = False
    name: str = ""
    initials: str = ""
    unread: SafeString | str = ""  # what stands beside the bell


@lru_cache(maxsize=512)
def _drawn(part: str, reader: Reader, **about: object) -> str:
    return get_template(part).render({"site": about, "user": reader})


@register.simple_tag(takes_context=True)
def frame(context: template.Context, name: str) -> str:
    """A part that stands on every page, the same for a reader each time: drawn once in this process."""
    user = context.get("user")
    reader = Reader()
    if name == OF_THE_READER and user is not None and user.is_authenticated:
        reader = user if isinstance(user, Reader) else Reader(True, user.name, user.initials, unread(user))
    return _drawn(name, reader, **site.about())


@register.filter
def day(moment: dt.date | None) -> SafeString | str:
    """A day in words, for reading and for machines: <time datetime="2025-11-04">4 November 2025</time>."""
    if moment is None:
        return ""
    return format_html('<time datetime="{:s}">{:s}</time>', f"{moment:%Y-%m-%d}", f"{moment.day} {moment:%B %Y}")


@register.filter
def rfc3339(moment: dt.datetime) -> str:
    """A moment as feeds write it (RFC 3339), to the second, in UTC."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@register.filter
def bounded(count: int) -> str:
    """A count as pages show it, with its thousands apart: 1,284."""
    return f"{count:,}"


def in_figures(member: Any) -> str:
    """How many notifications wait for a member, as far as they are counted: 3, 99+, and nothing for none."""
    return "99+" if member.unread > 99 else str(member.unread or "")


def unread(member: Any) -> SafeString:
    """What stands beside a member's bell."""
    figures = in_figures(member)
    return format_html('{}<span class="hidden"> unread</span>', figures) if figures else mark_safe("")


@register.filter
def ago(moment: dt.datetime) -> SafeString | str:
    """How long ago, within a day ("2 hours ago"); the day after that. Not for what is kept: it ages."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds >= 86_400:
        return day(moment)
    if seconds < 60:
        return "just now"
    number, unit = (int(seconds // 3600), "hour") if seconds >= 3600 else (int(seconds // 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


@register.filter
def source(text: str) -> SafeString | str:
    """Where something was seen: an address becomes a link that passes on no credit, words stay words."""
    if text.startswith(("https://", "http://")) and not any(character.isspace() for character in text):
        return format_html('<a href="{0}" rel="nofollow ugc noopener">{0}</a>', text)
    return text


@register.filter
def host(address: str) -> str:
    """The name of the site that a web address leads to: harborstreet.example."""
    return urlsplit(address).hostname or address


@register.filter
def in_form(feed: str, form: str) -> str:
    """The address of the same feed in another form: /tags/rent/feed.atom?rung=hunch as "rss"."""
    address, question, query = feed.partition("?")
    return f"{address.removesuffix('.atom')}.{form}{question}{query}"


@register.filter
def bare(address: str) -> str:
    """A web address as one reads it aloud, without its scheme and last slash: harborstreet.example."""
    return address.partition("://")[2].rstrip("/") or address
