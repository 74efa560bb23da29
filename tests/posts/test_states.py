"""The states of a post, and what each answers to whom (the table of the domain)."""

import pytest
from django.utils import timezone

from knowledge.posts.actions import withdraw
from knowledge.posts.listing import listed, relist
from knowledge.posts.models import Post
from knowledge.search.filters import Filters
from knowledge.search.results import results

LISTS = [
    "/",
    "/issue-areas/housing/",
    "/organizations/harbor-street/",
    "/members/alice/",
    "/search/",
    "/search/?q=viewing",
]
FEEDS = ["/feed.atom", "/issue-areas/homelessness/feed.atom", "/search/feed.atom?q=viewing"]


def put_in(state: str, post: Post) -> None:
    if state != "public":
        setattr(post, {"withdrawn": "withdrawn_at", "hidden": "hidden_at", "held": "held_at"}[state], timezone.now())
        post.save()
        relist(post)


ANSWERS = {
    "public": {"anonymous": 200, "charlie": 200, "carla": 200, "alice": 200},
    "held": {"anonymous": 404, "charlie": 404, "carla": 200, "alice": 200},
    "withdrawn": {"anonymous": 410, "charlie": 410, "carla": 410, "alice": 410},
    "hidden": {"anonymous": 410, "charlie": 410, "carla": 410, "alice": 410},
}


@pytest.mark.parametrize(("state", "who"), [(state, who) for state, row in ANSWERS.items() for who in row])
def test_what_a_posts_address_answers(request, client, post, state, who):
    if who != "anonymous":
        client.force_login(request.getfixturevalue(who))
    put_in(state, post)
    assert client.get(post.get_absolute_url()).status_code == ANSWERS[state][who]
    assert client.get(f"/posts/{post.number}/").status_code in {ANSWERS[state][who], 301}


@pytest.mark.parametrize("state", ["held", "withdrawn", "hidden"])
@pytest.mark.parametrize("path", LISTS + FEEDS)
def test_what_is_not_public_stands_in_no_list_and_no_feed(client, post, state, path):
    assert post.title in client.get(path).content.decode()
    put_in(state, post)
    assert post.title not in client.get(path).content.decode()


@pytest.mark.parametrize("state", ["held", "withdrawn", "hidden"])
def test_every_question_asks_what_the_reader_may_see(charlie, post, state):
    put_in(state, post)
    assert not Post.objects.visible_to(charlie).exists()
    assert listed(charlie) == []
    assert results(charlie, Filters(q="viewing")).numbers == []


def test_withdrawing_leaves_a_marker_and_keeps_the_history_for_its_own(signed_in, client, alice, post):
    path = post.get_absolute_url()
    browser = signed_in(alice)
    assert browser.post(f"{path}withdraw/").status_code == 302
    gone = client.get(path)
    assert gone.status_code == 410
    assert post.title not in gone.content.decode()
    assert post.title in browser.get(path).content.decode()
    assert browser.get(f"{path}versions/1/").status_code == 200
    assert client.get(f"{path}versions/1/").status_code == 410
    assert "Withdrawn" in browser.get("/organizations/harbor-street/posts/").content.decode()


@pytest.mark.parametrize(("who", "status"), [("alice", 302), ("bob", 302), ("carla", 403), ("charlie", 403)])
def test_who_may_withdraw(signed_in, request, post, who, status):
    assert signed_in(request.getfixturevalue(who)).post(f"{post.get_absolute_url()}withdraw/").status_code == status
    assert Post.objects.filter(withdrawn_at=None).exists() == (status == 403)


@pytest.mark.parametrize("verb", ["edit", "withdraw"])
def test_without_an_account_one_is_sent_to_sign_in(client, post, verb):
    answer = client.get(f"{post.get_absolute_url()}{verb}/")
    assert answer.status_code == 302
    assert "/accounts/login/?next=" in answer["Location"]


def test_a_withdrawn_post_can_be_neither_edited_nor_commented(signed_in, alice, charlie, post):
    withdraw(post, by=alice)
    assert signed_in(alice).get(f"{post.get_absolute_url()}edit/").status_code == 404
    assert signed_in(charlie).post(f"{post.get_absolute_url()}comment/", {"body": "Still?"}).status_code == 404


def test_an_organizations_own_list_is_for_its_members(signed_in, client, alice, charlie, post):
    path = "/organizations/harbor-street/posts/"
    assert signed_in(alice).get(path).status_code == 200
    assert signed_in(charlie).get(path).status_code == 404
    assert client.get(path).status_code == 302
