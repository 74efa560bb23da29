"""Saved searches: what nobody confirmed runs for nobody, and one that fails stops no other."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commons.activity.models import Activity, Verb
from knowledge import jobs
from knowledge.notifications.models import Letter, Notification
from knowledge.search import saved as saved_searches
from knowledge.search.filters import Filters
from knowledge.search.models import SavedSearch
from knowledge.search.saved import forget_unfollowed, save_search, searches_with
from knowledge.subscriptions.actions import subscribe, subscribe_reader
from knowledge.subscriptions.models import Followable, Subscription
from tests.make import area, make_post
from tests.search.test_question import HOSTILE


def ask_by_mail(client, query: str) -> int:
    return client.post(
        f"/subscribe/search/?{query}", {"action": "by_mail", "address": "r@people.example", "cadence": "weekly"}
    ).status_code


def announced(post) -> None:
    jobs.announce(Activity.objects.get(verb=Verb.PUBLISHED, subject_id=post.pk).pk)


def followed(q: str, who) -> SavedSearch:
    saved = save_search(Filters(q=q), q)
    if isinstance(who, str):
        subscribe_reader(who, Followable.SEARCH, saved.pk)
    else:
        subscribe(Followable.SEARCH, saved.pk, by=who)
    return saved


def test_a_stranger_who_confirms_nothing_changes_nothing_for_others(client, alice, charlie):
    assert ask_by_mail(client, f"q={'-' * 34}") == 200
    assert Letter.objects.count() == 1
    subscribe(Followable.AREA, area().pk, by=charlie)
    post = make_post(alice, "Deposits")
    announced(post)
    assert Notification.objects.filter(member=charlie, post=post.pk).exists()


def test_what_is_not_confirmed_is_not_run(client, alice):
    assert ask_by_mail(client, "q=deposits") == 200
    saved = SavedSearch.objects.get()
    post = make_post(alice, "Deposits")
    with CaptureQueriesContext(connection) as asked:
        assert searches_with(post) == []
    assert not [query for query in asked if "tsquery" in query["sql"]]
    subscribe_reader("r@people.example", Followable.SEARCH, saved.pk)
    assert [key.object_id for key in searches_with(post)] == [saved.pk]


def test_that_of_a_member_who_is_suspended_is_not_either(alice, charlie):
    saved = followed("deposits", charlie)
    post = make_post(alice, "Deposits")
    assert [key.object_id for key in searches_with(post)] == [saved.pk]
    charlie.is_active = False
    charlie.save()
    assert searches_with(post) == []


@pytest.mark.parametrize("typed", HOSTILE.values(), ids=list(HOSTILE))
def test_whatever_somebody_follows_the_others_hear(alice, charlie, typed):
    followed(" ".join(typed.split())[:200], charlie)
    found = followed("deposits", "r@people.example")
    post = make_post(alice, "Deposits")
    assert found.pk in [key.object_id for key in searches_with(post)]


@pytest.mark.parametrize("letter", ["a", "é", "漢", "\U00020000"])
def test_a_search_in_any_script_can_be_followed(client, db, letter):
    assert ask_by_mail(client, f"q={letter * 200}&area=homelessness&rung=hunch&rung=emerging") == 200
    assert SavedSearch.objects.get().q == letter * 200


def test_one_that_is_too_long_gets_an_answer(client, alice):
    make_post(alice, tags=["漢" * 50])
    answer = client.get("/subscribe/search/", {"q": "\U00020000" * 200, "tag": "漢" * 50})
    assert answer.status_code == 400
    assert "too long to be followed" in answer.content.decode()


def test_one_that_fails_stops_no_other_and_is_named(alice, charlie, caplog, monkeypatch):
    first, broken, last = (followed(q, charlie) for q in ("deposits", "broken", "viewing"))
    real = saved_searches.question_of
    monkeypatch.setattr(saved_searches, "question_of", lambda q: "& (" if q == "broken" else real(q))
    post = make_post(alice, "Deposits at the viewing")
    announced(post)
    assert [key.object_id for key in searches_with(post)] == [first.pk, last.pk]
    assert Notification.objects.filter(member=charlie, post=post.pk).exists()
    named = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert named
    assert all(f"saved search {broken.pk} " in message for message in named)


def test_very_many_are_asked_in_batches(alice, charlie, monkeypatch):
    monkeypatch.setattr(saved_searches, "BATCH", 2)
    saved = [followed(f"deposits {'x' * number} or deposits", charlie).pk for number in range(5)]
    nothing_of_it = followed("buses", charlie)
    everything = followed("", charlie)
    post = make_post(alice, "Deposits")
    found = [key.object_id for key in searches_with(post)]
    assert sorted(found) == sorted([*saved, everything.pk])
    assert nothing_of_it.pk not in found


def test_what_nobody_confirmed_is_thrown_away_and_what_somebody_follows_stays(client, charlie):
    followed("deposits", charlie)
    for q in ("old", "asked-again", "new"):
        assert ask_by_mail(client, f"q={q}") == 200
    now = timezone.now()
    SavedSearch.objects.exclude(q="new").update(since=now - dt.timedelta(days=400))
    assert ask_by_mail(client, "q=asked-again") == 200
    jobs.tidy(0)
    assert set(SavedSearch.objects.values_list("q", flat=True)) == {"deposits", "asked-again", "new"}
    Subscription.objects.all().delete()
    assert forget_unfollowed(now=now) == 1
