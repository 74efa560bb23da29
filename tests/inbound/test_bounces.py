"""Mail that comes back: reported by mail servers and providers, told to whose address it is, and never forged."""

import pytest
from django.utils import timezone

from knowledge.inbound.actions import receive
from knowledge.inbound.models import Became, Received
from knowledge.notifications import replying
from knowledge.notifications.bounces import COMPLAINED, bounced, refused_address
from knowledge.notifications.letters import make_at_once
from knowledge.notifications.mails import message_id
from knowledge.notifications.models import SOFT_WITHIN, Bounce, BounceKind, Letter, Outcome, Sort
from knowledge.notifications.sending import TO_FOLLOWERS, send_due
from tests.inbound.samples import ARF, EXCHANGE, HOST, POSTFIX, mail, report, stopped
from tests.make import make_comment, make_member
from tests.notifications.test_told import tell_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(takes_mail, alice):
    """A mail that went to Alice."""
    return Letter.objects.create(member=alice, sort=Sort.WEEKLY, period="2026-11-23")


# Reports of mail servers


@pytest.mark.parametrize("form", [POSTFIX, EXCHANGE])
def test_a_report_of_failure_stops_mail_to_that_address(letter, form):
    received = receive(report(form, message_id(letter), "alice@people.example"))
    assert (received.became, received.reason) == (Became.BOUNCE, "no such mailbox")
    assert stopped() == [("alice@people.example", "hard", "no such mailbox")]


@pytest.mark.parametrize("form", [POSTFIX, EXCHANGE])
@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.0.0"), ("relayed", "2.0.0")])
def test_mail_that_is_late_or_has_arrived_stops_nothing(letter, form, action, status):
    told = report(form, message_id(letter), "alice@people.example", action=action, status=status, said="later")
    assert receive(told).became == Became.IGNORED
    assert stopped() == []


def test_what_could_not_be_delivered_in_time_stops_mail_at_the_third(letter):
    for times in (1, 2, 3):
        assert not Bounce.objects.stopping("alice@people.example").exists()
        told = report(POSTFIX, message_id(letter), "alice@people.example", status="4.4.7", said="timed out")
        assert receive(told).became == Became.BOUNCE
        assert Bounce.objects.get().times == times
    assert Bounce.objects.stopping("Alice@people.example").exists()


def test_soft_ones_long_apart_do_not_count_together(alice):
    for _ in range(4):
        bounced(alice.email, "full", kind=BounceKind.SOFT)
        Bounce.objects.update(at=timezone.now() - SOFT_WITHIN * 2)
    assert Bounce.objects.get().times == 1


def test_a_complaint_stops_mail_too(letter):
    assert receive(report(ARF, message_id(letter), "alice@people.example", action="abuse")).became == Became.BOUNCE
    assert stopped() == [("alice@people.example", "complain", COMPLAINED)]


def test_a_report_that_something_is_not_spam_stops_nothing(letter):
    assert receive(report(ARF, message_id(letter), "alice@people.example", action="not-spam")).became == Became.IGNORED
    assert stopped() == []


def test_the_address_that_we_signed_tells_which_letter_came_back(letter):
    """Even where the provider gave the mail another Message-ID, and where it was forwarded on the way."""
    told = report(POSTFIX, "<0102@ses.example>", "alice@new.example", envelope=replying.bounce_address(letter).upper())
    assert receive(told).became == Became.BOUNCE
    assert stopped() == [("alice@people.example", "hard", "no such mailbox")]


def test_a_report_of_an_address_that_is_not_theirs_any_more_stops_nothing(letter, alice):
    told = report(POSTFIX, "<0102@ses.example>", "alice@people.example", envelope=replying.bounce_address(letter))
    alice.email = "alice@new.example"
    alice.save()
    assert receive(told).became == Became.IGNORED
    assert stopped() == []


@pytest.mark.parametrize("form", [POSTFIX, EXCHANGE, ARF])
@pytest.mark.parametrize(
    "forged",
    [
        "<weekly.2026-11-23.000000000000000000000000@commons.example>",
        "<weekly.2026-11-23@commons.example>",
        "<{id}@elsewhere.example>",
        "<20261124.1@mx.people.example>",
        "",
    ],
)
def test_nobody_stops_somebody_elses_mail_by_a_forged_report(letter, form, forged):
    bob = make_member(email="bob@people.example")
    Letter.objects.create(member=bob, sort=Sort.WEEKLY, period="2026-11-23")
    ours = message_id(letter).strip("<>").partition("@")[0]
    action = "abuse" if form is ARF else "failed"
    assert receive(report(form, forged.format(id=ours), "alice@people.example", action=action)).became == Became.IGNORED
    # Alice knows the Message-ID of her own mail, and not of Bob's
    assert receive(report(form, message_id(letter), "bob@people.example", action=action)).became == Became.IGNORED
    assert stopped() == []


@pytest.mark.parametrize(
    "change", [lambda token: token[:-1], lambda token: "a" * len(token), lambda token: token + "aa"]
)
def test_a_bounce_address_cannot_be_made(letter, change):
    token = replying.token_in(replying.bounce_address(letter), replying.BOUNCE)
    told = report(POSTFIX, "<1@x.example>", "alice@people.example", envelope=f"bounce+{change(token)}@{HOST}")
    assert receive(told).became == Became.IGNORED
    assert stopped() == []


def test_something_else_at_that_address_is_nothing(letter):
    vacation = mail(replying.bounce_address(letter), "I am away.", Auto_Submitted="auto-replied")
    assert receive(bytes(vacation)).became == Became.IGNORED
    assert Letter.objects.filter(sort=Sort.ANSWER).count() == 0


def test_the_same_report_twice_counts_once(letter):
    told = report(POSTFIX, message_id(letter), "alice@people.example", status="4.4.7")
    receive(told)
    receive(told)
    assert (Bounce.objects.get().times, Received.objects.count()) == (1, 1)


# While it is being sent


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("550 5.1.1 No such user", "5.1.1"),
        ("550 No such user", "5.1.1"),
        ("550 5.7.1 Blocked", ""),
        ("550 Relaying denied", ""),
        ("553 5.1.8 Sender address rejected", ""),
        ("552 5.2.2 Mailbox full", ""),
        ("521 5.2.1 Mailbox disabled", "5.2.1"),
    ],
)
def test_what_a_refusal_says_of_the_address(said, status):
    assert refused_address(said) == status


def notify(alice, charlie, post) -> None:
    make_comment(post, charlie, "Of how many?")
    tell_all()
    make_at_once()
    send_due(TO_FOLLOWERS)


@pytest.mark.parametrize(
    ("answer", "stops"), [("550 5.1.1 No such mailbox", True), ("550 5.7.1 Your network is blocked", False)]
)
def test_a_refusal_while_sending_stops_the_next(by_smtp, alice, charlie, post, answer, stops):
    by_smtp.answers["alice@people.example"] = answer
    notify(alice, charlie, post)
    assert Letter.objects.get(member=alice).outcome == Outcome.REFUSED
    assert Bounce.objects.stopping(alice.email).exists() is stops


def test_each_mail_comes_back_to_an_address_of_its_own(by_smtp, takes_mail, alice, charlie, post):
    notify(alice, charlie, post)
    letter = Letter.objects.get(member=alice)
    [sent] = by_smtp.to("alice@people.example")
    assert sent["From"] == "The Commons <hello@commons.example>"
    assert by_smtp.senders == [replying.bounce_address(letter)]
    assert len(by_smtp.senders[0].partition("@")[0]) <= 64
    assert replying.came_back(replying.token_in(by_smtp.senders[0], replying.BOUNCE)) == letter


# On the site


def test_its_member_is_told_and_can_have_it_tried_again(signed_in, alice):
    browser = signed_in(alice)
    for path in ("/", "/following/"):
        assert "came back" not in browser.get(path).content.decode()
    tag = browser.get("/")["ETag"]
    bounced("Alice@People.example", "no such <b>mailbox</b>")
    html = browser.get("/", headers={"If-None-Match": tag}).content.decode()
    assert "Mail to alice@people.example came back: no such &lt;b&gt;mailbox&lt;/b&gt;." in html
    assert "Mail to alice@people.example came back" in browser.get("/following/").content.decode()
    assert browser.get("/following/write-again/").status_code == 405
    for _ in range(2):
        assert browser.post("/following/write-again/")["Location"] == "/following/"
    assert stopped() == []
    assert "came back:" not in browser.get("/").content.decode()


def test_nobody_clears_what_is_anothers(client, signed_in, alice, charlie):
    bounced(alice.email, "no such mailbox")
    assert "came back" not in signed_in(charlie).get("/following/").content.decode()
    signed_in(charlie).post("/following/write-again/")
    assert client.post("/following/write-again/").status_code == 302
    assert len(stopped()) == 1


def test_what_a_server_says_is_only_words(alice):
    bounced(alice.email, "550\x00 5.1.1\r\nno\u0085such" + "x" * 900)
    assert Bounce.objects.get().reason == ("550 5.1.1 no such" + "x" * 900)[:300]
