"""The forms of a feed: Atom (RFC 4287), RSS 2.0 with the usual extensions, JSON Feed 1.1. Each writes the same entries."""

import datetime as dt
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.html import escape

from commons.template_filters import rfc3339
from knowledge.feeds import entries
from knowledge.feeds.entries import Entry
from knowledge.stored.fragments import Read, fragments
from knowledge.stored.stamps import NEVER

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


@dataclass(frozen=True)
class Document:
    """One feed document, but for its form: what it says of itself, where it leads, and its entries as the form wrote them."""

    title: str
    id: str
    page: str  # the address of the page it is the feed of
    own: str  # its own address
    links: Mapping[str, str] = field(default_factory=dict)  # addresses of other documents of the same feed, by relation
    is_archive: bool = False
    hub: str = ""
    note: str = ""  # what is to be said of this document alone
    written: Sequence[str] = ()

    @property
    def updated(self) -> str:
        """When the newest of its entries was updated (RFC 3339)."""
        return max((text.partition("\n")[0] for text in self.written), default=rfc3339(NEVER))

    @property
    def items(self) -> Iterable[str]:
        """Its entries, without what `Form.written` puts before them."""
        return (text.partition("\n")[2] for text in self.written)


class Form(ABC):
    """A form of feeds: how it writes an entry, and a document of them."""

    name: str  # as it ends addresses
    kind: str  # its type among the media types
    content_type: str  # the same, as a header says it
    fragment: str  # under which kind its posts are kept

    def of_posts(self, numbers: Iterable[int], read: Mapping[int, Read] | None = None) -> list[str]:
        """These posts, which the reader was found to see, as entries of this form, in the same order. Written once, and kept."""

        def make(missing: list[int]) -> dict[int, str]:
            return {number: self.written(entry) for number, entry in entries.of_posts(missing).items()}

        return list(fragments(self.fragment, numbers, make, read).values())

    def written(self, entry: Entry) -> str:
        """An entry in this form, after a line that says when it was updated: a document is as new as its newest entry."""
        return f"{rfc3339(entry.updated)}\n{self.entry(entry)}"

    @abstractmethod
    def entry(self, entry: Entry) -> str: ...

    @abstractmethod
    def document(self, document: Document) -> str: ...


class Atom(Form):
    name, kind, fragment = "atom", "application/atom+xml", "entry"
    content_type = f"{kind}; charset=utf-8"

    def entry(self, entry: Entry) -> str:
        return _drawn("feeds/atom.xml", entry)

    def document(self, document: Document) -> str:
        head = [
            f"<id>{escape(document.id)}</id>",
            f"<title>{escape(document.title)}</title>",
            *([f"<subtitle>{escape(document.note)}</subtitle>"] if document.note else []),
            f"<updated>{document.updated}</updated>",
            _link("link", "self", document.own, self.kind),
            _link("link", "alternate", document.page, "text/html"),
            *(_link("link", relation, address, self.kind) for relation, address in document.links.items()),
            *([_link("link", "hub", document.hub)] if document.hub else []),
            f"<icon>{settings.SITE_URL}/share/commons.png</icon>",
            *(["<fh:archive/>"] if document.is_archive else []),
        ]
        return "\n".join(
            [
                '<?xml version="1.0" encoding="utf-8"?>',
                '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0" xml:lang="en">',
                legible("\n".join(head)),
                *document.items,
                "</feed>\n",
            ]
        )


class Rss(Form):
    name, kind, fragment = "rss", "application/rss+xml", "entry-rss"
    content_type = f"{kind}; charset=utf-8"

    def entry(self, entry: Entry) -> str:
        return _drawn("feeds/rss.xml", entry, rfc822=_rfc822(entry.published))

    def document(self, document: Document) -> str:
        updated = dt.datetime.fromisoformat(document.updated)
        title, page = f"<title>{escape(document.title)}</title>", f"<link>{escape(document.page)}</link>"
        head = [
            title,
            page,
            f"<description>{escape(document.note or document.title)}</description>",
            "<language>en</language>",
            f"<lastBuildDate>{_rfc822(updated)}</lastBuildDate>",
            f"<image><url>{settings.SITE_URL}/share/commons.png</url>{title}{page}</image>",
            _link("atom:link", "self", document.own, self.kind),
            *(_link("atom:link", relation, address, self.kind) for relation, address in document.links.items()),
            *([_link("atom:link", "hub", document.hub)] if document.hub else []),
            *(["<fh:archive/>"] if document.is_archive else []),
        ]
        return "\n".join(
            [
                '<?xml version="1.0" encoding="utf-8"?>',
                '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"'
                ' xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
                ' xmlns:fh="http://purl.org/syndication/history/1.0">',
                "<channel>",
                legible("\n".join(head)),
                *document.items,
                "</channel>",
                "</rss>\n",
            ]
        )


class Json(Form):
    name, kind, fragment = "json", "application/feed+json", "entry-json"
    content_type = kind

    def entry(self, entry: Entry) -> str:
        standing = entry.standing
        said: dict[str, Any] = {
            "id": entry.id,
            "url": entry.address,
            "title": entry.title,
            "content_html": entry.html,
            "summary": entry.summary,
            "date_published": rfc3339(entry.published),
            "date_modified": rfc3339(entry.updated),
            "authors": [{"name": author.name, "url": author.address} for author in entry.authors],
            "tags": [category.label for category in entry.categories],
            "language": entry.language,
            # JSON Feed has no word for these; what is one's own begins with an underscore
            "_commons": {
                "about": f"{settings.SITE_URL}/how-the-ladder-works/",
                "standing": None if standing is None else {"slug": standing.slug, "label": standing.label},
                "organization": {"name": entry.organization.name, "url": entry.organization.address},
                "licence": entry.licence,
                "comments": entry.discussion,
            },
        }
        return json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)

    def document(self, document: Document) -> str:
        # Its one way on leads to what is older, whatever the relation is called elsewhere
        older = document.links.get("prev-archive") or document.links.get("next")
        said: dict[str, Any] = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": document.title,
            "description": document.note,
            "home_page_url": document.page,
            "feed_url": document.own,
            "next_url": older,
            "icon": f"{settings.SITE_URL}/share/commons.png",
            "language": "en",
            "hubs": [{"type": "WebSub", "url": document.hub}] if document.hub else None,
        }
        head = json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)
        return f'{head[:-1]}, "items": [{",".join(document.items)}]}}\n'


FORMS: dict[str, Form] = {form.name: form for form in (Atom(), Rss(), Json())}


def legible(xml: str) -> str:
    """This text without the characters that no XML document may hold, however they came into a row: one would break it all."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", xml)


def _drawn(template: str, entry: Entry, **more: object) -> str:
    drawing = get_template(template).template  # type: ignore[attr-defined]
    return legible(drawing.render(Context({"entry": entry, **more})).strip())


def _link(element: str, relation: str, address: str, kind: str = "") -> str:
    typed = f' type="{kind}"' if kind else ""
    return f'<{element} rel="{relation}"{typed} href="{escape(address)}"/>'


def _rfc822(moment: dt.datetime) -> str:
    return format_datetime(moment.astimezone(dt.UTC), usegmt=True)
