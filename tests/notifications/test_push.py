"""Web push as a push service and a browser get it: signed, for one browser alone, once, and only what its owner may still see."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members.models import Member
from commons import push, queue
from commons.activity.models import Activity
from knowledge import jobs
from knowledge.notifications import actions, pushing, sending
from knowledge.notifications.browsers import BROWSERS_MOST, push_off, push_on
from knowledge.notifications.models import Notification, Outcome, Push, PushSubscription
from knowledge.notifications.pushing import FAILURES_MOST, push_due
from knowledge.posts.actions import withdraw
from knowledge.subscriptions.actions import pause, set_direct, subscribe
from knowledge.subscriptions.models import Cadence, Followable
from tests.listening import Listening
from tests.make import area, make_comment, make_member, make_post
from tests.pushing import Device, claims_of

pytestmark = pytest.mark.django_db
A_MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def service(settings, tmp_path):
    """A push service on this machine."""
    settings.PUSH_ALLOW_LOCAL = True
    settings.VAR_DIR = tmp_path
    settings.SITE_CONTACT = "hello@commons.example"
    with Listening() as listening:
        yield listening


@pytest.fixture
def device(service, alice):
    """Alice's browser, in which push is on."""
    return turn_on(alice, service, "phone")


def turn_on(member, service, name="browser") -> Device:
    device = Device(f"{service.address}/{name}")
    push_on(member, *device.browser, name=name)
    return device


def tell_all() -> None:
    """What the worker does with each activity."""
    for activity in Activity.objects.order_by("pk"):
        jobs.announce(activity.pk)


def push_all() -> int:
    tell_all()
    return push_due()


def outcomes() -> list[tuple[str, str]]:
    return list(Push.objects.order_by("pk").values_list("outcome", "reason"))


def later(by: dt.timedelta) -> None:
    """Let time pass for what waits to be tried again."""
    for waiting in PushSubscription.objects.exclude(waits_until=None):
        PushSubscription.objects.filter(pk=waiting.pk).update(waits_until=waiting.waits_until - by)


# What arrives


def test_a_reply_reaches_the_browser_signed_and_readable_by_it_alone(service, device, alice, charlie, post):
    make_comment(post, charlie, "We see this in Leeds.")
    assert push_all() == 1
    [asked] = service.asked
    told = Notification.objects.get(member=alice, activity__subject_kind="comment")
    assert asked.path == "/phone"
    said = device.read(asked.body)
    assert said.pop("icon").startswith("/static/icons/icon-192")
    assert said == {
        "title": "Paying at the viewing keeps homes",
        "body": "Charlie Chen commented on this post\nWe see this in Leeds.",
        "tag": f"post-{post.pk}",
        "url": f"/notifications/{told.pk}/",
        "page": f"/posts/{post.number}/",
    }
    assert b"Leeds" not in asked.body
    claims = claims_of(asked.headers["Authorization"], key=push.public_key())
    assert claims["aud"] == service.address
    assert claims["sub"] == "mailto:hello@commons.example"
    assert asked.headers["Content-Encoding"] == "aes128gcm"
    assert asked.headers["Topic"] == f"post-{post.pk}"
    assert asked.headers["Urgency"] == "normal"
    assert 86_000 < int(asked.headers["TTL"]) <= 86_400
    [subscription] = PushSubscription.objects.all()
    assert subscription.last_ok_at is not None
    assert outcomes() == [("sent", "")]


def test_its_address_leads_to_what_it_tells_and_reads_it(service, device, alice, charlie, post, signed_in):
    make_comment(post, charlie)
    push_all()
    page = signed_in(alice).get(device.read(service.asked[0].body)["url"])
    assert page.status_code == 302
    assert page["Location"].startswith(post.get_absolute_url())
    assert not Notification.objects.filter(member=alice).unread().exists()


def test_each_browser_of_a_member_gets_it_and_nobody_elses(service, device, alice, bob, charlie, post):
    office = turn_on(alice, service, "office")
    turn_on(bob, service, "bobs")
    make_comment(post, charlie)
    assert push_all() == 2
    assert {asked.path for asked in service.asked} == {"/phone", "/office"}
    by_path = {asked.path: asked.body for asked in service.asked}
    assert office.read(by_path["/office"]) == device.read(by_path["/phone"])


@pytest.mark.parametrize(("cadence", "number"), [("at_once", 1), ("daily", 0), ("weekly", 0), ("site", 0)])
def test_what_is_followed_is_pushed_where_it_is_told_as_it_happens(service, alice, cadence, number):
    fola = make_member("Fola Follower")
    subscribe(Followable.AREA, area().pk, by=fola, cadence=Cadence(cadence))
    turn_on(fola, service)
    make_post(alice)
    assert push_all() == number


def test_what_concerns_oneself_is_pushed_as_often_as_one_chose(service, device, alice, charlie, post):
    set_direct(alice, Cadence.DAILY)
    make_comment(post, charlie)
    assert push_all() == 0


def test_what_was_before_push_was_on_is_not_pushed(service, alice, charlie, post):
    make_comment(post, charlie)
    turn_on(alice, service)
    assert push_all() == 0
    assert not Push.objects.exists()


def test_long_words_in_any_script_fit_a_push_message(service, device, alice, charlie):
    post = make_post(alice, "𝔓" * 160)
    make_comment(post, charlie, '"\\𝔚' * 3000)
    assert push_all() == 1
    assert len(service.asked[0].body) <= 4096
    assert device.read(service.asked[0].body)["title"] == "𝔓" * 160


# Once


def test_done_twice_it_is_pushed_once(service, device, charlie, post):
    make_comment(post, charlie)
    assert [push_all() for _ in range(3)] == [1, 0, 0]
    assert len(service.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_several_senders_push_each_once(service, request):
    call_command("load_topics", verbosity=0)
    post, charlie = request.getfixturevalue("post"), request.getfixturevalue("charlie")
    request.getfixturevalue("device")
    for number in range(12):
        make_comment(post, charlie, f"Remark {number}.")
    tell_all()

    def send(_):
        try:
            return push_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as senders:
        assert sum(senders.map(send, range(3))) == 12
    assert len(service.asked) == 12


def test_a_sender_that_was_killed_leaves_it_to_the_next(service, device, charlie, post):
    make_comment(post, charlie)
    tell_all()
    assert pushing._take(timezone.now()) is not None  # taken up, and then nothing
    assert push_due() == 0
    Push.objects.update(leased_until=timezone.now())
    assert push_due() == 1


def test_one_that_cannot_be_said_holds_up_no_other(service, device, charlie, post, monkeypatch):
    for number in range(2):
        make_comment(post, charlie, f"Remark {number}.")
    tell_all()
    first, tried, said = Push.objects.order_by("pk").first(), [], pushing.items

    def fails_once(*args):
        tried.append(args)
        if len(tried) == 1:
            raise RuntimeError("A mistake of ours.")
        return said(*args)

    monkeypatch.setattr(pushing, "items", fails_once)
    assert push_due() == 1
    first.refresh_from_db()
    assert first.closed_at is None


def test_without_a_browser_no_job_is_made(charlie, post):
    make_comment(post, charlie)
    before = ProcrastinateJob.objects.filter(task_name=queue.PUSH).count()
    tell_all()
    assert ProcrastinateJob.objects.filter(task_name=queue.PUSH).count() == before
    assert not Push.objects.exists()


def test_a_browser_to_push_to_wakes_the_push_lane(service, device, charlie, post):
    make_comment(post, charlie)
    tell_all()
    assert ProcrastinateJob.objects.filter(task_name=queue.PUSH, queue_name="push", status="todo").exists()
    jobs.push(0)
    assert len(service.asked) == 1


# What is not pushed, and why


def test_a_withdrawn_post_is_not_pushed(service, alice):
    fola = make_member("Fola Follower")
    subscribe(Followable.AREA, area().pk, by=fola, cadence=Cadence.AT_ONCE)
    turn_on(fola, service)
    post = make_post(alice)
    tell_all()
    withdraw(post, by=alice)
    assert push_due() == 0
    assert service.asked == []
    assert outcomes()[0] == ("nothing", "It is read already, or gone, or not for them to see any more.")


def test_what_is_read_already_is_not_pushed(service, device, alice, charlie, post):
    make_comment(post, charlie)
    tell_all()
    actions.read_of_post(post.pk, by=alice)
    assert push_due() == 0
    assert service.asked == []


def test_nothing_is_pushed_to_who_is_suspended_on_holiday_or_elsewhere(service, device, alice, charlie, post):
    make_comment(post, charlie)
    tell_all()
    tomorrow = timezone.localdate() + dt.timedelta(days=2)
    for put, back, reason in (
        (
            lambda: Member.objects.filter(pk=alice.pk).update(is_active=False),
            lambda: Member.objects.filter(pk=alice.pk).update(is_active=True),
            "The account is closed or suspended.",
        ),
        (lambda: pause(alice, tomorrow), lambda: pause(alice, None), f"They are on holiday until {tomorrow:%-d %B}."),
        (
            lambda: Notification.objects.update(at=timezone.now() - dt.timedelta(days=1)),
            lambda: Notification.objects.update(at=timezone.now()),
            "It is no news any more.",
        ),
    ):
        put()
        assert push_due() == 0
        assert outcomes() == [("nothing", reason)]
        back()
        Push.objects.update(closed_at=None, outcome=Outcome.WAITING)
    assert push_due() == 1
    assert len(service.asked) == 1


def test_nothing_is_pushed_while_mail_is_held(service, device, charlie, post):
    make_comment(post, charlie)
    tell_all()
    sending.hold("The database was put back.")
    assert push_due() == 0
    sending.release()
    assert push_due() == 1


# What a push service answers


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_took_it_back_is_forgotten(service, device, charlie, post, status):
    service.answer(status)
    make_comment(post, charlie)
    assert push_all() == 0
    assert not PushSubscription.objects.exists()
    assert not Push.objects.exists()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_push_service_that_is_busy_is_asked_again_later(service, device, charlie, post, status):
    service.answer(status, "Too many.\x00\x1b\n")
    service.answer(201)
    make_comment(post, charlie)
    assert push_all() == 0
    [subscription] = PushSubscription.objects.all()
    assert (subscription.failed, subscription.reason) == (1, f"The push service answered {status}: Too many.")
    assert A_MINUTE < subscription.waits_until - timezone.now() <= 2 * A_MINUTE
    assert push_due() == 0
    assert len(service.asked) == 1
    later(2 * A_MINUTE)
    assert push_due() == 1
    subscription.refresh_from_db()
    assert (subscription.failed, subscription.reason, subscription.waits_until) == (0, "", None)


def in_an_hour() -> str:
    return format_datetime(timezone.now().astimezone(dt.UTC) + 60 * A_MINUTE, usegmt=True)


@pytest.mark.parametrize(
    ("says", "minutes"),
    [
        (lambda: "3600", 60),
        (in_an_hour, 60),
        (lambda: "1", 2),
        (lambda: "9" * 5_000, 24 * 60),
        (lambda: "²", 2),
        (lambda: "Tue, 99 Foo", 2),
        (lambda: "-5", 2),
        (lambda: "Mon, 01 Jan 0001 00:00:00 +2359", 2),
    ],
)
def test_it_is_left_alone_for_as_long_as_it_says(service, device, charlie, post, says, minutes):
    service.answer(429, headers={"Retry-After": says()})
    make_comment(post, charlie)
    push_all()
    [subscription] = PushSubscription.objects.all()
    assert abs(subscription.waits_until - timezone.now() - minutes * A_MINUTE) < A_MINUTE / 2


def test_after_so_many_failures_in_a_row_it_is_given_up_and_later_tried_once(service, device, charlie, post):
    service.answer(503)
    make_comment(post, charlie)
    tell_all()
    for _ in range(FAILURES_MOST + 2):
        push_due()
        later(dt.timedelta(days=1))
    assert len(service.asked) == FAILURES_MOST
    assert outcomes() == [("failed", "Tried 5 times in a row; at last: The push service answered 503")]
    make_comment(post, charlie, "And again.")
    push_all()
    assert len(service.asked) == FAILURES_MOST + 1
    later(dt.timedelta(days=1))
    service.answers[:] = [(201, "", {})]
    make_comment(post, charlie, "And at last.")
    assert push_all() == 1


@pytest.mark.parametrize("status", [301, 400, 403, 413])
def test_what_a_push_service_never_takes_is_not_tried_again(service, device, charlie, post, status):
    service.answer(status, headers={"Location": f"{service.address}/inside"})
    make_comment(post, charlie)
    push_all()
    push_due()
    assert len(service.asked) == 1
    assert outcomes() == [("refused", f"The push service answered {status}")]


def test_a_push_service_that_is_away_holds_up_no_other(service, device, alice, charlie, post):
    away = Device("http://127.0.0.1:9/gone")
    push_on(alice, *away.browser)
    make_comment(post, charlie)
    assert push_all() == 1
    assert "127.0.0.1 did not answer" in PushSubscription.objects.get(endpoint=away.browser.endpoint).reason


def test_an_endpoint_that_leads_inside_is_not_asked(service, alice, charlie, post, settings):
    settings.PUSH_ALLOW_LOCAL = False
    push_on(alice, *Device(f"https://localhost:{service.server.server_port}/inside").browser)
    make_comment(post, charlie)
    assert push_all() == 0
    assert service.asked == []
    assert outcomes() == [("refused", "localhost leads to an address that is not public.")]


# Turning it on and off


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "/relative",
        "http://push.example/1",
        "https://127.0.0.1/1",
        "https://[::1]/1",
        "https://[half/1",
        "https://user:password@push.example/1",
        "https://push.example:99999/1",
        "https://push.example/a b",
        "https://push.example/\r\nHost: inside",
        "https://püsh.example/1",
        "javascript:alert(1)",
        f"https://push.example/{'a' * 1000}",
    ],
)
def test_an_endpoint_no_browser_gives_is_refused(alice, endpoint):
    with pytest.raises(ValidationError):
        push_on(alice, endpoint, *Device("").browser[1:])
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", ""),
        ("AAAA", "AAAA"),
        ("ü", "ü"),
        ("B" + "A" * 86, "A" * 22),
        (None, "A" * 10),
        (None, "A" * 40),
        ("x" * 99, None),
    ],
)
def test_keys_that_are_none_are_refused(alice, p256dh, auth):
    good = Device("https://push.example/1").browser
    with pytest.raises(ValidationError, match="keys"):
        push_on(alice, good.endpoint, good.p256dh if p256dh is None else p256dh, good.auth if auth is None else auth)


def test_on_twice_is_once_and_with_the_newest_keys(alice):
    endpoint = "https://push.example/1"
    push_on(alice, *Device(endpoint).browser)
    second = Device(endpoint).browser
    push_on(alice, second.endpoint, second.p256dh + "=", second.auth + "==")
    [there] = PushSubscription.objects.all()
    assert (there.p256dh, there.auth) == second[1:]


def test_so_many_browsers_and_no_more(alice, bob):
    devices = [Device(f"https://push.example/{number}").browser for number in range(BROWSERS_MOST + 1)]
    for browser in devices[:-1]:
        push_on(alice, *browser)
    with pytest.raises(ValidationError, match="10 browsers already"):
        push_on(alice, *devices[-1])
    push_on(alice, *devices[0])  # this one is among them
    push_on(bob, *devices[-1])


def test_a_browser_is_one_members_and_what_waited_for_the_other_is_not_pushed(
    service, device, alice, bob, charlie, post
):
    make_comment(post, charlie)
    tell_all()
    push_on(bob, *device.browser)
    assert PushSubscription.objects.get().member == bob
    assert push_due() == 0
    assert service.asked == []


def test_off_is_ones_own_and_ends_what_waits(service, device, alice, bob, charlie, post):
    make_comment(post, charlie)
    tell_all()
    pk = PushSubscription.objects.get().pk
    assert not push_off(bob, pk)
    assert push_off(alice, pk)
    assert not push_off(alice, pk)
    assert push_due() == 0
    assert service.asked == []


def test_who_is_suspended_turns_nothing_on(alice):
    alice.is_active = False
    with pytest.raises(PermissionDenied):
        push_on(alice, *Device("https://push.example/1").browser)


def test_what_was_pushed_long_ago_is_tidied_away(service, device, charlie, post):
    make_comment(post, charlie)
    push_all()
    jobs.tidy(0)
    assert Push.objects.count() == 1
    Push.objects.update(closed_at=timezone.now() - dt.timedelta(days=15))
    jobs.tidy(0)
    assert not Push.objects.exists()
