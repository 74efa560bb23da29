"""The section "On this device" at /following/: its forms, and whose they are."""

import pytest

from knowledge.notifications.browsers import push_on
from knowledge.notifications.models import PushSubscription
from knowledge.views.push import named
from tests.pushing import Device

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def given(device, **changes):
    browser = device.browser
    return {"endpoint": browser.endpoint, "p256dh": browser.p256dh, "auth": browser.auth, **changes}


def test_turning_it_on_lists_the_browser_and_off_takes_it_away(signed_in, alice):
    client = signed_in(alice)
    on = client.post(
        "/following/push/on/", given(Device("https://push.example/1")), headers={"User-Agent": FIREFOX}, follow=True
    )
    page = on.content.decode()
    assert "On. What is told as it happens now shows on this device too." in page
    assert "Firefox on Linux" in page
    this = PushSubscription.objects.get(member=alice)
    off = client.post(f"/following/push/{this.pk}/off/", follow=True).content.decode()
    assert "Off. Nothing shows on that device any more." in off
    assert "Firefox on Linux" not in off
    assert client.post(f"/following/push/{this.pk}/off/").status_code == 302  # twice is once


def test_what_no_browser_gives_is_refused_in_words(signed_in, alice):
    client = signed_in(alice)
    for odd in ({"endpoint": "http://push.example/1"}, {"endpoint": ""}, {"p256dh": "x"}, {"auth": "\u00fc"}):
        page = client.post("/following/push/on/", given(Device("https://push.example/1"), **odd), follow=True)
        assert page.status_code == 200
        assert "The browser gave" in page.content.decode()
    assert not PushSubscription.objects.exists()


def test_others_browsers_are_not_seen_and_not_turned_off(signed_in, alice, bob):
    this = push_on(alice, *Device("https://push.example/alice").browser, name="Alice's phone")
    client = signed_in(bob)
    assert "push.example/alice" not in client.get("/following/").content.decode()
    client.post(f"/following/push/{this.pk}/off/")
    assert PushSubscription.objects.filter(pk=this.pk).exists()


def test_it_is_asked_for_by_post_and_signed_in(client, alice, signed_in):
    assert client.post("/following/push/on/", {})["Location"].startswith("/accounts/login/")
    assert signed_in(alice).get("/following/push/on/").status_code == 405


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Gecko/20100101 Firefox/140.0", "Firefox on macOS"),
        ("<script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_named_for_its_owner(agent, name):
    assert named(agent) == name
