"""A search has a time of its own; what was found in it is shown, and that there is more."""

from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from knowledge.search import results as search
from knowledge.search.filters import Filters
from knowledge.search.results import TOO_MUCH, results
from knowledge.search.saved import save_search
from knowledge.subscriptions.actions import new_feed_key, subscribe
from knowledge.subscriptions.models import Followable
from knowledge.subscriptions.private_feed import private_feed_address
from tests.make import make_post


def limit_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()[0]


@pytest.fixture
def crowd(alice):
    """A post that can be found, and very many rows that take longer than a thousandth of a second."""
    post = make_post(alice, "Deposits at the viewing", body="Rents and deposits.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_words (kind, object_id, vector) SELECT 'post', n, to_tsvector('simple', 'deposits '"
            " || (SELECT string_agg((n * 7 + m)::text, ' ') FROM generate_series(1, 60) m))"
            " FROM generate_series(%s - 3000, %s - 1) n",
            [post.pk, post.pk],
        )
    return post


def test_a_search_sets_its_own_limit_and_gives_it_back(client, alice):
    make_post(alice, "Deposits")
    before = limit_now()
    assert search.SECONDS == 2
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/search/?q=deposits").status_code == 200
    limits = [query["sql"] for query in asked if "statement_timeout" in query["sql"]]
    assert limits == ["SELECT set_config('statement_timeout', '2000ms', true)"]
    assert limit_now() == before


@pytest.mark.parametrize("newest", [search.NEWEST_SECONDS, 0.001])
def test_what_takes_too_long_is_answered_all_the_same(client, crowd, monkeypatch, newest):
    monkeypatch.setattr(search, "SECONDS", 0.001)
    monkeypatch.setattr(search, "NEWEST_SECONDS", newest)
    before = limit_now()
    for _ in range(2):  # it is made anew, and never kept
        answer = client.get("/search/?q=deposits")
        assert answer.status_code == 200
        assert TOO_MUCH in answer.content.decode()
        assert "Nothing found" not in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert "ETag" not in answer
    assert limit_now() == before
    monkeypatch.setattr(search, "SECONDS", 20.0)
    whole = client.get("/search/?q=deposits")
    assert TOO_MUCH not in whole.content.decode()
    assert crowd.title in whole.content.decode()
    assert "ETag" in whole


def test_the_newest_are_found_in_a_time_of_their_own(crowd, monkeypatch, viewer):
    monkeypatch.setattr(search, "NEWEST_SECONDS", 20.0)
    real = search._within
    limits = []

    def within(seconds, sql, params):
        limits.append(seconds)
        return real(0.001 if len(limits) == 1 else seconds, sql, params)

    monkeypatch.setattr(search, "_within", within)
    found = results(viewer, Filters(q="deposits"))
    assert (found.numbers, found.is_whole) == ([crowd.pk], False)
    assert limits == [2.0, 2.0]


@pytest.fixture
def viewer():
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser()


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_a_feed_of_a_search_says_so_too(client, crowd, monkeypatch, form):
    monkeypatch.setattr(search, "SECONDS", 0.001)
    monkeypatch.setattr(search, "NEWEST_SECONDS", 0.001)
    for _ in range(2):
        answer = client.get(f"/search/feed.{form}?q=deposits")
        assert answer.status_code == 200
        assert TOO_MUCH in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert "ETag" not in answer
    monkeypatch.setattr(search, "SECONDS", 20.0)
    whole = client.get(f"/search/feed.{form}?q=deposits")
    assert TOO_MUCH not in whole.content.decode()
    assert crowd.title in whole.content.decode()


def test_all_searches_of_a_private_feed_have_the_time_of_one(client, crowd, charlie, monkeypatch):
    for word in ("deposits", "rents", "viewing"):
        subscribe(Followable.SEARCH, save_search(Filters(q=word), word).pk, by=charlie)
    new_feed_key(charlie)
    address = private_feed_address(charlie).removeprefix("http://localhost:8000")
    private = import_module("knowledge.feeds.private")
    monkeypatch.setattr(private, "SECONDS", 0.001)
    answer = client.get(f"{address}.atom")
    assert answer.status_code == 200
    assert TOO_MUCH in answer.content.decode()
    assert "ETag" not in answer
    monkeypatch.setattr(private, "SECONDS", 20.0)
    answer = client.get(f"{address}.atom")
    assert TOO_MUCH not in answer.content.decode()
    assert crowd.title in answer.content.decode()
    assert "ETag" in answer


@pytest.mark.parametrize("state", ["53200", "53400"])  # out of memory, out of what temporary files may hold
def test_a_search_that_asks_for_too_much_is_answered_all_the_same(db, state):
    assert search._within(1.0, f"DO $$ BEGIN RAISE EXCEPTION 'too much' USING ERRCODE = '{state}'; END $$", {}) is None


def test_another_fault_of_the_database_is_none_of_time(db):
    with pytest.raises(Exception, match="no_such_table"):
        search._within(1.0, "SELECT * FROM no_such_table", {})
