"""The topic feeds: valid Atom with the full text, for every list, and cheap when nothing changed."""

import datetime as dt
import re
from xml.etree import ElementTree as ET

import feedparser
import pytest
from django.utils import timezone

from knowledge.comments.actions import withdraw_comment
from knowledge.posts.actions import publish_version, withdraw
from knowledge.posts.rungs import Rung
from tests.make import CASE, area, content, make_comment, make_organization, make_post, place

ATOM = "{http://www.w3.org/2005/Atom}"
BODY = "We **saw** it:\n\n- one & two\n- three <four>\n\nAsk @charlie, or [us](/about/).\n\n]]> \U0001f600"


@pytest.fixture
def rich(alice, bob):
    return make_post(
        alice,
        'Rent & "keys" <soon>',
        body=BODY,
        takeaway="Ask first & listen.",
        tags=["rent", "front desk"],
        places=[place("KE")],
        issue_areas=[area(), area("food")],
        authors=[alice, bob],
        rung=Rung.EMERGING,
        at=timezone.now() - dt.timedelta(days=2),
    )


FEEDS = [
    "/feed.atom",
    "/issue-areas/homelessness/feed.atom",
    "/issue-areas/housing/feed.atom",
    "/tags/rent/feed.atom",
    "/places/kenya/feed.atom",
    "/organizations/harbor-street/feed.atom",
    "/members/alice/feed.atom",
    "/search/feed.atom?q=rent",
    "/search/feed.atom?rung=emerging&tag=rent",
    "/issue-areas/food/feed.atom?place=kenya&rung=emerging",
]


def read(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    feed = feedparser.parse(answer.content)
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_says_all_there_is(client, rich, settings, path):
    feed = read(client, path)
    assert feed.version == "atom10"
    assert feed.feed.title
    assert feed.feed.id.startswith(settings.SITE_URL)
    [entry] = feed.entries
    assert entry.title in {'Rent &amp; "keys" &lt;soon&gt;', 'Rent & "keys" <soon>'}
    assert entry.link == f"{settings.SITE_URL}{rich.get_absolute_url()}"
    assert [author.name for author in entry.authors] == ["Alice Adeyemi", "Bob Brandt"] or entry.author
    assert {tag.label or tag.term for tag in entry.tags} >= {
        "Homelessness",
        "Food",
        "rent",
        "front desk",
        "Kenya",
        "Emerging approach",
    }
    assert "Harbor Street Housing Desk" in str(entry)
    text = entry.content[0].value
    assert "<strong>saw</strong>" in text
    assert "one &amp; two" in text
    assert "three &lt;four&gt;" in text
    assert "Ask first" in entry.summary


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_keeps_to_rfc_4287(client, rich, settings, path):
    root = ET.fromstring(client.get(path).content)
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", element.findtext(f"{ATOM}updated") or ""
        )
    own = [link for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert [link.get("href") for link in own] == [f"{settings.SITE_URL}{path}"]
    for entry in root.findall(f"{ATOM}entry"):
        assert entry.findall(f"{ATOM}author") or root.findall(f"{ATOM}author")
        assert entry.find(f"{ATOM}content").get("type") == "html"


@pytest.mark.parametrize("path", FEEDS)
def test_links_in_the_text_lead_to_the_site_from_anywhere(client, rich, settings, path):
    entry = read(client, path).entries[0]
    assert f'href="{settings.SITE_URL}/about/"' in entry.content[0].value
    assert f'href="{settings.SITE_URL}/members/charlie/"' in entry.content[0].value


@pytest.mark.parametrize("path", FEEDS)
def test_an_unchanged_feed_is_a_304(client, rich, path):
    first = client.get(path)
    assert first["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 304
    assert client.get(path, headers={"if-modified-since": first["Last-Modified"]}).status_code == 304


def test_a_new_post_is_in_its_feeds_at_once(client, alice, rich):
    before = {path: client.get(path) for path in FEEDS}
    make_post(
        alice, "Rent again", rung=Rung.EMERGING, tags=["rent"], places=[place("KE")], issue_areas=[area(), area("food")]
    )
    for path in FEEDS:
        after = client.get(path, headers={"if-none-match": before[path]["ETag"]})
        assert after.status_code == 200
        assert feedparser.parse(after.content).entries[0].title == "Rent again"


def test_an_entry_keeps_its_id_and_says_when_it_changed(client, alice, rich):
    [before] = read(client, "/feed.atom").entries
    publish_version(rich, content("A clearer title", case=CASE), by=alice, note="Clearer.", base=1)
    [after] = read(client, "/feed.atom").entries
    assert (after.id, after.published) == (before.id, before.published)
    assert after.updated > before.updated
    assert after.title == "A clearer title"


def test_a_withdrawn_post_leaves_its_feeds(client, alice, rich):
    read(client, "/feed.atom")
    withdraw(rich, by=alice)
    assert not read(client, "/feed.atom").entries
    assert client.get(f"{rich.get_absolute_url()}feed.atom").status_code == 410


def test_a_posts_feed_tells_its_versions_moves_and_comments(client, alice, charlie, rich):
    publish_version(rich, content("A clearer title", case=CASE), by=alice, note="Clearer numbers.", base=1)
    kept = make_comment(rich, charlie, "In *Leeds* too.")
    withdraw_comment(make_comment(rich, charlie, "Wrong, sorry."), by=charlie)
    path = f"{rich.get_absolute_url().replace('rent-keys-soon', 'a-clearer-title')}feed.atom"
    feed = read(client, path)
    everything = " ".join(
        f"{entry.title} {entry.get('summary', '')} {entry.get('content', '')}" for entry in feed.entries
    )
    assert "Clearer numbers." in everything
    assert "Leeds" in everything
    assert "Emerging approach" in everything
    assert "Wrong, sorry." not in everything
    assert any(
        entry.link.endswith(f"#comment-{kept.pk}") or f"/comments/{kept.pk}/" in entry.link for entry in feed.entries
    )


def test_a_feed_has_the_newest_twenty_and_says_where_older_ones_are(client, alice):
    for number in range(23):
        make_post(alice, f"Post {number}")
    feed = read(client, "/feed.atom")
    assert len(feed.entries) == 20
    assert feed.entries[0].title == "Post 22"


def test_an_empty_feed_is_valid(client, db):
    organization = make_organization(name="Nobody yet")
    feed = read(client, f"/organizations/{organization.slug}/feed.atom")
    assert feed.entries == []
    assert feed.feed.updated


@pytest.mark.parametrize(
    "path", ["/issue-areas/nowhere/feed.atom", "/members/nobody/feed.atom", "/posts/9999/x/feed.atom"]
)
def test_the_feed_of_nothing_is_not_found(client, db, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "query", ["rung=", "rung=top", "tag=nothing-like-it", "place=x", "older=garbage", "q=" + "x" * 3000]
)
def test_odd_filters_are_no_fault(client, rich, query):
    assert client.get(f"/search/feed.atom?{query}").status_code in (200, 400, 404)
