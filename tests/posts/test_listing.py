"""Lists: in order, a page at a time, never a post twice or not at all."""

import datetime as dt
import re
from html import unescape

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from knowledge.posts.actions import put_on_rung
from knowledge.posts.listing import HOME, Key, listed, relist
from knowledge.posts.rungs import Rung
from tests.make import area, make_post, place

EVERYONE = AnonymousUser()


@pytest.fixture
def forty_five(alice):
    """Posts of which several were published in the same moment."""
    start = timezone.now() - dt.timedelta(days=60)
    return [make_post(alice, f"Learning {n}", at=start + dt.timedelta(hours=n // 3)) for n in range(45)]


def test_pages_hold_every_post_once_and_in_order(forty_five):
    seen, last = [], None
    while rows := listed(EVERYONE, [HOME], older_than=last, limit=10):
        seen += rows
        last = rows[-1]
    assert [row.number for row in seen] == [post.number for post in reversed(forty_five)]


def test_back_leads_where_one_came_from(forty_five):
    first = listed(EVERYONE, limit=10)
    second = listed(EVERYONE, older_than=first[-1], limit=10)
    assert listed(EVERYONE, newer_than=second[0], limit=10) == first


def test_a_post_published_meanwhile_moves_no_page(forty_five, alice):
    first = listed(EVERYONE, limit=10)
    before = listed(EVERYONE, older_than=first[-1], limit=10)
    make_post(alice, "New")
    assert listed(EVERYONE, older_than=first[-1], limit=10) == before


def test_recently_moved_goes_first_when_asked_for(forty_five, alice):
    oldest = forty_five[0]
    put_on_rung(oldest, Rung.EMERGING, by=alice, why="Two cities saw it.", version=oldest.shown)
    relist(oldest)
    assert listed(EVERYONE, moved=True)[0].number == oldest.number
    assert listed(EVERYONE)[0].number == forty_five[-1].number


def test_filters_combine(alice):
    kenya, both = (
        make_post(alice, "A", places=[place("KE")]),
        make_post(alice, "B", places=[place("KE")], tags=["rent"]),
    )
    make_post(alice, "C", tags=["rent"], issue_areas=[area("food")])
    tag = both.tags.get()
    assert [row.number for row in listed(EVERYONE, [Key("place", place("KE").pk)])] == [both.number, kenya.number]
    keys = [Key("tag", tag.pk), Key("area", area("housing").pk)]
    assert [row.number for row in listed(EVERYONE, keys)] == [both.number]
    assert listed(EVERYONE, keys, standings=[Rung.EMERGING]) == []


def test_a_list_costs_one_query(forty_five, django_assert_num_queries):
    key = Key("area", area().pk)
    with django_assert_num_queries(1):
        listed(EVERYONE, [key], standings=[Rung.HUNCH])


def test_older_and_newer_links_lead_through_a_list(client, forty_five):
    seen, path = [], "/issue-areas/homelessness/"
    while path:
        page = client.get(path).content.decode()
        seen += dict.fromkeys(re.findall(r'href="/posts/(\d+)/', page.partition('<ul class="cards">')[2]))
        older = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = unescape(older[1]) if older else ""
    assert len(seen) == len(set(seen)) == 45


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("tag=no-such-tag", 404),
        ("rung=ladder", 404),
        ("organization=nobody", 404),
        ("place=atlantis", 404),
        ("area=nothing", 404),
        ("sort=best", 400),
        ("older=yesterday", 400),
        ("older=99999999999999999999999-1", 400),
        ("older=1-99999999999999999999", 400),
        ("newer=-", 400),
        ("rung=hunch&rung=emerging&sort=moved", 200),
        ("q=" + "x" * 5000, 200),
        ("utm_source=somewhere", 200),
    ],
)
def test_odd_filters_get_a_proper_answer(client, post, query, status):
    for path in ("/issue-areas/housing/", "/search/", "/search/feed.atom", "/issue-areas/housing/feed.atom"):
        assert client.get(f"{path}?{query}").status_code == status, path
