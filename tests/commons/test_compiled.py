"""Queries built once give what the ORM would give each time."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.members.models import Member
from commons.compiled import Compiled
from commons.sessions import SessionStore


def test_it_answers_for_other_arguments_as_the_first_time(alice, bob, django_assert_num_queries):
    built = []

    def build(pk, handle):
        built.append(pk)
        return Member.objects.filter(handle=handle, pk=pk).values_list("name", "handle")

    ask = Compiled(build)
    with django_assert_num_queries(4):
        assert ask(alice.pk, "alice") == [(alice.name, "alice")]
        assert ask(bob.pk, "bob") == [(bob.name, "bob")]
        assert ask(alice.pk, "bob") == []
        assert ask(alice.pk, "' OR true --") == []
    assert len(built) == 1


def test_an_argument_that_goes_nowhere_is_a_mistake(db):
    ask = Compiled(lambda pk: Member.objects.values_list("pk"))
    with pytest.raises(AssertionError, match="nowhere"):
        ask(1)


def test_an_ended_session_holds_nothing(db):
    store = SessionStore()
    store["said"] = "something"
    store.save()
    key = store.session_key
    assert SessionStore(key)["said"] == "something"
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    ended = SessionStore(key)
    assert "said" not in ended
    assert ended.session_key is None


def test_a_closed_account_and_a_lost_membership_count_at_the_next_request(signed_in, alice):
    browser = signed_in(alice)
    assert browser.get("/organizations/harbor-street/posts/").status_code == 200
    alice.memberships.all().delete()
    assert browser.get("/organizations/harbor-street/posts/").status_code == 404
    Member.objects.filter(pk=alice.pk).update(is_active=False)
    assert browser.get("/following/").status_code == 302
