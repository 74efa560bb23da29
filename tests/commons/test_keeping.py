"""What was typed outlives a sign-in: as much as a post is, little for each network, for some hours."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from commons import gate, keeping
from commons.keeping import BYTES_OF_NETWORK, FORMS_OF_NETWORK, KeptForm
from knowledge import jobs
from tests.make import make_member

NEW = "/posts/new/"
BODY = "🏠 We saw it. " * (gate.BODY // 13)


def test_a_whole_post_is_there_again_after_signing_in(client, alice):
    typed = {"title": "Rooms", "body": BODY.strip(), "takeaway": "é" * 300, "places": ["KE", "NG"]}
    assert client.post(NEW, typed).status_code == 302
    assert Session.objects.count() == 1
    assert len(Session.objects.get().session_data) < 2_000  # the words are not in it
    client.force_login(alice)
    form = client.get(NEW).context["form"]
    assert {name: form.data.getlist(name) for name in typed} == {
        name: value if isinstance(value, list) else [value] for name, value in typed.items()
    }
    assert not KeptForm.objects.exists()
    assert not client.get(NEW).context["form"].is_bound  # once


def test_a_network_has_little_kept_and_is_told_so_before_anything_is_lost(db):
    """Twenty forms of three megabytes each, and then somebody who would only like to sign in."""
    answers = [Client().post(NEW, {"body": BODY, "title": str(number)}) for number in range(20)]
    assert {answer.status_code for answer in answers} == {302, 429}
    assert KeptForm.objects.aggregate(all=Sum("size"))["all"] <= BYTES_OF_NETWORK
    assert Session.objects.count() == KeptForm.objects.count() < 20
    page = answers[-1].content.decode()
    assert "We saw it." in page
    assert 'name="title" value="19"' in page
    assert 'href="/accounts/login/?next=/posts/new/"' in page
    assert "cannot be kept" in page
    assert int(answers[-1]["Retry-After"]) > 0


def test_small_forms_are_few_too_and_an_ipv6_line_is_one(db):
    answers = [
        Client(REMOTE_ADDR=f"2001:db8::{number + 1:x}").post(NEW, {"title": "Rooms"}).status_code
        for number in range(FORMS_OF_NETWORK + 3)
    ]
    assert answers == [302] * FORMS_OF_NETWORK + [429] * 3
    assert Client(REMOTE_ADDR="2001:db8:0:1::1").post(NEW, {"title": "Rooms"}).status_code == 302


def test_many_at_once_keep_no_more(committed):
    def send(_: int) -> int:
        try:
            return Client().post(NEW, {"title": "Rooms"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(send, range(20)))
    assert answers.count(302) == KeptForm.objects.count() == FORMS_OF_NETWORK


def test_all_networks_together_have_their_bound(db, monkeypatch):
    monkeypatch.setattr(keeping, "BYTES_OF_ALL", 100)
    answers = [
        Client(REMOTE_ADDR=f"198.51.100.{number}").post(NEW, {"title": "Rooms"}).status_code for number in range(8)
    ]
    assert answers[0] == 302
    assert answers[-1] == 429


def test_one_browser_has_one_form_kept_the_last(client, alice):
    for number in range(FORMS_OF_NETWORK + 5):
        assert client.post(NEW, {"title": f"Rooms {number}"}).status_code == 302
    assert KeptForm.objects.count() == 1
    client.force_login(alice)
    assert client.get(NEW).context["form"]["title"].value() == f"Rooms {FORMS_OF_NETWORK + 4}"


def test_more_than_any_form_takes_is_not_kept_and_still_shown(client, db):
    answer = client.post(NEW, {"body": "x" * (keeping.LIMIT + 1)})
    assert answer.status_code == 413
    assert "x" * keeping.LIMIT in answer.content.decode()
    assert not KeptForm.objects.exists()


def test_what_nobody_comes_back_for_is_thrown_away(client, alice):
    client.post(NEW, {"title": "Rooms"})
    KeptForm.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    jobs.tidy(0)
    assert not KeptForm.objects.exists()
    client.force_login(alice)
    assert not client.get(NEW).context["form"].is_bound


def test_no_password_is_kept(client, db):
    client.post(NEW, {"title": "Rooms", "password": "secret-words"})
    assert "secret-words" not in KeptForm.objects.get().typed


def test_the_key_does_not_stand_beside_what_it_opens(client, db):
    client.post(NEW, {"title": "Rooms"})
    assert KeptForm.objects.get().key != client.session[keeping.SESSION_KEY]["key"]


@pytest.mark.parametrize("over", [False, True])
def test_who_adds_an_organization_first_finds_their_words_again(signed_in, db, monkeypatch, over):
    if over:
        monkeypatch.setattr(keeping, "FORMS_OF_NETWORK", 0)
    browser = signed_in(make_member())
    answer = browser.post(NEW, {"title": "Rooms"})
    if over:
        assert answer.status_code == 429
        assert "Add your organization in another tab" in answer.content.decode()
    else:
        assert answer["Location"] == "/organizations/new/?next=/posts/new/"


def test_what_an_earlier_release_kept_in_a_session_is_still_given_back(client, alice):
    client.force_login(alice)
    session = client.session
    session[keeping.SESSION_KEY] = {"path": NEW, "typed": "title=Rooms"}
    session.save()
    assert client.get(NEW).context["form"]["title"].value() == "Rooms"


@pytest.mark.parametrize(
    ("referrer", "page"),
    [
        (f"{settings.SITE_URL}/posts/new/?area=housing#id_body", "/posts/new/?area=housing"),
        ("http://testserver/search/", "/search/"),
        (f"{settings.SITE_URL}//evil.test/x", ""),
        (f"{settings.SITE_URL}/accounts/logout/", ""),
        ("https://evil.test/posts/new/", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_the_page_that_a_form_came_from_is_one_of_ours_or_none(rf, referrer, page):
    assert keeping.came_from(rf.post("/", HTTP_REFERER=referrer)) == page


@pytest.mark.parametrize("header", ["HTTP_ORIGIN", "HTTP_REFERER"])
@pytest.mark.parametrize("odd", ["http://[", "http://[x]:²/", "null", "²", "\xff"])
def test_a_form_that_comes_from_no_address_at_all_is_refused_and_not_played_back(db, header, odd):
    answer = Client(enforce_csrf_checks=True).post(NEW, {"title": "Rooms to let"}, **{header: odd})
    assert answer.status_code in (400, 403)  # a header that holds what none may is refused before its form
    assert "Rooms to let" not in answer.content.decode()
