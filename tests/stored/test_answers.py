"""Validators, 304s and pages kept in process: always what the stamp says."""

import pytest

from accounts.members.models import Member
from knowledge.posts.actions import withdraw
from knowledge.stored import kept
from tests.make import make_comment, make_post

PAGES = ["/", "/issue-areas/", "/issue-areas/housing/", "/search/", "/feed.atom", "/issue-areas/housing/feed.atom"]


@pytest.mark.parametrize("path", PAGES)
def test_an_unchanged_page_is_answered_with_304(client, post, path):
    first = client.get(path)
    assert first.status_code == 200
    again = client.get(path, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get(path, headers={"if-modified-since": first["Last-Modified"]}).status_code == 304


@pytest.mark.parametrize("path", [*PAGES, "/posts/{number}/paying-at-the-viewing-keeps-homes/"])
def test_a_304_costs_one_query_beside_the_thing_itself(client, post, path, django_assert_max_num_queries):
    path = path.format(number=post.number)
    etag = client.get(path)["ETag"]
    with django_assert_max_num_queries(2):
        assert client.get(path, headers={"if-none-match": etag}).status_code == 304


@pytest.mark.parametrize("path", PAGES)
def test_a_304_says_what_the_page_said_of_itself(client, post, path, django_assert_num_queries):
    first = client.get(path)
    with django_assert_num_queries(1):  # the stamp: no view is asked
        again = client.get(path, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    for header in ("ETag", "Last-Modified", "Cache-Control", "Content-Security-Policy", "Referrer-Policy"):
        assert again[header] == first[header], header
    assert {"Cookie"} <= set(again["Vary"].split(", "))


def test_an_address_that_leads_nowhere_now_is_asked_again_within_seconds(client, alice, post, monkeypatch):
    first = client.get("/members/alice/")
    Member.objects.filter(pk=alice.pk).update(is_active=False)  # by hand: no stamp moves
    headers = {"if-none-match": first["ETag"]}
    assert client.get("/members/alice/", headers=headers).status_code == 304
    later = kept.monotonic() + kept.TRUSTED_SECONDS
    monkeypatch.setattr(kept, "monotonic", lambda: later)
    assert client.get("/members/alice/", headers=headers).status_code == 404


def test_what_was_withdrawn_is_gone_at_once_for_those_who_have_it_too(client, alice, post):
    path = post.get_absolute_url()
    headers = {"if-none-match": client.get(path)["ETag"]}
    assert client.get(path, headers=headers).status_code == 304
    withdraw(post, by=alice)
    assert client.get(path, headers=headers).status_code == 410


def test_a_member_is_never_answered_for_a_reader_without_a_cookie(client, signed_in, alice, post):
    browser = signed_in(alice)
    etag = client.get("/")["ETag"]
    answer = browser.get("/", headers={"if-none-match": etag})
    assert answer.status_code == 200
    assert "your account" in answer.content.decode()


def test_a_page_is_fresh_at_once_after_a_change(client, alice, post):
    before = client.get("/")
    make_post(alice, "The second of its kind")
    after = client.get("/", headers={"if-none-match": before["ETag"]})
    assert after.status_code == 200
    assert "The second of its kind" in after.content.decode()


def test_a_comment_shows_on_the_card_and_the_page_at_once(client, charlie, post):
    path = post.get_absolute_url()
    client.get("/"), client.get(path)
    make_comment(post, charlie, "We see this in Leeds.")
    assert "We see this in Leeds." in client.get(path).content.decode()
    assert 'class="hidden"> comment</span>' in client.get("/").content.decode()


@pytest.mark.parametrize("tag", ["garbage", '"', "W/", '"a" "b', "*,*", "é", "x" * 5000])
def test_garbage_in_a_validator_is_no_fault(client, post, tag):
    assert client.get("/", headers={"if-none-match": tag}).status_code in (200, 304)
    assert client.get("/", headers={"if-modified-since": tag}).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_the_anonymous_get_no_cookie_and_no_form_that_posts(client, post, path):
    answer = client.get(path)
    assert not answer.cookies
    assert 'method="post"' not in answer.content.decode().lower()
    assert answer["Cache-Control"] == "public, max-age=0, s-maxage=5"
    assert "Cookie" in answer["Vary"]


def test_a_members_page_is_their_own(signed_in, alice, charlie, post):
    path = post.get_absolute_url()
    first = signed_in(alice).get(path)
    assert first["Cache-Control"] == "private, no-cache"
    other = signed_in(charlie).get(path, headers={"if-none-match": first["ETag"]})
    assert other.status_code == 200
    assert "edit/" not in other.content.decode()


def test_what_one_reader_sees_is_never_kept_for_another(signed_in, client, alice, post):
    path = post.get_absolute_url()
    assert "Write the next version" in signed_in(alice).get(path).content.decode()
    assert "Write the next version" not in client.get(path).content.decode()
