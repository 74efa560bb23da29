"""What a feed must be, in each of its forms, told by grammars and by a feed reader: `read` gives what it says, or fails.

There is no validator of feeds that can be had as a package and works without its website, so the grammars stand here: that
of RFC 4287, and one of RSS 2.0. What no grammar says is asked below; for JSON Feed, which has no grammar of its own, all of it.
"""

import datetime as dt
import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
from lxml import etree

FORMS = ("atom", "rss", "json")
TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json",
}
GRAMMARS = {form: etree.RelaxNG(etree.parse(Path(__file__).with_name(f"{form}.rng"))) for form in ("atom", "rss")}
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
}


@dataclass
class Said:
    """What one entry says, whatever its form."""

    id: str
    url: str
    title: str
    html: str
    summary: str
    published: dt.datetime
    updated: dt.datetime
    authors: list[str]
    labels: list[str]


@dataclass
class Feed:
    """What a feed document says, whatever its form."""

    title: str
    updated: dt.datetime | None
    links: dict[str, str]
    is_archive: bool
    entries: list[Said]

    @property
    def older(self) -> str:
        """The address of the document with what is older, or nothing."""
        return self.links.get("prev-archive", "") or self.links.get("next", "")


def read(client, path: str) -> Feed:
    """Get a feed, check that it is valid, and give what it says."""
    answer = client.get(path.removeprefix("http://localhost:8000"))
    assert answer.status_code == 200, (path, answer.status_code)
    form = urlsplit(path).path.rpartition(".")[2]
    assert answer["Content-Type"] == TYPES[form]
    return check(answer.content, form)


def check(content: bytes, form: str) -> Feed:
    feed = {"atom": _atom, "rss": _rss, "json": _json}[form](content)
    assert feed.title
    assert urlsplit(feed.links["self"]).scheme in {"http", "https"}
    assert len({entry.id for entry in feed.entries}) == len(feed.entries), "an id stands for two entries"
    for entry in feed.entries:
        assert entry.updated >= entry.published
        assert ' href="/' not in entry.html, "a link leads nowhere"
    if form != "json":
        parsed = feedparser.parse(content)
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert parsed.version == {"atom": "atom10", "rss": "rss20"}[form]
        assert [entry.id for entry in parsed.entries] == [entry.id for entry in feed.entries]
        assert [entry.content[0].value != "" for entry in parsed.entries] == [True] * len(feed.entries)
    return feed


def _atom(content: bytes) -> Feed:
    root = _valid(content, "atom")
    # The two rules that the RFC's grammar leaves to Schematron
    for entry in root.iterfind("a:entry", NS):
        assert entry.find("a:author", NS) is not None, "an entry without an author, in a feed without one (4.1.1)"
        assert entry.find("a:link[@rel='alternate']", NS) is not None or entry.find("a:content", NS) is not None
    found = [(link.get("rel"), link.get("type"), link.get("hreflang")) for link in root.iterfind("a:link", NS)]
    assert len(set(found)) == len(found), "two links with the same relation and type (4.1.1)"
    return Feed(
        title=root.findtext("a:title", namespaces=NS),
        updated=dt.datetime.fromisoformat(root.findtext("a:updated", namespaces=NS)),
        links=_links(root),
        is_archive=root.find("fh:archive", NS) is not None,
        entries=[
            Said(
                id=entry.findtext("a:id", namespaces=NS),
                url=entry.find("a:link[@rel='alternate']", NS).get("href"),
                title=entry.findtext("a:title", namespaces=NS),
                html=entry.findtext("a:content", namespaces=NS),
                summary=entry.findtext("a:summary", "", NS),
                published=dt.datetime.fromisoformat(entry.findtext("a:published", namespaces=NS)),
                updated=dt.datetime.fromisoformat(entry.findtext("a:updated", namespaces=NS)),
                authors=[author.findtext("a:name", namespaces=NS) for author in entry.iterfind("a:author", NS)],
                labels=[category.get("label") for category in entry.iterfind("a:category", NS)],
            )
            for entry in root.iterfind("a:entry", NS)
        ],
    )


def _rss(content: bytes) -> Feed:
    channel = _valid(content, "rss").find("channel")
    return Feed(
        title=channel.findtext("title"),
        updated=parsedate_to_datetime(channel.findtext("lastBuildDate")),
        links=_links(channel),
        is_archive=channel.find("fh:archive", NS) is not None,
        entries=[
            Said(
                id=item.findtext("guid"),
                url=item.findtext("link"),
                title=item.findtext("title"),
                html=item.findtext("content:encoded", namespaces=NS),
                summary=item.findtext("description", ""),
                published=parsedate_to_datetime(item.findtext("pubDate")),
                updated=dt.datetime.fromisoformat(item.findtext("a:updated", namespaces=NS)),
                authors=[creator.text for creator in item.iterfind("dc:creator", NS)],
                labels=[category.text for category in item.iterfind("category")],
            )
            for item in channel.iterfind("item")
        ],
    )


def _valid(content: bytes, form: str) -> Any:
    root = etree.fromstring(content)
    assert GRAMMARS[form].validate(root), str(GRAMMARS[form].error_log)
    return root


def _links(root: Any) -> dict[str, str]:
    return {link.get("rel"): link.get("href") for link in root.iterfind("a:link", NS)}


def _json(content: bytes) -> Feed:
    """JSON Feed 1.1, as its text says it: what must be there, of which kind, and that nothing is there without a value."""
    feed = json.loads(content.decode())
    texts = {"version", "title", "home_page_url", "feed_url", "description", "next_url", "icon", "favicon", "language"}
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed.keys() <= texts | {"authors", "hubs", "items", "expired"}
    assert all(isinstance(feed[name], str) and feed[name] for name in texts & feed.keys())
    assert feed.get("next_url") != feed["feed_url"]
    of_item = {
        "id",
        "url",
        "title",
        "content_html",
        "content_text",
        "summary",
        "date_published",
        "date_modified",
        "language",
    }
    for item in feed["items"]:
        assert {name for name in item if not name.startswith("_")} <= of_item | {"authors", "tags"}
        assert all(isinstance(item[name], str) and item[name] for name in of_item & item.keys())
        assert "id" in item
        assert "content_html" in item or "content_text" in item
        assert all(isinstance(tag, str) for tag in item["tags"])
        assert all(author.keys() <= {"name", "url", "avatar"} and author for author in item["authors"])
        assert all(isinstance(item[name], dict) for name in item if name.startswith("_"))
    assert all(hub.keys() == {"type", "url"} for hub in feed.get("hubs", []))
    links = {"self": feed["feed_url"], "alternate": feed["home_page_url"], "next": feed.get("next_url", "")}
    if feed.get("hubs"):
        links["hub"] = feed["hubs"][0]["url"]
    return Feed(
        title=feed["title"],
        updated=None,
        links=links,
        is_archive=False,
        entries=[
            Said(
                id=item["id"],
                url=item["url"],
                title=item["title"],
                html=item["content_html"],
                summary=item.get("summary", ""),
                published=dt.datetime.fromisoformat(item["date_published"]),
                updated=dt.datetime.fromisoformat(item["date_modified"]),
                authors=[author["name"] for author in item["authors"]],
                labels=item["tags"],
            )
            for item in feed["items"]
        ],
    )
