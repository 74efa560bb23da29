"""Where `next` may lead: to a page of this site that can be looked at; never elsewhere, never to an act, never to a fault."""

import pytest
from django.urls import reverse

from commons.next_page import is_page
from tests.make import PASSWORD, make_member

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/following/",
    "/following/?older=1-1#devices",
    "/posts/new/",
    "/posts/1/a-title/",
    "/posts/1/a-title/comment/?kind=challenge",
    "/organizations/new/?next=/posts/new/",
    "/tags/%C3%A9t%C3%A9/",
    "/tags/été/",
    "/drafts/shared/a-key/",
    "/accounts/login/?next=%2Ffollowing%2F",
    "/admin/",
]
NO_PAGES = [
    "abc",
    "²",
    "home",
    "following",
    "account_logout",
    "drafts",
    "knowledge.views.home.home",
    "?a=1",
    "#top",
    ".",
    "..",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\\/evil.test/",
    "/%5Cevil.test",
    "/%09/evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/following/\r\nLocation: //evil.test",
    "\x01//evil.test",
    " //evil.test",
    "https://evil.test/",
    "http:evil.test",
    "https:/evil.test",
    "//[",
    "http://[",
    "javascript:alert(1)",
    "data:text/html,x",
    "/nothing/of/ours/",
    "/static/icons.svg",
    "/tags/../accounts/logout/",
    "/tags/%2e%2e/",
    "/posts/1/../",
    "/accounts/logout/",
    "/accounts/logout/?next=/",
    "/accounts/%6Cogout/",
    "/admin/logout/",
    "/drafts/1/discard/",
    "/comments/1/withdraw/",
    "/following/push/on/",
    "/posts/preview/",
    "/leave/a-token/",
    "/confirm/a-token/",
    "/posts/" + "9" * 5000 + "/",
    "/tags/" + "é" * 500 + "/",
    "/following/?" + "a" * 3000,
    "/tags/\u202egnp/",
    "x" * 5_000,
]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_of_ours(address):
    assert is_page(address)


@pytest.mark.parametrize("address", NO_PAGES)
def test_no_page_of_ours(address):
    assert not is_page(address)


def test_no_page_that_only_takes_a_form(client, alice):
    """What the decorators of every view say is what the view answers: here for all that take no GET."""
    client.force_login(alice)
    for name, of in {"draft_save": [], "draft_discard": [1], "comment_withdraw": [1], "post_reads_alike": []}.items():
        assert client.get(reverse(name, args=of)).status_code == 405
        assert not is_page(reverse(name, args=of))


def sign_in(client, onward):
    member = make_member()
    return client.post("/accounts/login/", {"login": member.email, "password": PASSWORD, "next": onward})


def sign_in_by_address(client, onward):
    member = make_member()
    return client.post("/accounts/login/", {"login": member.email, "password": PASSWORD}, query_params={"next": onward})


def sign_out(client, onward):
    client.force_login(make_member())
    return client.post("/accounts/logout/", {"next": onward})


def found(client, onward):
    client.force_login(make_member())
    said = {"name": "Mill Lane", "kind": "nonprofit", "language": "en", "description": "Keys."}
    return client.post("/organizations/new/", said, query_params={"next": onward})


def subscribe(client, onward):
    member = make_member()
    client.force_login(member)
    return client.post(f"/subscribe/member/{member.pk}/", {"cadence": "daily", "next": onward})


def appearance(client, onward):
    return client.post("/appearance/", {"theme": "dark", "next": onward})


WORST = [
    "abc", "²", "account_logout", "/accounts/logout/", "/drafts/1/discard/", "//evil.test", "/\\evil.test", "/\n/evil.test",
    "http:evil.test", "//[", "x" * 5_000,
]  # fmt: skip
DOORS = {
    sign_in: "/",
    sign_in_by_address: "/",
    sign_out: "/",
    found: "/organizations/mill-lane/",
    subscribe: "/members/",
    appearance: "/",
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("onward", WORST)
def test_what_was_done_ends_well_wherever_next_leads(client, door, onward):
    answer = door(client, onward)
    assert answer.status_code == 302
    assert answer["Location"].startswith(DOORS[door])
    assert "evil" not in answer["Location"]
    assert "logout" not in answer["Location"]
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_page_is_where_one_comes(client, door):
    assert door(client, "/search/?q=keys")["Location"] == "/search/?q=keys"
