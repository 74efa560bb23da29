"""Archived feeds (RFC 5005, section 4): from the newest document back to the first, every post once; and no archive changes."""

import datetime as dt
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from knowledge.feeds.archives import MOST, is_milestone
from knowledge.posts.actions import withdraw
from knowledge.posts.listing import Row
from knowledge.posts.models import Post
from knowledge.stored import kept
from tests.feeds.validity import FORMS, read
from tests.make import area, make_comment, make_post, place

POSTS = 240
BEGAN = timezone.now().replace(microsecond=250_000) - dt.timedelta(days=POSTS)


def publish(by, number: int, **fields):
    """Every third post is on rent, every second in Kenya; three at a time have the same moment."""
    return make_post(
        by,
        f"Post {number} on rent" if number % 3 == 0 else f"Post {number}",
        tags=["rent"] if number % 3 == 0 else ["keys"],
        places=[place("KE")] if number % 2 == 0 else [],
        issue_areas=[area()],
        at=BEGAN + dt.timedelta(days=number // 3),
        **fields,
    )


@pytest.fixture
def many(alice):
    return [publish(alice, number) for number in range(POSTS)]


def walk(client, path: str, meanwhile=lambda: None) -> list[tuple[str, list[str]]]:
    """Each document on the way back, by its address, with the ids of its entries."""
    documents = []
    while path:
        feed = read(client, path)
        assert feed.links["self"].endswith(path)
        documents.append((path, [entry.id for entry in feed.entries]))
        assert len(documents) < 100, "it does not end"
        path = feed.older.removeprefix("http://localhost:8000")
        meanwhile()
    return documents


LISTS = {
    "/feed.{}": lambda number: True,
    "/tags/rent/feed.{}": lambda number: number % 3 == 0,
    "/places/kenya/feed.{}": lambda number: number % 2 == 0,
    "/members/alice/feed.{}": lambda number: True,
    "/organizations/harbor-street/feed.{}?place=kenya&tag=rent": lambda number: number % 6 == 0,
    "/search/feed.{}?q=rent": lambda number: number % 3 == 0,
    "/search/feed.{}?rung=hunch": lambda number: True,
    "/search/feed.{}?sort=moved": lambda number: True,
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.long
def test_walking_back_meets_every_post_once_though_more_are_published_meanwhile(client, alice, many, settings, form):
    numbers = itertools.count(6 * POSTS, step=6)  # of posts that come into every list
    for path, is_in in LISTS.items():
        made: list[Post] = []
        found = walk(client, path.format(form), lambda made=made: made.append(publish(alice, next(numbers))))
        wanted = [post.number for number, post in enumerate(many) if is_in(number)]
        assert [pk for _, ids in found for pk in ids] == [
            f"{settings.SITE_URL}/posts/{n}/" for n in reversed(wanted)
        ], path
        for post in made:
            withdraw(post, by=alice)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/feed.atom", "/tags/rent/feed.rss", "/search/feed.json?q=rent"])
def test_archives_stay_and_are_met_again(client, alice, many, path):
    """Who comes back after more was published reads what is new, and little else before an archive that they know."""
    before = dict(walk(client, path)[1:])
    there = {pk for _, ids in walk(client, path) for pk in ids}
    for number in range(POSTS, POSTS + 45):
        publish(alice, number)
    after = walk(client, path)
    known = [address in before for address, _ in after]
    assert all(known[known.index(True) :])
    again = [pk for _, ids in after[: known.index(True)] for pk in ids if pk in there]
    assert len(again) <= 20 + MOST
    for address, ids in before.items():  # those no longer linked to hold what they held
        assert [entry.id for entry in read(client, address).entries] == ids


@pytest.mark.slow
def test_archives_name_their_neighbours_and_the_newest(client, many, settings):
    for form in ("atom", "rss"):
        newest = read(client, f"/feed.{form}")
        assert newest.links.keys() == {"self", "prev-archive"} | ({"alternate"} if form == "atom" else set())
        found = walk(client, f"/feed.{form}")[1:]
        for number, (path, _) in enumerate(found):
            feed = read(client, path)
            assert feed.is_archive
            assert feed.links["current"] == f"{settings.SITE_URL}/feed.{form}"
            assert "next" not in feed.links
            assert ("prev-archive" in feed.links) == (number < len(found) - 1)
            if number > 1:  # the first ends where it happens to, and nothing ends there again
                assert feed.links["next-archive"] == f"{settings.SITE_URL}{found[number - 1][0]}"


@pytest.mark.slow
def test_what_is_sorted_by_moves_is_paged_and_no_archive(client, many, settings):
    first = read(client, "/feed.atom?sort=moved")
    assert first.links.keys() == {"self", "alternate", "next"}
    second = read(client, first.links["next"])
    assert second.links.keys() == {"self", "alternate", "next", "first"}
    assert second.links["first"] == f"{settings.SITE_URL}/feed.atom?sort=moved"
    assert not second.is_archive


@pytest.mark.slow
def test_a_withdrawn_post_leaves_its_archive_and_moves_no_other(client, alice, many):
    before = dict(walk(client, "/feed.atom")[1:])
    gone = many[100]
    withdraw(gone, by=alice)
    for address, ids in before.items():
        left = [pk for pk in ids if not pk.endswith(f"/posts/{gone.number}/")]
        assert [entry.id for entry in read(client, address).entries] == left


@pytest.mark.slow
def test_a_document_costs_the_same_however_many_there_are(client, many):
    for path in ("/feed.json", "/tags/rent/feed.json", "/search/feed.json?q=rent"):
        costs = set()
        for address, _ in walk(client, path):
            kept.pages.things.clear()
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            costs.add(len(queries))
            assert not any("OFFSET" in query["sql"].replace("OFFSET 0", "") for query in queries.captured_queries)
            assert not any(
                "count(*)" in query["sql"].lower() and "over ()" not in query["sql"].lower() for query in queries
            )
        assert max(costs) <= 9  # a search sets its own time limit, which is four


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_what_happens_on_a_post_is_archived_too(client, alice, charlie, form):
    post = make_post(alice)
    made = {make_comment(post, charlie, f"Number {number}").pk for number in range(180)}
    found = [pk for _, ids in walk(client, f"/posts/{post.number}/feed.{form}") for pk in ids]
    assert len(found) == len(set(found)) == 182
    assert {int(pk.rstrip("/").rpartition("/")[2]) for pk in found if "/comments/" in pk} == made


def test_milestones_are_about_as_far_apart_in_every_list():
    for step in (1, 2, 3, 7, 10, 21, 40, 64, 100):
        places = [place for place in range(40_000) if is_milestone(Row(place * step + 5, 0))]
        gaps = [later - earlier for earlier, later in itertools.pairwise(places)]
        assert 900 < len(places) < 1100
        assert max(gaps) < 3 * MOST
    numbers = [number for number in range(100_000) if is_milestone(Row(number, 0))]
    assert max(later - earlier for earlier, later in itertools.pairwise(numbers)) == 55


def test_a_list_with_a_few_posts_has_one_document(client, alice):
    make_post(alice)
    assert read(client, "/organizations/harbor-street/feed.atom").links.keys() == {"self", "alternate"}
