"""The page of what one follows, searches one follows, muting; following by e-mail without an account, and leaving in one click."""

import datetime as dt
import re

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commons.activity.models import Activity, Verb
from knowledge import jobs
from knowledge.comments.actions import answer_challenge
from knowledge.notifications.leaving import DIRECT, confirm_at, leave_at
from knowledge.notifications.models import Letter, Notification
from knowledge.search.models import SavedSearch
from knowledge.subscriptions.actions import subscribe, subscribe_reader
from knowledge.subscriptions.models import Cadence, Followable, Following, Muted, Reader, Subscription
from tests.make import area, make_comment, make_member, make_post, make_ready, make_report, place

pytestmark = pytest.mark.django_db


def path_of(address: str) -> str:
    return re.sub(r"^https?://[^/]+", "", address)


# On the site


def test_one_page_to_see_and_change_them_all(signed_in, alice, charlie, organization, post):
    for kind, pk in (
        (Followable.AREA, area().pk),
        (Followable.ORGANIZATION, organization.pk),
        (Followable.POST, post.pk),
    ):
        subscribe(kind, pk, by=charlie)
    browser = signed_in(charlie)
    page = browser.get("/following/").content.decode()
    for name in ("Homelessness", organization.name, post.title):
        assert name in page
    answer = browser.post(f"/subscribe/area/{area().pk}/", {"cadence": "daily", "next": "/following/"})
    assert answer["Location"] == "/following/"
    changed = Subscription.objects.get(member=charlie, kind="area")
    assert (changed.cadence, changed.wants) == ("daily", ["moves", "aside", "vettings", "reports", "new"])


def test_what_one_hears_of_can_be_chosen(signed_in, charlie):
    browser = signed_in(charlie)
    path = f"/subscribe/area/{area().pk}/"
    assert browser.get(path).content.decode().count("checked") == 1 + 5
    browser.post(path, {"cadence": "weekly", "has_wants": "1", "wants": ["comments", "moves", "nonsense"]})
    assert Subscription.objects.get(member=charlie).wants == ["moves", "comments"]
    answer = browser.post(path, {"cadence": "weekly", "has_wants": "1"})
    assert answer.status_code == 400
    assert "at least one thing" in answer.content.decode()
    assert Subscription.objects.get(member=charlie).wants == ["moves", "comments"]


def test_holidays_and_what_concerns_oneself(signed_in, charlie):
    browser = signed_in(charlie)
    until = timezone.now().date() + dt.timedelta(days=14)
    assert browser.post("/following/", {"direct": "daily", "paused_until": until.isoformat()}).status_code == 302
    how = Following.objects.get(member=charlie)
    assert (how.direct, how.paused_until) == ("daily", until)
    browser.post("/following/", {"direct": "site", "paused_until": ""})
    assert Following.objects.get(member=charlie).paused_until is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"direct": "hourly"}, "Choose as it happens"),
        ({"direct": "daily", "paused_until": "soon"}, "Write the day as 2025-03-31"),
        ({"direct": "daily", "paused_until": "2020-01-01"}, "yet to come"),
        ({"direct": "daily", "paused_until": "2099-01-01"}, "within a year"),
    ],
)
def test_a_day_or_a_cadence_that_is_none(signed_in, charlie, typed, words):
    answer = signed_in(charlie).post("/following/", typed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Following.objects.exists()


def test_muting_a_post_and_hearing_of_it_again(signed_in, charlie, post):
    browser = signed_in(charlie)
    browser.post(f"/subscribe/post/{post.pk}/", {"action": "mute"})
    browser.post(f"/subscribe/post/{post.pk}/", {"action": "mute"})
    assert Muted.objects.get().member == charlie
    assert "Hear of it again" in browser.get("/following/").content.decode()
    browser.post(f"/subscribe/post/{post.pk}/", {"action": "unmute"})
    assert not Muted.objects.exists()


def test_who_writes_or_speaks_follows_and_who_stopped_or_muted_is_left_in_peace(signed_in, alice, charlie, post):
    assert Subscription.objects.get(member=alice, kind="post").cadence == "daily"
    make_comment(post, charlie)
    assert Subscription.objects.filter(member=charlie, kind="post", object_id=post.pk).count() == 1
    assert Activity.objects.filter(verb=Verb.SUBSCRIBED, by=charlie).count() == 1
    browser = signed_in(charlie)
    browser.post(f"/subscribe/post/{post.pk}/", {"action": "stop"})
    browser.post(f"/subscribe/post/{post.pk}/", {"action": "mute"})
    make_comment(post, charlie, "Once more.")
    assert not Subscription.objects.filter(member=charlie).exists()


# Searches


def test_a_filtered_list_can_be_followed(signed_in, client, alice, charlie):
    make_post(alice, "We lose the deposit")
    browser = signed_in(charlie)
    for page, address in (
        ("/search/?q=deposit&rung=hunch", "/subscribe/search/?q=deposit&amp;rung=hunch"),
        ("/issue-areas/homelessness/?rung=hunch", "/subscribe/search/?area=homelessness&amp;rung=hunch"),
        ("/search/?rung=hunch&sort=moved", "/subscribe/search/?rung=hunch"),
    ):
        assert f'href="{address}"' in browser.get(page).content.decode(), page
    assert "/subscribe/search/" not in browser.get("/search/").content.decode()
    path = "/subscribe/search/?rung=hunch&q=deposit"
    assert "“deposit”, Hunch" in browser.get(path).content.decode()
    assert not SavedSearch.objects.exists()
    for _ in range(2):
        browser.post(path, {"cadence": "daily", "next": "/following/"})
    saved = SavedSearch.objects.get()
    assert (saved.query, saved.q, saved.standings) == ("q=deposit&rung=hunch", "deposit", [1])
    assert Subscription.objects.get(member=charlie).object_id == saved.pk
    assert "“deposit”, Hunch" in browser.get("/following/").content.decode()
    assert client.get("/subscribe/search/").status_code == 302
    assert client.get("/subscribe/search/?rung=highest").status_code == 404


# By e-mail, without an account


@pytest.fixture
def mailbox(settings, tmp_path):
    from commons.mail import TrialMail

    settings.EMAIL_BACKEND = "commons.mail.MailboxBackend"
    settings.VAR_DIR = tmp_path
    return TrialMail.objects.order_by("pk")


def test_following_by_e_mail_wants_a_yes_from_the_address(client, alice, mailbox):
    path = f"/subscribe/area/{area().pk}/"
    page = client.get(path).content.decode()
    assert "Follow by e-mail" in page
    for _ in range(2):
        answer = client.post(path, {"action": "by_mail", "address": "Reader@people.example", "cadence": "daily"})
    assert "Look in your mail" in answer.content.decode()
    assert not Reader.objects.exists()
    jobs.codes(0)
    mail = mailbox.get()
    assert mail.to == "Reader@people.example"
    assert mail.subject == "Do you want to follow Homelessness?"
    confirm = path_of(re.search(r"http\S+/confirm/\S+", mail.body)[0])
    assert "Yes, follow it" in client.get(confirm).content.decode()
    assert not Subscription.objects.filter(reader__isnull=False).exists()
    for _ in range(2):
        assert "You follow Homelessness" in client.post(confirm).content.decode()
    subscription = Subscription.objects.get(reader__isnull=False)
    assert (subscription.kind, subscription.object_id, subscription.cadence) == ("area", area().pk, "daily")
    assert subscription.reader.address == "Reader@people.example"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"address": ""}, "Type the address"),
        ({"address": "nobody"}, "That is not an e-mail address."),
        ({"address": "a@people.example\nBcc: b@people.example"}, "That is not an e-mail address."),
        ({"address": "a@people.example", "cadence": "at_once"}, "Choose daily or weekly."),
    ],
)
def test_an_address_that_is_none(client, typed, words):
    answer = client.post(f"/subscribe/area/{area().pk}/", {"action": "by_mail", "cadence": "weekly", **typed})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Letter.objects.exists()


def test_an_address_is_not_asked_without_end(client, alice, mailbox):
    posts = [make_post(alice, f"Post {number}") for number in range(7)]
    for post in posts:
        client.post(
            f"/subscribe/post/{post.pk}/", {"action": "by_mail", "address": "r@people.example", "cadence": "weekly"}
        )
    jobs.codes(0)
    assert mailbox.count() == 5


def test_one_machine_does_not_ask_without_end(client, alice):
    answers = [
        client.post(
            f"/subscribe/area/{area().pk}/",
            {"action": "by_mail", "address": f"r{number}@people.example", "cadence": "weekly"},
        ).status_code
        for number in range(22)
    ]
    assert answers == [200] * 20 + [429] * 2


def test_a_reader_cannot_follow_what_is_not_public(client, alice, post, mailbox):
    address = path_of(confirm_at("r@people.example", "post", post.pk, "weekly"))
    type(post).objects.filter(pk=post.pk).update(held_at=timezone.now())
    assert client.post(f"/subscribe/post/{post.pk}/", {"action": "by_mail"}).status_code == 404
    assert client.post(address).status_code == 410
    assert not Reader.objects.exists()


# Leaving


@pytest.fixture
def reader(db):
    return subscribe_reader("reader@people.example", Followable.AREA, area().pk).reader


def test_leaving_in_one_click_without_a_cookie(client, charlie, organization):
    subscribe(Followable.AREA, area().pk, by=charlie)
    subscribe(Followable.ORGANIZATION, organization.pk, by=charlie)
    path = path_of(leave_at(charlie, f"area:{area().pk}"))
    page = client.get(path)
    assert "mail about Homelessness" in page.content.decode()
    assert Subscription.objects.filter(member=charlie).count() == 2
    for _ in range(2):
        answer = client.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "You have left" in answer.content.decode()
    assert [left.kind for left in Subscription.objects.filter(member=charlie)] == ["organization"]
    assert "sessionid" not in answer.cookies
    assert "csrftoken" not in answer.cookies


def test_leaving_needs_no_token_that_a_browser_would_bring(charlie):
    from django.test import Client

    subscribe(Followable.AREA, area().pk, by=charlie)
    path = path_of(leave_at(charlie, "weekly"))
    assert Client(enforce_csrf_checks=True).post(path).status_code == 200
    assert Subscription.objects.get(member=charlie).cadence == Cadence.SITE


def test_leaving_what_concerns_oneself(client, charlie):
    client.post(path_of(leave_at(charlie, DIRECT)))
    assert Following.objects.get(member=charlie).direct == Cadence.SITE


def test_a_reader_leaves_one_list_or_all(client, reader, post):
    subscribe_reader(reader.address, Followable.POST, post.pk)
    client.post(path_of(leave_at(reader, f"post:{post.pk}")))
    assert [left.kind for left in reader.subscriptions.all()] == ["area"]
    client.post(path_of(leave_at(reader, "weekly")))
    assert not reader.subscriptions.exists()


@pytest.mark.parametrize("forged", ["x", "Im0xIHdlZWtseSI:1abc:xyz", "%00", "a" * 3000])
def test_a_forged_link_leaves_nothing(client, charlie, forged):
    subscribe(Followable.AREA, area().pk, by=charlie)
    for answer in (client.get(f"/leave/{forged}/"), client.post(f"/leave/{forged}/")):
        assert answer.status_code in (404, 400)
    assert Subscription.objects.get(member=charlie).cadence == Cadence.WEEKLY


def test_another_links_signature_is_none_here(client, charlie):
    subscribe(Followable.AREA, area().pk, by=charlie)
    token = signing.dumps(f"m{charlie.pk} weekly", salt="confirm")
    assert client.post(f"/leave/{token}/").status_code == 404
    assert "does not work" in client.get(f"/confirm/{token}/").content.decode()


def test_a_link_holds_for_years_and_not_for_ever(client, charlie, monkeypatch):
    subscribe(Followable.AREA, area().pk, by=charlie)
    path = path_of(leave_at(charlie, "weekly"))
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 2.9 * 365 * 86400)
    assert client.get(path).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now + 4 * 365 * 86400)
    assert client.get(path).status_code == 404


def test_a_link_of_a_closed_account_works_or_says_why(client, charlie):
    subscribe(Followable.AREA, area().pk, by=charlie)
    charlie.is_active = False
    charlie.save()
    assert client.post(path_of(leave_at(charlie, "weekly"))).status_code == 200
    gone = make_member()
    path = path_of(leave_at(gone, "weekly"))
    gone.emailaddress_set.all().delete()
    type(gone).objects.filter(pk=gone.pk).delete()
    assert client.get(path).status_code == 404


def test_links_in_mail_lead_to_the_site_whatever_the_request_said(client, alice, mailbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post(
        f"/subscribe/area/{area().pk}/",
        {"action": "by_mail", "address": "r@people.example", "cadence": "weekly"},
        headers={"host": "elsewhere.example"},
    )
    jobs.codes(0)
    assert "elsewhere.example" not in mailbox.get().body + mailbox.get().html


# Notifications


def test_the_page_of_notifications(signed_in, alice, charlie, post):
    make_comment(post, charlie, "Of how many?", kind="question")
    make_comment(post, charlie, "And when?", kind="question")
    for activity in Activity.objects.order_by("pk"):
        jobs.announce(activity.pk)
    browser = signed_in(alice)
    page = browser.get("/notifications/").content.decode()
    assert "2 comments on “Paying at the viewing keeps homes”" in page
    assert '<span class="count">2<span class="hidden"> unread</span></span>' in page
    first = Notification.objects.filter(member=alice).latest("pk")
    answer = browser.get(f"/notifications/{first.pk}/")
    assert answer["Location"].startswith(post.get_absolute_url())
    assert not Notification.objects.filter(member=alice, read_at=None).exists()
    assert '<span class="count"></span>' in browser.get("/notifications/").content.decode()


def test_marking_all_as_read_leaves_what_came_meanwhile(signed_in, alice, charlie, post):
    make_comment(post, charlie)
    jobs.announce(Activity.objects.get(verb=Verb.COMMENTED).pk)
    browser = signed_in(alice)
    up_to = re.search(r'name="up_to" value="(\d+)"', browser.get("/notifications/").content.decode())[1]
    make_comment(post, charlie, "One more.")
    for activity in Activity.objects.order_by("pk"):
        jobs.announce(activity.pk)
    browser.post("/notifications/", {"up_to": up_to})
    assert Notification.objects.filter(member=alice, read_at=None).count() == 1
    assert browser.post("/notifications/", {"up_to": "all"}).status_code == 400


def test_others_notifications_are_not_ones_own(signed_in, alice, charlie, post):
    make_comment(post, charlie)
    for activity in Activity.objects.order_by("pk"):
        jobs.announce(activity.pk)
    mine = Notification.objects.get(member=alice)
    assert signed_in(charlie).get(f"/notifications/{mine.pk}/").status_code == 404
    assert Notification.objects.get(pk=mine.pk).read_at is None


def test_a_long_page_costs_what_a_short_one_does(signed_in, alice, charlie):
    """However many notifications, of however many posts, and however many things are followed."""

    def happen(times: int) -> None:
        for number in range(times):
            this = make_post(alice, f"Post {number} of {times}")
            said = make_comment(this, charlie, "Really?", kind="challenge")
            answer_challenge(said, by=alice, body="Yes.")
            make_report(make_ready(alice), charlie, place=place("KE"))
            subscribe(Followable.POST, this.pk, by=charlie)
        for activity in Activity.objects.order_by("pk"):
            jobs.announce(activity.pk)

    happen(1)
    browsers = {alice: signed_in(alice), charlie: signed_in(charlie)}
    costs = {}
    for times in (0, 2, 6):
        happen(times)
        for who, path in ((alice, "/notifications/"), (charlie, "/notifications/"), (charlie, "/following/")):
            browsers[who].get(path)
            with CaptureQueriesContext(connection) as queries:
                assert browsers[who].get(path).status_code == 200
            assert costs.setdefault((who, path), len(queries)) == len(queries)
    assert costs == {(alice, "/notifications/"): 9, (charlie, "/notifications/"): 8, (charlie, "/following/"): 9}
