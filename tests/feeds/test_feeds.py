"""Feeds: valid in each form, with the full text and the same in all three, for every list; and cheap when nothing changed."""

import datetime as dt
import gzip
import json
import re
from html import unescape

import pytest
from django.db import connection
from django.utils import timezone

from knowledge.comments.actions import withdraw_comment
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.posts.actions import publish_version, withdraw
from knowledge.posts.rungs import Rung
from knowledge.stored import kept
from knowledge.stored.fragments import stale
from knowledge.topics import tree
from tests.feeds.validity import FORMS, TYPES, read
from tests.make import CASE, area, content, make_comment, make_organization, make_post, place

BODY = """We **saw** it:

- one & two
- three <four>

Ask @charlie, or [us](/about/), or see[^1]. `href="/x"` stays.

[^1]: Below.

]]> \U0001f600"""


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


LISTS = [
    "/feed.{}",
    "/issue-areas/homelessness/feed.{}",
    "/issue-areas/housing/feed.{}",
    "/tags/rent/feed.{}",
    "/places/kenya/feed.{}",
    "/organizations/harbor-street/feed.{}",
    "/members/alice/feed.{}",
    "/search/feed.{}?q=rent",
    "/search/feed.{}?rung=emerging&tag=rent",
    "/issue-areas/food/feed.{}?place=kenya&rung=emerging",
    "/issue-areas/food/feed.{}?sort=moved",
]
FEEDS = [path.format(form) for path in LISTS for form in FORMS]


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_says_all_there_is(client, charlie, rich, settings, path):
    feed = read(client, path)
    assert feed.links["self"] == f"{settings.SITE_URL}{path}"
    assert not feed.is_archive
    [entry] = feed.entries
    assert entry.id == f"{settings.SITE_URL}/posts/{rich.number}/"
    assert entry.url == f"{settings.SITE_URL}{rich.get_absolute_url()}"
    assert entry.title == 'Rent & "keys" <soon>'
    assert entry.summary == "Ask first & listen."
    assert entry.authors == [f"{name} (Harbor Street Housing Desk)" for name in ("Alice Adeyemi", "Bob Brandt")]
    assert entry.labels[:2] == ["Emerging approach", "Harbor Street Housing Desk"]
    assert set(entry.labels[2:]) == {"Homelessness", "Food", "rent", "front desk", "Kenya"}
    assert (entry.published, entry.updated) == (rich.published_at.replace(microsecond=0),) * 2
    assert "<strong>saw</strong>" in entry.html
    assert "one &amp; two" in entry.html
    assert "three &lt;four&gt;" in entry.html
    assert "What was tried" in entry.html


@pytest.mark.parametrize("path", LISTS)
def test_the_forms_say_the_same(client, rich, path):
    atom, rss, as_json = (read(client, path.format(form)) for form in FORMS)
    assert atom.entries == rss.entries == as_json.entries
    assert atom.title == rss.title == as_json.title
    assert atom.updated == rss.updated


def test_json_feed_says_what_it_has_no_word_for_in_its_own(client, rich, settings):
    [item] = json.loads(client.get("/feed.json").content)["items"]
    assert item["_commons"]["standing"] == {"slug": "emerging", "label": "Emerging approach"}
    assert item["_commons"]["organization"]["url"] == f"{settings.SITE_URL}/organizations/harbor-street/"
    assert item["_commons"]["licence"].startswith("CC BY 4.0")


@pytest.mark.parametrize("form", FORMS)
def test_links_in_the_text_lead_to_the_site_from_anywhere(client, charlie, rich, settings, form):
    html = read(client, f"/feed.{form}").entries[0].html
    assert f'href="{settings.SITE_URL}/about/"' in html
    assert f'href="{settings.SITE_URL}/members/charlie/"' in html
    assert f'href="{settings.SITE_URL}{rich.get_absolute_url()}#' in html  # to the footnote, and back
    assert 'href="/x" stays' in html.replace("</code>", "").replace("&quot;", '"')


@pytest.mark.parametrize("form", FORMS)
def test_nothing_in_a_feed_is_relative(client, alice, settings, form):
    text = "[a](about) [b](../../x/?y=1&z) [c](?q=1) [d](#e) [f](//evil.test/g) ![h](/attachments/7/van-600x800.webp) [i](i.html)"
    post = make_post(alice, body=text)
    make_comment(post, alice, text)
    page = f"{settings.SITE_URL}{post.get_absolute_url()}"
    entries = [*read(client, f"/feed.{form}").entries, *read(client, f"{post.get_absolute_url()}feed.{form}").entries]
    told = " ".join(entry.html for entry in entries)
    addresses = [unescape(link) for link in re.findall(r'(?:href|src)="([^"]*)"', told)]
    assert len(addresses) >= 21
    assert all(re.match(r"https?://", address) for address in addresses), addresses
    assert f"{page}about" in addresses
    assert f"{settings.SITE_URL}/posts/x/?y=1&z" in addresses
    assert f"{page}?q=1" in addresses
    assert f"{settings.SITE_URL}/attachments/7/van-600x800.webp" in addresses
    assert f"{settings.SITE_URL.partition('//')[0]}//evil.test/g" in addresses


@pytest.mark.parametrize("path", FEEDS)
def test_an_unchanged_feed_is_a_304_for_one_query(client, rich, django_assert_num_queries, path):
    first = client.get(path)
    assert first["Content-Type"] == TYPES[path.partition("?")[0].rpartition(".")[2]]
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        for known in (True, False):  # to this process, from a moment ago
            if not known:
                kept.listings.things.clear()
                kept.pages.things.clear()
            with django_assert_num_queries(1):
                again = client.get(path, headers=headers)
            assert again.status_code == 304
            assert again["ETag"] == first["ETag"]
            assert not again.content


def test_the_stamp_of_an_address_is_found_along_indexes(rich):
    from knowledge.feeds import unchanged

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for kind, where in unchanged.NAMED_BY.items():
            cursor.execute(
                "EXPLAIN SELECT number FROM knowledge_stamp WHERE listing ="
                f" (SELECT %s || '-' || id FROM {where} = %s)",
                [kind, "rent"],
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("tag", ["garbage", '"', 'W/"', '"x', "\x00", ",,,", '"' + "x" * 5000 + '"', "W/'1'"])
def test_a_tag_that_is_none_of_ours_is_ignored(client, rich, path, tag):
    assert client.get(path, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("path", ["/tags/nowhere/feed.rss", "/members/nobody/feed.json"])
def test_what_is_not_there_is_not_unchanged(client, db, path):
    assert client.get(path, headers={"if-none-match": "*"}).status_code == 404


def test_a_closed_accounts_feed_is_not_unchanged(client, alice, rich):
    tag = client.get("/members/alice/feed.atom")["ETag"]
    alice.is_active = False
    alice.save()
    kept.listings.things.clear()
    assert client.get("/members/alice/feed.atom", headers={"if-none-match": tag}).status_code == 404


def test_a_new_post_is_in_its_feeds_at_once(client, alice, rich):
    before = {path: client.get(path) for path in FEEDS}
    make_post(
        alice, "Rent again", rung=Rung.EMERGING, tags=["rent"], places=[place("KE")], issue_areas=[area(), area("food")]
    )
    for path in FEEDS:
        assert client.get(path, headers={"if-none-match": before[path]["ETag"]}).status_code == 200
        assert read(client, path).entries[0].title == "Rent again"


@pytest.mark.parametrize("form", FORMS)
def test_an_entry_keeps_its_id_and_says_when_it_changed(client, alice, charlie, rich, form):
    [before] = read(client, f"/feed.{form}").entries
    make_comment(rich, charlie, "In Leeds too.")
    assert read(client, f"/feed.{form}").entries == [before]
    publish_version(rich, content("A clearer title", case=CASE), by=alice, note="Clearer.", base=1)
    [after] = read(client, f"/feed.{form}").entries
    assert (after.id, after.published) == (before.id, before.published)
    assert after.updated > before.updated
    assert after.title == "A clearer title"


@pytest.mark.parametrize("form", FORMS)
def test_a_move_changes_when_an_entry_was_updated(client, alice, rich, form):
    [before] = read(client, f"/feed.{form}").entries
    lesson = AfterAction(expected="Fewer.", happened="As many.", because="The wait.", next_time="Ask first.")
    set_aside(rich, by=alice, why="It did not hold up.", lesson=lesson)
    [after] = read(client, f"/feed.{form}").entries
    assert after.id == before.id
    assert after.updated > before.updated
    assert after.labels[0] == "Set aside"
    assert "It did not hold up." in after.html


@pytest.mark.parametrize("form", FORMS)
def test_a_withdrawn_post_leaves_its_feeds(client, alice, rich, form):
    assert read(client, f"/feed.{form}").entries
    withdraw(rich, by=alice)
    assert not read(client, f"/feed.{form}").entries
    assert client.get(f"{rich.get_absolute_url()}feed.{form}").status_code == 410


@pytest.mark.parametrize("form", FORMS)
def test_a_posts_feed_tells_its_versions_moves_and_comments(client, alice, charlie, rich, settings, form):
    publish_version(rich, content("A clearer title", case=CASE), by=alice, note="Clearer numbers.", base=1)
    there = make_comment(rich, charlie, "In *Leeds* too. See [us](/about/).")
    withdraw_comment(make_comment(rich, charlie, "Wrong, sorry."), by=charlie)
    feed = read(client, f"/posts/{rich.number}/a-clearer-title/feed.{form}")
    assert feed.links["self"] == f"{settings.SITE_URL}/posts/{rich.number}/feed.{form}"
    assert feed == read(client, feed.links["self"])
    comment, version, *others = feed.entries
    assert comment.title == "Comment by Charlie Chen"
    assert "<em>Leeds</em>" in comment.html
    assert comment.url.endswith(f"a-clearer-title/#comment-{there.pk}")
    assert version.summary == "Clearer numbers."
    assert {entry.title for entry in others} == {
        'Version 1: Rent & "keys" <soon>',
        "Began as an Emerging approach",
    }
    assert all("Harbor Street Housing Desk" in entry.labels for entry in feed.entries)
    assert "Wrong, sorry." not in str(feed)


@pytest.mark.parametrize("form", FORMS)
def test_a_feed_has_the_newest_twenty(client, alice, form):
    for number in range(23):
        make_post(alice, f"Post {number}")
    feed = read(client, f"/feed.{form}")
    assert [entry.title for entry in feed.entries] == [f"Post {number}" for number in range(22, 2, -1)]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_feed_is_valid(client, db, form):
    organization = make_organization(name="Nobody & <yet>")
    feed = read(client, f"/organizations/{organization.slug}/feed.{form}")
    assert feed.entries == []
    assert feed.title == "Nobody & <yet> - The Commons"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("odd", ["\x01", "\x0b", "\x1f", "\ufffe", "\uffff", "\x7f\x85"])
def test_no_character_in_a_row_breaks_a_feed(client, alice, rich, form, odd):
    """The gate refuses them; a row written past it is still told, with a mark in the character's place."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # versions refuse to be changed
        cursor.execute(
            "UPDATE knowledge_version SET title = 'A' || %s || 'Z', body = %s, takeaway = %s, tried = %s",
            [odd, f"b{odd}b", f"t{odd}t", f"c{odd}c"],
        )
        cursor.execute("UPDATE accounts_organization SET name = 'O' || %s || 'O'", [odd])
        cursor.execute("UPDATE accounts_member SET name = 'M' || %s || 'M'", [odd])
        cursor.execute("SET LOCAL session_replication_role = origin")
    for kind in ("entry", "entry-rss", "entry-json", "body"):
        stale(kind, [rich.pk, rich.shown_id])
    for path in (f"/feed.{form}", f"/organizations/harbor-street/feed.{form}", f"/posts/{rich.number}/feed.{form}"):
        [entry] = [entry for entry in read(client, path).entries if entry.title.endswith("Z")]
        assert entry.title.partition(": ")[2 if "posts" in path else 0].startswith("A")


def test_every_list_announces_its_feed_in_each_form(client, rich):
    for path in (
        "/",
        "/issue-areas/housing/",
        "/tags/rent/",
        "/places/kenya/",
        "/organizations/harbor-street/",
        "/members/alice/",
        rich.get_absolute_url(),
        "/search/?rung=emerging&tag=rent",
    ):
        html = client.get(path).content.decode()
        where, _, query = path.partition("?")
        for form in FORMS:
            kind, address = TYPES[form].partition(";")[0], f"{where}feed.{form}{f'?{query}' if query else ''}"
            [line] = [line for line in html.splitlines() if f'rel="alternate" type="{kind}"' in line]
            assert f'href="{address.replace("&", "&amp;")}"' in line
            assert client.get(address).status_code == 200


@pytest.mark.parametrize("path", ["/issue-areas/nowhere/feed.{}", "/members/nobody/feed.{}", "/posts/9999/x/feed.{}"])
@pytest.mark.parametrize("form", FORMS)
def test_the_feed_of_nothing_is_not_found(client, db, path, form):
    assert client.get(path.format(form)).status_code == 404


@pytest.mark.parametrize(
    "query", ["rung=", "rung=top", "tag=nothing-like-it", "place=x", "older=garbage", "older=1-1", "q=" + "x" * 3000]
)
@pytest.mark.parametrize("form", FORMS)
def test_odd_filters_are_no_fault(client, rich, query, form):
    for headers in ({}, {"if-none-match": "*"}, {"if-modified-since": "garbage"}):
        assert client.get(f"/search/feed.{form}?{query}", headers=headers).status_code in (200, 304, 400, 404)


@pytest.mark.parametrize("path", ["/feed.xml", "/feed.atomic", "/feed.rss/x", "/tags/rent/feed."])
def test_there_are_three_forms(client, rich, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_is_gzipped_for_who_takes_it(client, rich, path):
    plain = client.get(path)
    for _ in range(2):  # made, and kept
        packed = client.get(path, headers={"accept-encoding": "br, gzip;q=0.5"})
        assert packed["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.content) == plain.content
        assert int(packed["Content-Length"]) == len(packed.content) < len(plain.content)
        assert packed["ETag"] == plain["ETag"]
    again = client.get(path, headers={"accept-encoding": "gzip", "if-none-match": plain["ETag"]})
    assert again.status_code == 304
    for answer in (plain, packed, again):
        assert {"Accept-Encoding", "Cookie"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize("takes", ["", "identity", "gzip;q=0", "gzip; q=0.0, br", "x-gzipped"])
def test_and_for_nobody_else(client, rich, takes):
    assert "Content-Encoding" not in client.get("/feed.rss", headers={"accept-encoding": takes})
    assert "Content-Encoding" not in client.get("/", headers={"accept-encoding": "gzip"})


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/feed.{}", 2),
        ("/issue-areas/housing/feed.{}", 2),
        ("/tags/rent/feed.{}", 3),
        ("/members/alice/feed.{}", 3),
        ("/search/feed.{}?q=rent", 8),  # four of them for its own time limit
        ("/feed.{}?older=9000000000000000-1", 3),
        ("/posts/{number}/feed.{}", 6),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_a_feed_costs_whatever_its_form(
    client, alice, rich, monkeypatch, django_assert_num_queries, path, queries, form
):
    monkeypatch.setattr(tree, "monotonic", lambda: 0.0)  # nothing is due to be made again
    for number in range(4):
        make_post(alice, f"Rent {number}", tags=["rent"])
    path = path.format(form, number=rich.number)
    client.get(path)
    kept.pages.things.clear()
    with django_assert_num_queries(queries):
        client.get(path)
