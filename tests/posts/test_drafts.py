"""Drafts of new posts: their author's alone, written on in the form for a new post, gone once they are published."""

import pytest

from knowledge.posts.drafts import begin_draft, discard_draft
from knowledge.posts.models import Draft, Post
from tests.make import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(alice) -> Draft:
    return begin_draft(by=alice, title="Keys <next> door", body="Nine in ten found nobody.", from_mail=True)


def test_a_list_of_ones_own(signed_in, alice, charlie, draft):
    html = signed_in(alice).get("/drafts/").content.decode()
    assert "Keys &lt;next&gt; door" in html
    assert "by mail, for Harbor Street Housing Desk" in html
    assert f'href="/posts/new/?draft={draft.pk}"' in html
    other = signed_in(charlie).get("/drafts/").content.decode()
    assert "Keys" not in other
    assert "No drafts" in other


def test_it_opens_in_the_form_and_goes_with_publishing(signed_in, alice, draft):
    browser = signed_in(alice)
    page = browser.get(draft.get_absolute_url()).content.decode()
    assert "Keys &lt;next&gt; door" in page
    assert "Nine in ten found nobody." in page
    form = {"title": draft.title, "body": draft.body, "area": "homelessness", "organization": draft.organization_id}
    assert browser.post(draft.get_absolute_url(), {**form, "area": ""}).status_code == 422
    assert browser.post(draft.get_absolute_url(), {**form, "action": "preview"}).status_code == 200
    assert Draft.objects.count() == 1
    key = "6d0ac9c2-6a5c-4b57-8f4e-9f6f3f3f3f3f"
    first, second = (browser.post(draft.get_absolute_url(), {**form, "key": key}) for _ in range(2))
    assert first["Location"] == second["Location"] == Post.objects.get().get_absolute_url()
    assert Draft.objects.count() == 0
    assert browser.get(draft.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("number", ["x", "-1", "0", "99999999999999999999", "²"])
def test_a_number_that_is_none(signed_in, alice, number):
    assert signed_in(alice).get(f"/posts/new/?draft={number}").status_code in (200, 404)


def test_nobody_elses(client, signed_in, charlie, draft):
    browser = signed_in(charlie)
    assert browser.get(draft.get_absolute_url()).status_code == 404
    assert browser.post(f"/drafts/{draft.pk}/discard/").status_code == 404
    assert client.post(f"/drafts/{draft.pk}/discard/").status_code == 302
    assert Draft.objects.filter(pk=draft.pk).exists()


def test_throwing_away_twice_is_once(signed_in, alice, draft):
    browser = signed_in(alice)
    assert browser.get(f"/drafts/{draft.pk}/discard/").status_code == 405
    assert browser.post(f"/drafts/{draft.pk}/discard/")["Location"] == "/drafts/"
    assert browser.post(f"/drafts/{draft.pk}/discard/").status_code == 404
    discard_draft(draft, by=alice)
    assert Draft.objects.count() == 0


def test_without_one_organization_it_is_for_none_yet():
    assert begin_draft(by=make_member(), title="", body="x").organization is None
