"""What is drawn once for many readers shows each of them their own things, and nobody else's."""

import re
import uuid

import pytest

from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable
from knowledge.topics.models import Tag
from knowledge.views.shared import UNKNOWN
from tests.make import area, make_comment, make_member, make_post

LISTS = ["/issue-areas/homelessness/", "/tags/rent/", "/organizations/harbor-street/", "/members/alice/", "/search/"]
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@pytest.fixture
def listed(alice):
    return make_post(alice, "Keys", tags=["rent"], issue_areas=[area()])


@pytest.mark.parametrize("path", LISTS)
def test_each_reader_sees_the_own_name_and_token(client, signed_in, listed, alice, charlie, path):
    nobody = client.get(path).content.decode()
    browsers = {member: signed_in(member) for member in (alice, charlie)}
    pages = {member: browser.get(path).content.decode() for member, browser in browsers.items()}
    for member, other in ((alice, charlie), (charlie, alice)):
        assert f"{member.name}, your account" in pages[member]
        assert f"{other.name}, your account" not in pages[member]
        assert "your account" not in nobody
    for page in (nobody, *pages.values()):
        assert UNKNOWN not in page
    for member, browser in browsers.items():
        for token in TOKEN.findall(pages[member]):
            browser.handler.enforce_csrf_checks = True
            form = {"csrfmiddlewaretoken": token, "cadence": "daily"}
            assert browser.post(f"/subscribe/area/{area().pk}/", form).status_code == 302


def test_a_post_shows_each_reader_what_they_may_do(client, signed_in, listed, alice, charlie):
    his = make_comment(listed, charlie)
    path = listed.get_absolute_url()
    for member in (alice, charlie, alice):
        page = signed_in(member).get(path).content.decode()
        assert f"{member.name}, your account" in page
        assert ("Write the next version" in page) == (member == alice)
        assert (f"/comments/{his.pk}/edit/" in page) == (member == charlie)
        assert len(TOKEN.findall(page)) == 2
        assert UNKNOWN not in page
    nobody = client.get(path).content.decode()
    assert not TOKEN.findall(nobody)
    assert "your account" not in nobody
    assert f"{path}feed.atom" in nobody
    assert f"/subscribe/post/{listed.number}/" in nobody


def test_a_comment_in_place_comes_with_its_way_to_change_it(signed_in, listed, charlie):
    form = {"body": "Here too.", "kind": "see_too", "key": str(uuid.uuid4())}
    answer = signed_in(charlie).post(f"{listed.get_absolute_url()}comment/", form, headers={"HX-Request": "true"})
    made = listed.comments.get()
    assert f'href="/comments/{made.pk}/edit/"' in answer.content.decode()


def test_a_name_is_text_in_what_is_shared(signed_in, listed):
    one = make_member("<b>Ana</b>", handle="ana-b")
    page = signed_in(one).get("/issue-areas/homelessness/").content.decode()
    assert "&lt;b&gt;Ana&lt;/b&gt;, your account" in page


@pytest.mark.parametrize(
    ("kind", "path"), [(Followable.AREA, "/issue-areas/homelessness/"), (Followable.TAG, "/tags/rent/")]
)
def test_the_subscribe_button_is_the_readers_own(signed_in, listed, alice, charlie, kind, path):
    signed_in(alice).get(path)
    subscribe(
        kind,
        area().pk if kind == Followable.AREA else Tag.objects.get(slug="rent").pk,
        by=charlie,
        cadence=Cadence.DAILY,
    )
    assert "Subscribed, daily" in signed_in(charlie).get(path).content.decode()
    assert "Subscribed" not in signed_in(alice).get(path).content.decode()


def test_what_an_organizations_people_may_do_shows_to_them_alone(signed_in, listed, alice, carla, charlie):
    links = {"alice": (True, True), "carla": (True, False), "charlie": (False, False)}
    for member in (alice, carla, charlie, alice):
        page = signed_in(member).get("/organizations/harbor-street/").content.decode()
        assert ("in every state" in page, "Change what it says here" in page) == links[member.handle]


def test_a_message_is_said_once_and_to_one(signed_in, listed, alice, charlie):
    hers, his = signed_in(alice), signed_in(charlie)
    path = "/issue-areas/homelessness/"
    hers.post(f"/subscribe/area/{area().pk}/", {"cadence": "daily", "next": path})
    assert "Subscribed to Homelessness" in hers.get(path).content.decode()
    assert "Subscribed to Homelessness" not in his.get(path).content.decode()
    assert "Subscribed to Homelessness" not in hers.get(path).content.decode()


def test_the_chosen_appearance_stays_with_who_chose_it(client, listed):
    path = "/issue-areas/homelessness/"
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get(path).content.decode()
    client.cookies.clear()
    assert "data-theme" not in client.get(path).content.decode()
