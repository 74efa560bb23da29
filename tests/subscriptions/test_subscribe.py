"""Subscribing: one button on everything that can be followed, a cadence kept, and a page of what one follows."""

import pytest

from commons.activity.models import Activity, Verb
from knowledge.subscriptions.models import Subscription
from knowledge.topics.models import Tag
from tests.make import area, make_post, place

EVERYTHING = ["area", "tag", "place", "organization", "member", "post"]


@pytest.fixture
def things(alice, organization):
    post = make_post(alice, tags=["rent"], places=[place("KE")])
    found = {
        "area": area(),
        "tag": Tag.objects.get(name="rent"),
        "place": place("KE"),
        "organization": organization,
        "member": alice,
        "post": post,
    }
    return {kind: (thing, f"/subscribe/{kind}/{thing.pk}/") for kind, thing in found.items()}


@pytest.mark.parametrize("kind", EVERYTHING)
def test_every_followable_page_has_the_button_and_the_feed(client, signed_in, charlie, things, kind):
    thing, path = things[kind]
    html = client.get(thing.get_absolute_url()).content.decode()
    assert f'href="{path}' in html
    assert f'{thing.get_absolute_url()}feed.atom"' in html
    assert f'action="{path}"' in signed_in(charlie).get(thing.get_absolute_url()).content.decode()


@pytest.mark.parametrize("kind", EVERYTHING)
def test_subscribing_changing_and_stopping(signed_in, charlie, things, kind):
    thing, path = things[kind]
    browser = signed_in(charlie)
    answer = browser.post(path, {"cadence": "daily"})
    assert answer["Location"] == thing.get_absolute_url()
    assert Subscription.objects.get(member=charlie).cadence == "daily"
    assert "Subscribed" in browser.get(thing.get_absolute_url()).content.decode()
    browser.post(path, {"cadence": "weekly"})
    assert Subscription.objects.get(member=charlie).cadence == "weekly"
    assert Activity.objects.filter(verb=Verb.SUBSCRIBED, by=charlie).count() == 1
    browser.post(path, {"action": "stop"})
    browser.post(path, {"action": "stop"})
    assert not Subscription.objects.exclude(kind="post", cadence="daily").exists()
    assert Activity.objects.filter(verb=Verb.UNSUBSCRIBED, by=charlie).count() == 1


def test_a_double_click_subscribes_once(signed_in, charlie, things):
    browser = signed_in(charlie)
    for _ in range(2):
        browser.post(things["area"][1], {"cadence": "weekly"})
    assert Subscription.objects.filter(kind="area").count() == 1


@pytest.mark.parametrize("kind", EVERYTHING)
def test_without_an_account_there_is_the_feed_and_the_way_to_sign_in(client, things, kind):
    thing, path = things[kind]
    html = client.get(path).content.decode()
    assert f"{thing.get_absolute_url()}feed.atom" in html
    assert "/accounts/login/" in html
    assert "/accounts/login/" in client.post(path, {"cadence": "daily"})["Location"]
    assert not Subscription.objects.exclude(kind="post", cadence="daily").exists()


def test_a_cadence_that_is_none_is_refused(signed_in, charlie, things):
    answer = signed_in(charlie).post(things["area"][1], {"cadence": "hourly"})
    assert answer.status_code == 400
    assert "as it happens" in answer.content.decode()


def test_one_cannot_subscribe_to_what_one_may_not_see(signed_in, alice, charlie, things):
    from knowledge.posts.actions import withdraw

    post, path = things["post"]
    withdraw(post, by=alice)
    assert signed_in(charlie).post(path).status_code == 404


def test_home_shows_what_the_member_follows_newest_first(signed_in, alice, charlie, things):
    browser = signed_in(charlie)
    assert "Follow" in browser.get("/").content.decode()
    browser.post(things["area"][1])
    newest = make_post(alice, "The newest on homelessness")
    make_post(alice, "Of another area", issue_areas=[area("food")])
    followed = browser.get("/").context["following"]
    assert followed.count("<li>") == 2
    assert followed.index(newest.title) < followed.index(things["post"][0].title)
    page = browser.get("/following/").content.decode()
    assert "Homelessness" in page
    assert newest.title in page
    assert "Of another area" not in page


def test_a_withdrawn_post_is_followed_no_more_on_any_page(signed_in, alice, charlie, things):
    from knowledge.posts.actions import withdraw

    browser = signed_in(charlie)
    browser.post(things["post"][1], follow=True)  # up to the page that says so
    withdraw(things["post"][0], by=alice)
    assert things["post"][0].title not in browser.get("/following/").content.decode()


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_the_way_back_leads_nowhere_else(signed_in, charlie, things, back):
    thing, path = things["area"]
    assert signed_in(charlie).post(path, {"next": back})["Location"] == thing.get_absolute_url()
