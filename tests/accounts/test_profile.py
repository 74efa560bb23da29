"""A member's own pages: the account, and what others see of the member."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members import actions
from accounts.members.models import Member
from commons import queue
from commons.activity.models import Activity, Verb
from tests.make import PASSWORD, make_member

PROFILE = "/account/profile/"
SAID = {"name": "Alice Brandt", "bio": "Keys, since 2019.\n\nIn Baltimore.", "time_zone": "America/New_York"}


@pytest.fixture
def browser(signed_in, alice) -> Client:
    return signed_in(alice)


def words_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def followed() -> list[dict]:
    return list(ProcrastinateJob.objects.filter(task_name=queue.FOLLOW_RENAME).values_list("args", flat=True))


def test_the_account_says_what_there_is_to_change(browser, alice):
    page = browser.get("/account/")
    words = words_of(page)
    assert "Alice Adeyemi" in words
    assert "@alice" in words
    assert alice.email in words
    assert "Harbor Street Housing Desk" in words
    assert "Owner" in words
    assert page["Cache-Control"] == "no-store"


def test_without_an_organization_the_account_says_what_to_do(signed_in, db):
    page = signed_in(make_member("Ana Silva")).get("/account/")
    assert 'href="/organizations/new/"' in page.content.decode()


@pytest.mark.parametrize("path", ["/account/", PROFILE])
def test_without_an_account_one_is_sent_to_sign_in(client, db, path):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_a_change_is_seen_by_others_writes_one_fact_and_is_followed(browser, alice):
    stamp = alice.personal_stamp
    for _ in range(2):  # sent twice, done once
        answer = browser.post(PROFILE, SAID)
        assert (answer.status_code, answer["Location"]) == (302, "/account/")
    alice.refresh_from_db()
    assert (alice.name, alice.bio, alice.time_zone) == tuple(SAID.values())
    assert alice.personal_stamp == stamp + 1
    fact = Activity.objects.get()
    assert (fact.verb, fact.by, fact.subject_kind, fact.subject_id) == (Verb.CHANGED_PROFILE, alice, "member", alice.pk)
    assert followed() == [{"kind": "member", "pk": alice.pk}]
    assert "Alice Brandt" in words_of(browser.get("/members/alice/"))


def test_a_time_zone_alone_is_nothing_that_others_see(browser, alice):
    browser.post(PROFILE, {"name": alice.name, "bio": "", "time_zone": "Africa/Nairobi"})
    alice.refresh_from_db()
    assert alice.time_zone == "Africa/Nairobi"
    assert Activity.objects.count() == 1
    assert followed() == []


def test_the_handle_is_shown_and_stays(browser, alice):
    assert "@alice" in words_of(browser.get(PROFILE))
    browser.post(PROFILE, {**SAID, "handle": "somebody", "email": "other@people.example", "is_moderator": "on"})
    alice.refresh_from_db()
    assert (alice.handle, alice.email, alice.is_moderator) == ("alice", "alice@people.example", False)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Write your name."),
        ("name", "\u2800", "Write your name."),
        ("name", "n" * 121, "This is 121 characters"),
        ("name", "Ali\x1bce", "U+001B"),
        ("bio", "b" * 2001, "This is 2,001 characters"),
        ("bio", "a\x08b", "U+0008"),
        ("time_zone", "Mars/Olympus", "There is no such time zone."),
        ("time_zone", "", "Choose one of the list."),
        ("time_zone", "../../etc/passwd", "There is no such time zone."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(browser, alice, field, typed, words):
    answer = browser.post(PROFILE, {**SAID, field: typed})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert words in words_of(answer)
    html = answer.content.decode()
    assert (f'value="{SAID["name"]}"' in html) == (field != "name")
    assert ("Keys, since 2019." in html) == (field != "bio")
    assert ('<option value="America/New_York" selected>' in html) == (field != "time_zone")
    alice.refresh_from_db()
    assert alice.name == "Alice Adeyemi"
    assert not Activity.objects.exists()


def test_what_was_typed_survives_an_expired_session(client, alice):
    assert client.post(PROFILE, SAID)["Location"] == f"/accounts/login/?next={PROFILE}"
    client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert 'value="Alice Brandt"' in client.get(PROFILE).content.decode()
    assert 'value="Alice Brandt"' not in client.get(PROFILE).content.decode()


def test_nobody_changes_the_profile_of_somebody_else(alice, mona):
    with pytest.raises(PermissionDenied):
        actions.change_profile(alice, by=mona, **SAID)
    alice.refresh_from_db()
    assert alice.name == "Alice Adeyemi"


def test_markup_in_a_name_is_text(browser):
    browser.post(PROFILE, {**SAID, "name": '<b>Alice</b> & "co"\''})
    for path in ("/account/", PROFILE, "/members/alice/"):
        html = browser.get(path).content.decode()
        assert "<b>Alice</b> &" not in html
        assert "&lt;b&gt;Alice" in html


def test_an_address_differs_in_more_than_its_case(alice):
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.create(email=alice.email.upper(), name="Alice", handle="alice-2")


def test_what_the_pages_ask_the_database(browser, django_assert_num_queries):
    with django_assert_num_queries(3):  # session, member, memberships
        browser.get("/account/")
    with django_assert_num_queries(2):  # session, member
        browser.get(PROFILE)
