"""The private feed: everything one member follows, for whoever holds its key, and kept and indexed by nobody."""

import io
import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.members.models import Member
from knowledge.feeds import views
from knowledge.feeds.private import holder_of
from knowledge.posts.actions import withdraw
from knowledge.search.filters import parse
from knowledge.search.saved import save_search
from knowledge.stored import kept
from knowledge.subscriptions.actions import mute, new_feed_key, subscribe, unsubscribe
from knowledge.subscriptions.models import Followable
from knowledge.subscriptions.private_feed import private_feed_address
from tests.feeds.validity import FORMS, read
from tests.make import area, make_comment, make_post


@pytest.fixture
def address(charlie, organization) -> str:
    """The feed of Charlie, who follows the organization, but for its form."""
    subscribe(Followable.ORGANIZATION, organization.pk, by=charlie)
    assert private_feed_address(charlie) == ""
    new_feed_key(charlie)
    return private_feed_address(charlie).removeprefix("http://localhost:8000")


@pytest.mark.parametrize("form", FORMS)
def test_it_has_what_its_member_follows_and_nothing_else(client, alice, charlie, address, form):
    followed = make_post(alice, "Followed")
    make_post(charlie, "Of another organization")
    feed = read(client, f"{address}.{form}")
    assert [entry.title for entry in feed.entries] == ["Followed"]
    assert feed.entries == read(client, f"/organizations/harbor-street/feed.{form}").entries
    assert "hub" not in feed.links
    withdraw(followed, by=alice)
    assert read(client, f"{address}.{form}").entries == []


@pytest.mark.parametrize("form", FORMS)
def test_nobody_keeps_or_indexes_it(client, alice, address, form):
    make_post(alice)
    for headers in ({}, {"if-none-match": client.get(f"{address}.{form}")["ETag"]}):
        answer = client.get(f"{address}.{form}", headers=headers)
        assert answer["Cache-Control"] == "private, no-store"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert not answer.cookies
    assert not any(address in str(key) for key in [*kept.pages.things, *kept.listings.things])


@pytest.mark.parametrize("form", FORMS)
def test_unchanged_it_is_a_304_for_one_query(client, alice, address, django_assert_num_queries, form):
    make_post(alice)
    path = f"{address}.{form}"
    tag = client.get(path)["ETag"]
    with django_assert_num_queries(1):
        assert client.get(path, headers={"if-none-match": tag}).status_code == 304
    with django_assert_num_queries(4):
        assert client.get(path, headers={"if-none-match": "garbage"}).status_code == 200


def test_its_tag_changes_with_what_is_followed_and_what_is_in_it(client, alice, charlie, address, post):
    path, tags = f"{address}.atom", []

    def changed() -> bool:
        tags.append(client.get(path)["ETag"])
        return tags.count(tags[-1]) == 1

    assert changed()
    assert not changed()
    make_post(alice, "Another")
    assert changed()
    make_post(charlie, "Not followed", issue_areas=[area("food")])
    assert not changed()
    subscribe(Followable.AREA, area("food").pk, by=charlie)
    assert changed()
    make_post(charlie, "Followed now", issue_areas=[area("food")])
    assert changed()
    unsubscribe(Followable.AREA, area("food").pk, by=charlie)
    assert changed()
    mute(charlie, post.pk)
    assert changed()
    assert [entry.title for entry in read(client, path).entries] == ["Another"]


@pytest.mark.parametrize("form", FORMS)
def test_a_new_key_ends_the_old_address_at_once(client, charlie, address, form):
    tag = client.get(f"{address}.{form}")["ETag"]
    new_feed_key(charlie)
    for headers in ({}, {"if-none-match": tag}, {"if-none-match": "*"}):
        answer = client.get(f"{address}.{form}", headers=headers)
        assert answer.status_code == 404
        assert answer["Cache-Control"] == "private, no-store"
    fresh = private_feed_address(charlie).removeprefix("http://localhost:8000")
    assert fresh != address
    assert client.get(f"{fresh}.{form}").status_code == 200


@pytest.mark.parametrize("key", ["x", "None", "'", "%00", "%ff", "x" * 5000, "feed.atom", "-"])
def test_no_other_key_opens_anything(client, address, key):
    assert client.get(f"/feeds/{key}/feed.atom").status_code in (400, 404)


def test_a_member_who_is_no_more_has_no_feed(client, charlie, address):
    Member.objects.filter(pk=charlie.pk).update(is_active=False)
    assert client.get(f"{address}.json").status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_it_is_paged_and_meets_each_post_once(client, alice, charlie, address, organization, form):
    subscribe(Followable.AREA, area().pk, by=charlie)  # the same posts, twice followed
    posts = [make_post(alice, f"Post {number}") for number in range(47)]
    mute(charlie, posts[30].pk)
    found, path = [], f"{address}.{form}"
    while path:
        feed = read(client, path)
        assert not feed.is_archive
        assert "prev-archive" not in feed.links
        found += [entry.title for entry in feed.entries]
        path = feed.older
    assert found == [post.title for post in reversed(posts) if post != posts[30]]


def test_it_has_the_posts_of_saved_searches(client, rf, alice, charlie, address):
    new = make_post(charlie, "A warm room", issue_areas=[area("food")])
    make_post(charlie, "A cold one", issue_areas=[area("food")])
    other = make_post(charlie, "Elsewhere", tags=["rent"])
    for query in ("q=warm", "tag=rent"):
        saved = save_search(parse(rf.get(f"/?{query}").GET), query)
        before = client.get(f"{address}.atom")["ETag"]
        subscribe(Followable.SEARCH, saved.pk, by=charlie)
        assert client.get(f"{address}.atom")["ETag"] != before
    assert [entry.title for entry in read(client, f"{address}.atom").entries] == ["Elsewhere", "A warm room"]
    mute(charlie, other.pk)
    assert [entry.title for entry in read(client, f"{address}.atom").entries] == ["A warm room"]
    tag = client.get(f"{address}.atom")["ETag"]
    make_comment(new, alice, "Where?")
    assert client.get(f"{address}.atom")["ETag"] != tag


def test_no_key_stands_in_a_log(client, address, monkeypatch):
    console = next(each for each in logging.getLogger("django").handlers if type(each) is logging.StreamHandler)
    written = io.StringIO()
    monkeypatch.setattr(console, "stream", written)
    key = address.split("/")[2]
    client.get(f"/feeds/{key}x/feed.atom")
    client.get(f"/feeds/{key}/nothing")

    def fails(key):
        raise ValueError("It fails.")

    monkeypatch.setattr(views, "holder_of", fails)
    client.raise_request_exception = False
    assert client.get(f"{address}.atom").status_code == 500
    assert "It fails." in written.getvalue()
    assert "/feeds/…" in written.getvalue()
    assert key not in written.getvalue()


def test_the_holder_of_a_key_is_found_along_indexes(charlie, address):
    with CaptureQueriesContext(connection) as queries:
        assert holder_of(address.split("/")[2])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {queries.captured_queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
