"""Mail as its readers get it: by a real SMTP server, at their morning, once, with the way out in it."""

import datetime as dt
import re
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from commons import mail as commons_mail
from commons.activity.models import Activity
from commons.delivery import LEASE
from knowledge import jobs
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.notifications import letters, sending
from knowledge.notifications.letters import make_at_once, make_digests, morning
from knowledge.notifications.models import TRIES_MOST, Bounce, Letter, Notification, Outcome, Sort
from knowledge.notifications.sending import TO_FOLLOWERS, send_due
from knowledge.posts.actions import withdraw
from knowledge.subscriptions.actions import pause, subscribe, subscribe_reader
from knowledge.subscriptions.models import Cadence, Followable
from tests.ladder.test_vetting import next_version
from tests.mail import html_of, links_of, text_of
from tests.make import area, make_comment, make_member, make_post, make_ready, make_report, make_reviewer
from tests.notifications.test_told import tell_all

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(days=8)


@pytest.fixture
def fola(db):
    """Somebody in Nairobi who follows homelessness, weekly."""
    member = make_member("Fola Follower", time_zone="Africa/Nairobi", email="fola@people.example")
    subscribe(Followable.AREA, area().pk, by=member, cadence=Cadence.WEEKLY)
    return member


def send(now: dt.datetime | None = None) -> int:
    """Make the mail that is due by then, and send it."""
    tell_all()
    make_at_once(now)
    make_digests(now)
    if now:
        Letter.objects.filter(closed_at=None, due_at__gt=timezone.now()).update(due_at=timezone.now())
    return send_due(TO_FOLLOWERS)


def header(letter, name: str) -> str:
    """A header as a mail program shows it, unfolded (RFC 5322, 2.2.3)."""
    return " ".join(str(letter[name]).split())


def without_links(letter) -> str:
    """A letter's words; the links to leave it are signed anew for each sending."""
    return re.sub(r"/leave/\S+", "/leave/", text_of(letter))


# What a mail says


def test_the_weekly_digest_leads_with_what_moved(by_smtp, alice, fola):
    post = make_post(alice, "Keys next door", takeaway="Nine in ten found nobody.")
    moved = make_ready(alice, title="Letters go unread")
    make_report(moved, make_reviewer())
    set_aside(moved, by=alice, why="Winter.", lesson=AfterAction("a", "b", "c", "d"))
    send(timezone.now() + LATER)
    [letter] = by_smtp.to("fola@people.example")
    assert (
        header(letter, "Subject") == "Your week in Homelessness: 1 moved, 1 set aside, 1 tried elsewhere, 1 new hunch"
    )
    text = text_of(letter)
    assert (
        text.index("\nMoved\n")
        < text.index("Letters go unread")
        < text.index("\nNew hunches\n")
        < text.index("Keys next door")
    )
    assert ". . . Hunch\nKeys next door\nHarbor Street Housing Desk\nNine in ten found nobody." in text
    assert "===== Set aside\nLetters go unread" in text
    assert "This post was set aside\n  Winter." in text
    assert "You follow Homelessness, weekly. Leave: https://commons.example/leave/" in text
    assert f"https://commons.example{post.get_absolute_url()}" in links_of(letter)
    html = html_of(letter)
    assert "border-top:4px dotted #0a5c42" in html
    assert "border-top:4px double #75827a" in html
    assert "prefers-color-scheme: dark" in html
    assert "<img" not in html


def test_what_a_mail_program_needs_stands_in_the_headers(by_smtp, alice, fola):
    make_post(alice)
    send(timezone.now() + LATER)
    [letter] = by_smtp.to("fola@people.example")
    assert letter["List-Id"].endswith("<weekly.commons.example>")
    assert header(letter, "List-Unsubscribe").startswith("<https://commons.example/leave/")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Message-ID"].startswith("<weekly.")
    assert letter["References"].startswith("<weekly-")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["To"] == "fola@people.example"
    assert {part.get_content_type() for part in letter.iter_parts()} == {"text/plain", "text/html"}


def test_mail_about_one_post_is_one_thread(by_smtp, alice, charlie, post):
    make_comment(post, charlie, "Of how many?")
    send()
    Letter.objects.update(closed_at=timezone.now() - dt.timedelta(minutes=11))
    make_comment(post, charlie, "And when?")
    send()
    first, second = by_smtp.to("alice@people.example")
    assert header(first, "Subject") == "Charlie Chen commented on “Paying at the viewing keeps homes”"
    assert first["References"] == second["References"] == f"<post-{post.pk}@commons.example>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["List-Id"].endswith("<direct.commons.example>")
    assert "It concerns you" in text_of(first)
    assert "And when?" in text_of(second)
    assert "Of how many?" not in text_of(second)


def test_what_happens_within_ten_minutes_comes_together(by_smtp, alice, charlie, post):
    make_comment(post, charlie, "One.")
    send()
    for words in ("Two.", "Three."):
        make_comment(post, charlie, words)
        assert send() == 0
    [waiting] = Letter.objects.filter(closed_at=None)
    assert dt.timedelta(minutes=9) < waiting.due_at - timezone.now() <= dt.timedelta(minutes=10)
    Letter.objects.filter(pk=waiting.pk).update(due_at=timezone.now())
    assert send() == 1
    _, both = by_smtp.to("alice@people.example")
    assert header(both, "Subject") == "2 comments on “Paying at the viewing keeps homes”"


@pytest.mark.parametrize("title", ["A\u2028line", "Ünïcödé: ✓ and 漢字", "{braces} & <b>tags</b>", "x" * 160])
def test_a_title_is_only_words_in_a_header(by_smtp, alice, fola, title):
    subscribe(Followable.AREA, area().pk, by=fola, cadence=Cadence.AT_ONCE)
    make_post(alice, title)
    send()
    [letter] = by_smtp.to("fola@people.example")
    assert 0 < len(header(letter, "Subject")) <= 120
    assert "<b>tags" not in html_of(letter)


def test_names_that_would_write_headers_do_not(by_smtp, alice, fola):
    eve = make_member("Eve")
    type(eve).objects.filter(pk=eve.pk).update(name="Eve\r\nBcc: all@people.example")  # past the gate
    make_comment(make_post(alice), eve, f"@{fola.handle} look")
    send()
    [letter] = by_smtp.to("fola@people.example")
    assert letter["Bcc"] is None
    assert header(letter, "Subject").startswith("Eve Bcc: all@people.example mentioned you on")
    assert not by_smtp.to("all@people.example")


# When


NAIROBI_MONDAY = dt.datetime(2026, 11, 23, 7, tzinfo=ZoneInfo("Africa/Nairobi"))


@pytest.mark.parametrize(
    ("now", "zone", "daily", "weekly"),
    [
        # 24 November 2026 is a Tuesday
        ("2026-11-24T03:59Z", "Africa/Nairobi", "2026-11-23T04:00Z", "2026-11-23T04:00Z"),
        ("2026-11-24T04:00Z", "Africa/Nairobi", "2026-11-24T04:00Z", "2026-11-23T04:00Z"),
        ("2026-11-23T03:59Z", "Africa/Nairobi", "2026-11-22T04:00Z", "2026-11-16T04:00Z"),
        # Daylight saving in New York ends on 1 November 2026, in Germany on 25 October: seven is seven
        ("2026-10-31T12:00Z", "America/New_York", "2026-10-31T11:00Z", "2026-10-26T11:00Z"),
        ("2026-11-01T13:00Z", "America/New_York", "2026-11-01T12:00Z", "2026-10-26T11:00Z"),
        ("2026-10-25T06:30Z", "Europe/Berlin", "2026-10-25T06:00Z", "2026-10-19T05:00Z"),
        ("2026-03-29T05:00Z", "Europe/Berlin", "2026-03-29T05:00Z", "2026-03-23T06:00Z"),
        ("2026-11-24T12:00Z", "Asia/Kathmandu", "2026-11-24T01:15Z", "2026-11-23T01:15Z"),
        ("2026-11-24T12:00Z", "No/Such_Zone", "2026-11-24T07:00Z", "2026-11-23T07:00Z"),
    ],
)
def test_the_last_morning_where_the_reader_is(now, zone, daily, weekly):
    now, daily, weekly = (dt.datetime.fromisoformat(text) for text in (now, daily, weekly))
    assert morning(now, zone, weekly=False) == daily
    assert morning(now, zone, weekly=True) == weekly


def happened(at: dt.datetime) -> None:
    """All notifications there are were of things that happened then."""
    Notification.objects.update(at=at)


def test_a_weekly_digest_comes_on_monday_at_seven(by_smtp, alice, fola):
    make_post(alice)
    tell_all()
    happened(NAIROBI_MONDAY - dt.timedelta(days=3))
    assert make_digests(NAIROBI_MONDAY - dt.timedelta(minutes=1)) == 0
    assert make_digests(NAIROBI_MONDAY) == 1
    assert make_digests(NAIROBI_MONDAY + dt.timedelta(days=2)) == 0
    letter = Letter.objects.get()
    assert (letter.sort, letter.period, letter.due_at) == (Sort.WEEKLY, "2026-11-23", NAIROBI_MONDAY)


def test_what_happens_after_the_morning_waits_for_the_next(by_smtp, alice, fola):
    make_post(alice)
    tell_all()
    happened(NAIROBI_MONDAY + dt.timedelta(hours=1))
    assert make_digests(NAIROBI_MONDAY + dt.timedelta(days=6)) == 0
    assert make_digests(NAIROBI_MONDAY + dt.timedelta(days=7)) == 1


def test_a_worker_that_was_away_for_three_days_makes_one_digest_of_them(by_smtp, alice, fola):
    subscribe(Followable.AREA, area().pk, by=fola, cadence=Cadence.DAILY)
    for number in range(3):
        make_post(alice, f"Day {number}")
    tell_all()
    for number, each in enumerate(Notification.objects.filter(member=fola).order_by("pk")):
        Notification.objects.filter(pk=each.pk).update(at=timezone.now() - dt.timedelta(days=4 - number))
    assert make_digests() == 1
    assert send_due(TO_FOLLOWERS) == 1
    [letter] = by_smtp.to("fola@people.example")
    assert all(f"Day {number}" in text_of(letter) for number in range(3))


def test_no_item_comes_twice_and_no_digest_is_empty(by_smtp, alice, fola):
    make_post(alice, "Keys next door")
    assert send(timezone.now() + LATER) == 1
    assert send(timezone.now() + LATER * 2) == 0
    make_post(alice, "Letters go unread")
    assert send(timezone.now() + LATER * 3) == 1
    _, second = by_smtp.to("fola@people.example")
    assert "Keys next door" not in text_of(second)


def test_holidays_are_quiet_and_lose_nothing(by_smtp, alice, fola):
    pause(fola, timezone.now().date() + dt.timedelta(days=3))
    make_post(alice, "Keys next door")
    tell_all()
    happened(timezone.now() - dt.timedelta(days=7))
    assert make_digests() == 0
    pause(fola, None)
    assert make_digests() == 1


# Who


def test_access_is_asked_again_when_it_is_sent(by_smtp, alice, fola):
    seen, gone = make_post(alice, "Keys next door"), make_post(alice, "Letters go unread")
    tell_all()
    withdraw(gone, by=alice)
    send(timezone.now() + LATER)
    [letter] = by_smtp.to("fola@people.example")
    assert "Letters go unread" not in text_of(letter)
    assert seen.title in text_of(letter)


def test_a_digest_of_which_nothing_is_left_is_not_sent_and_says_why(by_smtp, alice, fola):
    gone = make_post(alice)
    tell_all()
    withdraw(gone, by=alice)
    assert send(timezone.now() + LATER) == 0
    letter = Letter.objects.get()
    assert letter.outcome == Outcome.NOTHING
    assert letter.reason == "What it would have told is gone, or not for them to see any more."


def test_a_suspended_member_is_not_written_to(by_smtp, alice, fola):
    make_post(alice)
    tell_all()
    make_digests(timezone.now() + LATER)
    fola.is_active = False
    fola.save()
    Letter.objects.update(due_at=timezone.now())
    send_due(TO_FOLLOWERS)
    assert Letter.objects.get().outcome == Outcome.GONE
    assert by_smtp.letters == []


def test_an_address_that_came_back_is_not_written_to(by_smtp, alice, fola):
    Bounce.objects.create(address="FOLA@people.example", reason="No such mailbox.")
    make_post(alice)
    assert send(timezone.now() + LATER) == 0
    assert Letter.objects.get().reason == "Mail to this address came back: No such mailbox."


def test_a_reader_without_an_account_is_written_to(by_smtp, alice, post):
    subscribe_reader("reader@people.example", Followable.POST, post.pk, cadence=Cadence.DAILY)
    next_version(post, alice, title="Keys next door")
    assert send(timezone.now() + LATER) == 1
    [letter] = by_smtp.to("reader@people.example")
    assert header(letter, "Subject") == "Your day in Keys next door: 1 changed"
    assert "/following/" not in text_of(letter)
    assert "Stop this digest: https://commons.example/leave/" in text_of(letter)


# What goes wrong


def test_a_mail_server_that_cannot_be_reached_loses_nothing(by_smtp, settings, alice, fola):
    settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
    make_post(alice)
    assert send(timezone.now() + LATER) == 0
    letter = Letter.objects.get()
    assert (letter.tries, letter.closed_at) == (1, None)
    assert letter.leased_until > timezone.now()
    assert "refused" in letter.reason.lower()
    settings.EMAIL_PORT = port
    Letter.objects.update(leased_until=timezone.now())
    assert send_due(TO_FOLLOWERS) == 1
    assert Letter.objects.get().outcome == Outcome.SENT


def test_a_refusal_for_good_is_not_tried_again_and_holds_up_nobody(by_smtp, alice, fola):
    other = make_member("Olu Other", email="olu@people.example")
    subscribe(Followable.AREA, area().pk, by=other)
    by_smtp.answers["fola@people.example"] = "550 5.1.1 No such mailbox here"
    make_post(alice)
    assert send(timezone.now() + LATER) == 1
    refused = Letter.objects.get(member=fola)
    assert refused.outcome == Outcome.REFUSED
    assert refused.reason == "The mail server refused it: 550 5.1.1 No such mailbox here"
    assert len(by_smtp.to("olu@people.example")) == 1
    assert send_due(TO_FOLLOWERS) == 0


def test_what_is_refused_for_now_is_tried_again_after_ever_longer(by_smtp, alice, fola):
    by_smtp.answers["fola@people.example"] = "451 4.7.1 Greylisted, come back later"
    make_post(alice)
    send(timezone.now() + LATER)
    waits = []
    for _ in range(3):
        letter = Letter.objects.get()
        waits.append((letter.leased_until - timezone.now()).total_seconds() / 60)
        Letter.objects.update(leased_until=timezone.now())
        send_due(TO_FOLLOWERS)
    assert [round(minutes) for minutes in waits] == [2, 4, 8]
    Letter.objects.update(tries=TRIES_MOST - 1, leased_until=timezone.now())
    send_due(TO_FOLLOWERS)
    letter = Letter.objects.get()
    assert letter.outcome == Outcome.FAILED
    assert "Greylisted" in letter.reason
    by_smtp.answers.clear()
    letters.send_again(letter)
    assert send_due(TO_FOLLOWERS) == 1


def test_a_line_cut_after_the_mail_was_taken_gives_a_second_copy_with_the_same_name(by_smtp, alice, fola):
    by_smtp.drops_after.add("fola@people.example")
    make_post(alice)
    send(timezone.now() + LATER)
    assert Letter.objects.get().closed_at is None
    by_smtp.drops_after.clear()
    Letter.objects.update(leased_until=timezone.now())
    assert send_due(TO_FOLLOWERS) == 1
    first, second = by_smtp.to("fola@people.example")
    assert first["Message-ID"] == second["Message-ID"]
    assert without_links(first) == without_links(second)


def test_a_server_that_hangs_is_left_at_the_deadline(by_smtp, alice, fola, monkeypatch):
    monkeypatch.setattr(commons_mail, "SEND_SECONDS", 0.3)
    by_smtp.slow_for["fola@people.example"] = 2
    make_post(alice)
    assert send(timezone.now() + LATER) == 0
    assert "more than 0.3 seconds" in Letter.objects.get().reason


def test_a_letter_that_somebody_else_is_sending_is_left_alone(by_smtp, alice, fola):
    make_post(alice)
    tell_all()
    make_digests(timezone.now() + LATER)
    Letter.objects.update(due_at=timezone.now())
    assert letters.take(TO_FOLLOWERS, timezone.now())
    assert not letters.take(TO_FOLLOWERS, timezone.now())
    assert letters.take(TO_FOLLOWERS, timezone.now() + LEASE)


def test_every_mail_job_may_run_twice(by_smtp, alice, charlie, fola, post):
    make_comment(post, charlie)
    for _ in range(2):
        for activity in Activity.objects.order_by("pk"):
            jobs.announce(activity.pk)
        jobs.letters(0)
        jobs.codes(0)
    assert len(by_smtp.to("alice@people.example")) == 1


# After a restore


def test_mail_is_held_after_the_database_was_put_back(by_smtp, alice, fola):
    from knowledge.notifications.models import MailState

    make_post(alice)
    assert send(timezone.now() + LATER) == 1
    MailState.objects.update(sent=0)
    Letter.objects.update(closed_at=None, outcome="", leased_until=None)
    assert send_due(TO_FOLLOWERS) == 0
    assert "put back to an earlier day: 1 mails more" in sending.held()
    assert sending.release(skip_before=timezone.now()) == 1
    assert sending.held() == ""
    assert send_due(TO_FOLLOWERS) == 0
    assert len(by_smtp.letters) == 1


def test_mail_held_by_hand_goes_out_when_it_is_released(by_smtp, alice, fola):
    sending.hold("We are moving.")
    make_post(alice)
    assert send(timezone.now() + LATER) == 0
    sending.release()
    assert send_due(TO_FOLLOWERS) == 1


# What an operator sees and does


def test_an_operator_sees_what_failed_and_sends_it_again(by_smtp, alice, fola, mona, signed_in):
    by_smtp.answers["fola@people.example"] = "550 5.1.1 No such mailbox here"
    make_post(alice)
    send(timezone.now() + LATER)
    letter = Letter.objects.get(member=fola)
    page = "/admin/knowledge/letter/"
    assert signed_in(mona).get(page).status_code in (302, 403)  # it names people's addresses
    mona.is_superuser = True
    mona.save()
    browser = signed_in(mona)
    assert "No such mailbox here" in browser.get(page).content.decode()
    by_smtp.answers.clear()
    browser.post(page, {"action": "again", "_selected_action": [letter.pk]})
    assert send_due(TO_FOLLOWERS) == 1
    assert Letter.objects.get(pk=letter.pk).outcome == Outcome.SENT


def mail_command(*arguments: str) -> str:
    out = StringIO()
    call_command("mail", *arguments, stdout=out)
    return out.getvalue()


def test_mail_is_held_released_and_looked_at_by_a_command(by_smtp, alice, fola):
    assert "Mail is HELD: We are moving." in mail_command("--hold", "We are moving.")
    make_post(alice)
    assert send(timezone.now() + LATER) == 0
    told = mail_command("--release", "--skip-before", timezone.now().isoformat())
    assert "HELD" not in told
    make_post(alice, "Another")
    by_smtp.answers["fola@people.example"] = "451 Later"
    send(timezone.now() + LATER * 2)
    letter = Letter.objects.latest("pk")
    assert f"{letter.pk}  Weekly digest" in mail_command()
    assert "451" in mail_command()
    with pytest.raises(CommandError, match="was given up or refused"):
        mail_command("--again", str(letter.pk))
    letter.close(Outcome.FAILED, "Tried often.")
    mail_command("--again", str(letter.pk))
    by_smtp.answers.clear()
    assert send_due(TO_FOLLOWERS) == 1
    with pytest.raises(CommandError, match="Write the time"):
        mail_command("--release", "--skip-before", "yesterday")
