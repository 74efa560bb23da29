""" "Waiting for you": what a member finds on their signed-in home, and the schedule's verbs."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from knowledge import jobs
from knowledge.ladder.models import Ending, RequestAnswer, Vetting
from knowledge.ladder.vetting import answer_request
from knowledge.ladder.waiting import waiting_for
from knowledge.posts.actions import withdraw
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable
from tests.ladder.test_vetting import next_version
from tests.make import area, make_comment, make_ready, make_review, make_reviewer, make_vetting


@pytest.fixture
def ready(alice):
    return make_ready(alice)


@pytest.fixture
def vetting(ready, alice):
    return make_vetting(ready, alice)


def words(member) -> list[str]:
    member.__dict__.pop("roles", None)
    return [line.words for line in waiting_for(member)]


def test_a_reviewer_is_asked_to_look_again(signed_in, vetting, ready, alice, charlie):
    make_review(vetting, charlie, "more")
    assert words(charlie) == []
    next_version(ready, alice)
    [line] = waiting_for(charlie)
    assert line.words == f"Version 2 is out since you reviewed “{ready.title}”. Look again"
    assert signed_in(charlie).get(line.href).status_code == 200
    assert "Waiting for you" in signed_in(charlie).get("/").content.decode()
    make_review(vetting, charlie, again=True)
    assert words(charlie) == []


def test_the_organization_is_asked_to_answer(signed_in, vetting, ready, alice, bob, carla, charlie):
    review = make_review(vetting, charlie, "more")
    challenge = make_comment(ready, charlie, "Of how many?", kind="challenge")
    for member in (alice, bob):
        asked, challenged = waiting_for(member)
        assert asked.href == f"/reviews/{review.pk}/answer/"
        assert challenged == (f"Charlie Chen challenges “{ready.title}”. Answer", f"/comments/{challenge.pk}/answer/")
        assert signed_in(member).get(asked.href).status_code == 200
    assert words(carla) == words(charlie) == []
    next_version(ready, alice)
    answer_request(review, by=alice, words="In the table.")
    assert len(words(alice)) == 1


def test_those_who_vetted_it_are_asked_whether_a_change_is_editorial(signed_in, vetting, ready, alice):
    first, second = make_reviewer(), make_reviewer()
    make_review(vetting, first)
    make_review(vetting, second)
    assert words(first) == []
    next_version(ready, alice)
    [line] = waiting_for(first)
    assert "is not looked at yet" in line.words
    assert signed_in(first).get(line.href).status_code == 200
    again = make_vetting(ready, alice)
    assert [line.words[:9] for line in waiting_for(first)] == []  # a vetting is open now; who follows it hears of that
    for reviewer in (first, second):
        make_review(again, reviewer)
    assert words(first) == []


def test_who_follows_its_issue_area_is_asked_for_a_review(vetting, ready, alice, charlie):
    for member in (alice, charlie):
        subscribe(Followable.AREA, area("housing").pk, by=member, cadence=Cadence.WEEKLY)
        subscribe(Followable.AREA, area("homelessness").pk, by=member, cadence=Cadence.WEEKLY)
    assert words(alice) == []
    assert words(charlie) == [f"Harbor Street Housing Desk asks whether “{ready.title}” holds up. Review it"]
    make_review(vetting, charlie)
    assert words(charlie) == []


def test_what_one_may_not_read_waits_for_nobody(vetting, ready, alice, charlie):
    make_review(vetting, charlie, "more")
    make_comment(ready, charlie, "Of how many?", kind="challenge")
    next_version(ready, alice)
    withdraw(ready, by=alice)
    assert words(alice) == words(charlie) == []


def test_it_is_one_query_and_two_that_keep_its_plan(alice):
    alice.roles  # noqa: B018 - comes with the member
    with CaptureQueriesContext(connection) as queries:
        waiting_for(alice)
    assert len(queries) == 3


def test_the_schedule_closes_what_has_passed(vetting, ready, alice, charlie):
    review = make_review(vetting, charlie, "more")
    next_version(ready, alice)
    answer_request(review, by=alice, words="In the table.")
    jobs.dates(0)
    assert Vetting.objects.open().count() == 1
    RequestAnswer.objects.update(lapses_at=timezone.now() - dt.timedelta(hours=1))
    jobs.dates(0)
    jobs.dates(0)
    review.refresh_from_db()
    assert review.closing.by is None
    Vetting.objects.update(until=timezone.now().date() - dt.timedelta(days=1))
    jobs.dates(0)
    jobs.dates(0)
    vetting.refresh_from_db()
    assert (vetting.ending, vetting.closed_by) == (Ending.DECLINED, None)
    ready.refresh_from_db()
    assert ready.vetting_until is None


def test_one_date_that_fails_holds_up_no_other(vetting, alice, monkeypatch):
    other = make_vetting(make_ready(alice, title="Another"), alice)
    Vetting.objects.update(until=timezone.now().date() - dt.timedelta(days=1))
    real = jobs.decline

    def broken(this, *, by):
        if this.pk == vetting.pk:
            raise RuntimeError
        return real(this, by=by)

    monkeypatch.setattr(jobs, "decline", broken)
    jobs.dates(0)
    other.refresh_from_db()
    assert other.closed_at
