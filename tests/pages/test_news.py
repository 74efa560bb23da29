"""What an open page asks: whether it may hear of news, and how much waits for its reader."""

import pytest

from commons import news
from commons.activity.models import Activity
from commons.template_filters import Reader, in_figures, unread
from knowledge.notifications.models import Notification, Why
from knowledge.subscriptions.models import Cadence, What
from tests.make import area, make_comment, make_post


@pytest.fixture
def told(alice, charlie):
    """Something waits for Alice, and nothing for Charlie."""
    make_comment(make_post(alice, issue_areas=[area()]), charlie)
    return Notification.objects.create(
        member=alice, activity=Activity.objects.latest("pk"), what=What.COMMENTS, why=Why.OWN, cadence=Cadence.SITE
    )


@pytest.mark.parametrize("path", ["/notifications/stream/", "/notifications/count/"])
def test_the_anonymous_are_told_to_ask_no_more(client, db, path):
    answer = client.get(path)
    assert answer.status_code == 204
    assert "no-store" in answer["Cache-Control"]
    assert news.HEADER not in answer


def test_a_member_gets_a_stream_of_their_own_for_two_queries(signed_in, alice, django_assert_max_num_queries):
    browser = signed_in(alice)
    with django_assert_max_num_queries(2):
        answer = browser.get("/notifications/stream/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream"
    assert answer[news.HEADER] == str(alice.pk)
    assert answer.content == b""


def test_a_page_that_shows_another_count_is_told_at_once(signed_in, told, alice):
    browser = signed_in(alice)
    assert browser.get("/notifications/stream/", {"shown": ""}).content == news.EVENT
    assert browser.get("/notifications/stream/", {"shown": "1"}).content == b""


def test_streams_are_only_to_be_read(signed_in, alice):
    browser = signed_in(alice)
    assert browser.post("/notifications/stream/").status_code == 405
    assert browser.head("/notifications/stream/").status_code == 405


def test_the_count_is_what_the_page_shows(signed_in, alice, django_assert_max_num_queries):
    browser = signed_in(alice)
    with django_assert_max_num_queries(2):
        answer = browser.get("/notifications/count/")
    assert "no-store" in answer["Cache-Control"]
    assert answer.content == b""
    assert '<span class="count"></span></a>' in browser.get("/about/").content.decode()


@pytest.mark.parametrize("path", ["/about/", "/", "/issue-areas/homelessness/", "/nowhere/"])
def test_each_reader_sees_the_own_count(signed_in, told, alice, charlie, path):
    one = '1<span class="hidden"> unread</span>'
    for member, piece in ((alice, one), (charlie, ""), (alice, one)):
        browser = signed_in(member)
        assert browser.get("/notifications/count/").content.decode() == piece
        assert f'<span class="count">{piece}</span></a>' in browser.get(path).content.decode()


@pytest.mark.parametrize(("waiting", "figures"), [(0, ""), (1, "1"), (99, "99"), (100, "99+")])
def test_how_the_bell_says_what_waits(waiting, figures):
    member = Reader()._replace(unread=waiting)
    assert in_figures(member) == figures
    assert unread(member) == (f'{figures}<span class="hidden"> unread</span>' if waiting else "")


def test_signing_out_ends_the_members_streams(signed_in, alice, monkeypatch):
    ended = []
    monkeypatch.setattr(news, "end", ended.append)
    signed_in(alice).post("/accounts/logout/")
    assert ended == [alice.pk]


def test_the_bell_and_its_script_are_for_the_signed_in(client, signed_in, alice):
    assert "data-news" in signed_in(alice).get("/about/").content.decode()
    nobody = client.get("/about/").content.decode()
    assert "data-news" not in nobody
    assert "news." not in nobody
