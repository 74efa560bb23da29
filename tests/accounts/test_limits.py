"""What a stranger cannot do to an account: guess on, mail without end, keep its owner out."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.members.actions import set_password
from accounts.members.known_browsers import COOKIE, HOLDS, is_known_browser
from accounts.members.models import Member
from commons import news
from commons.account_mail import AccountMail
from commons.sessions import ANONYMOUS_AGE
from knowledge.notifications.models import Letter, Sort
from tests.accounts.test_entrance import (
    ADDRESS,
    ANA,
    ASK_FOR_CODE,
    CODE_FOR_PASSWORD,
    CODE_TO_SIGN_IN,
    CONFIRM,
    FORGOTTEN,
    NEW_PASSWORD,
    PHRASE,
    SIGN_IN,
    SIGN_UP,
    another_code,
    is_signed_in,
    words_of,
)
from tests.mail import send_codes
from tests.make import PASSWORD, area

MISMATCH = "That address and password do not go together."
OFTEN = "That was often in a short time."


def at_once(browser: Client, number: int, path: str, typed: dict[str, str]) -> list[str]:
    """What a page said to a form that one browser sent so many times at once."""

    def send(_: int) -> str:
        other = Client()
        other.cookies = browser.cookies.copy()
        try:
            return words_of(other.post(path, typed))
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(send, range(number)))


# Passwords


def test_tries_of_a_password_are_counted_whatever_the_site_is_called(client, alice):
    hosts = [f"LocalHost:{port}" for port in range(1, 9)] + ["127.0.0.1", "localhost.", "[::1]:9"]
    answers = [
        words_of(client.post(SIGN_IN, {"login": alice.email, "password": "guess"}, headers={"host": host}))
        for host in hosts
    ]
    assert [MISMATCH in answer for answer in answers] == [True] * 5 + [False] * 6
    assert all(OFTEN in answer for answer in answers[5:])


def test_tries_of_a_password_are_counted_however_its_address_is_written(client, db):
    Member.objects.create_user("sissi@people.example", PASSWORD, handle="sissi")
    for written in ("sissi", "SISSI", "ſissi", "siſſi", "sıssi"):
        client.post(SIGN_IN, {"login": f"{written}@people.example", "password": "guess"})
    assert OFTEN in words_of(client.post(SIGN_IN, {"login": "sissi@people.example", "password": PASSWORD}))


def test_who_is_kept_from_their_password_by_a_stranger_is_offered_a_code(client, mailbox, alice):
    stranger = Client(REMOTE_ADDR="198.51.100.7")
    for _ in range(8):
        stranger.post(SIGN_IN, {"login": alice.email, "password": "guess"})
        stranger.post(ASK_FOR_CODE, {"email": alice.email})
    page = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD, "next": "/following/"})
    assert OFTEN in words_of(page)
    form = page.content.decode().split('<form method="post" action="/accounts/login/code/')[1].split("</form>")[0]
    assert f'name="email" value="{alice.email}"' in form
    assert 'name="next" value="/following/"' in form
    asked = client.post(ASK_FOR_CODE, {"email": alice.email, "next": "/following/"})
    assert asked["Location"].startswith(CODE_TO_SIGN_IN)
    answer = client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email), "next": "/following/"})
    assert answer["Location"] == "/following/"
    assert is_signed_in(client)


def test_a_strangers_tries_are_not_those_of_who_is_signed_in(signed_in, alice):
    for _ in range(6):
        Client().post(SIGN_IN, {"login": alice.email, "password": "guess"})
    answer = signed_in(alice).post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/email/"})
    assert answer["Location"] == "/accounts/email/"


# Codes


def _to_sign_in(browser: Client, member: Member) -> None:
    browser.post(ASK_FOR_CODE, {"email": member.email})


def _for_an_address(browser: Client, member: Member) -> None:
    member.emailaddress_set.update(verified=False)
    browser.post(SIGN_IN, {"login": member.email, "password": PASSWORD})


def _for_a_password(browser: Client, member: Member) -> None:
    browser.post(FORGOTTEN, {"email": member.email})


@pytest.mark.parametrize(
    ("begin", "path"),
    [(_to_sign_in, CODE_TO_SIGN_IN), (_for_an_address, CONFIRM), (_for_a_password, CODE_FOR_PASSWORD)],
)
@pytest.mark.long
def test_sixty_codes_at_once_are_three_tries(committed, mailbox, alice, begin, path):
    browser = Client()
    begin(browser, alice)
    code = mailbox.code_for(alice.email)
    answers = at_once(browser, 60, path, {"code": another_code(code)})
    judged = [answer for answer in answers if "That is not the code." in answer]
    assert len(judged) <= 3
    browser.post(path, {"code": code})
    browser.post(NEW_PASSWORD, {"password1": PHRASE})
    assert not is_signed_in(browser)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


# Mail


def ask_for_mail(browser: Client, number: int, address: str) -> None:
    """Have a mail sent to an address in one of the ways that anybody has, each in a browser that knows nothing yet."""
    browser.cookies.clear()
    ways = [
        (SIGN_UP, {**ANA, "email": address}),
        (ASK_FOR_CODE, {"email": address.upper()}),
        (FORGOTTEN, {"email": address}),
        (f"/subscribe/area/{area().pk}/", {"action": "by_mail", "address": address, "cadence": "weekly"}),
    ]
    browser.post(*ways[number % len(ways)])


def mails_to(address: str) -> int:
    """How many mails go to an address: sent, or waiting for the worker."""
    asked = Letter.objects.filter(address__iexact=address, sort=Sort.CONFIRM)
    return AccountMail.objects.filter(address__iexact=address).count() + asked.count()


@pytest.mark.parametrize("known", [True, False])
def test_whatever_page_asks_an_address_gets_so_much_mail_a_day(client, mailbox, alice, known):
    address = alice.email if known else "nobody@people.example"
    for number in range(16):
        ask_for_mail(client, number, address)
    assert mails_to(address) <= 5


def test_one_ipv6_line_is_one_network(mailbox, alice):
    for number in range(16):
        ask_for_mail(Client(REMOTE_ADDR=f"2001:db8::{number + 1:x}"), number, alice.email)
    assert mails_to(alice.email) <= 5


def test_many_networks_have_so_much_mail_sent_and_no_more(mailbox):
    address = "nobody@people.example"
    for number in range(30):
        ask_for_mail(Client(REMOTE_ADDR=f"198.51.100.{number}"), number, address)
    assert mails_to(address) == 7


def test_the_last_mails_of_a_day_are_kept_for_a_browser_in_which_the_account_signed_in(mailbox, alice, charlie):
    """Whoever asks at how many networks, also at the owner's own: who signed in in this browser before has a code sent."""
    browser, other = Client(), Client()
    browser.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    other.post(SIGN_IN, {"login": charlie.email, "password": PASSWORD})
    for each in (browser, other):
        each.post("/accounts/logout/")
    for number in range(30):
        ask_for_mail(Client(REMOTE_ADDR=f"198.51.100.{number}"), number, alice.email)
        ask_for_mail(Client(), number, alice.email)
    assert mails_to(alice.email) == 7
    send_codes()
    assert other.post(ASK_FOR_CODE, {"email": alice.email}).status_code == 429
    assert browser.post(ASK_FOR_CODE, {"email": charlie.email}).status_code == 302
    assert browser.post(FORGOTTEN, {"email": alice.email}).status_code == 302
    assert browser.post(ASK_FOR_CODE, {"email": alice.email.upper()}).status_code == 302
    browser.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert is_signed_in(browser)
    browser.post("/accounts/logout/")
    assert browser.post(ASK_FOR_CODE, {"email": alice.email}).status_code == 302
    assert browser.post(FORGOTTEN, {"email": alice.email}).status_code == 429
    assert mails_to(alice.email) == 10


def test_a_browser_is_known_to_the_pages_for_signing_in_alone(client, alice):
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    cookie = answer.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/accounts/", True, "Lax")
    assert cookie["max-age"] == HOLDS.total_seconds()
    assert cookie.value.split(":")[0] == str(alice.pk)


def test_nobody_writes_that_they_signed_in_before(alice, charlie):
    browser = Client()
    browser.post(SIGN_IN, {"login": charlie.email, "password": PASSWORD})
    theirs = browser.cookies[COOKIE].value
    request = RequestFactory().get("/")
    for value, address, known in [
        (theirs, charlie.email, True),
        (theirs, alice.email, False),
        (theirs.replace(str(charlie.pk), str(alice.pk), 1), alice.email, False),
        (str(alice.pk), alice.email, False),
        ("", alice.email, False),
    ]:
        request.COOKIES = {COOKIE: value}
        assert is_known_browser(request, address) is known
    charlie.emailaddress_set.update(verified=False)
    request.COOKIES = {COOKIE: theirs}
    assert not is_known_browser(request, charlie.email)


@pytest.mark.parametrize("known", [True, False])
def test_an_address_that_got_enough_is_told_so_whether_it_has_an_account_or_not(client, mailbox, alice, known):
    address = alice.email if known else "nobody@people.example"
    for _ in range(3):
        Client().post(ASK_FOR_CODE, {"email": address})
    answer = client.post(ASK_FOR_CODE, {"email": address})
    assert answer.status_code == 429
    assert "This address was sent 3 mails within a minute, which is as many as may be asked for." in words_of(answer)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert len(mailbox.to(address)) == 3


def test_a_new_code_is_asked_for_within_the_same_bounds(client, mailbox, alice):
    client.post(ASK_FOR_CODE, {"email": alice.email})
    answers = [client.post(CODE_TO_SIGN_IN, {"action": "resend"}).status_code for _ in range(2)]
    other = Client()
    assert other.post(FORGOTTEN, {"email": alice.email}).status_code == 429
    assert answers == [302, 302]
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert is_signed_in(client)


# Sessions


def test_a_first_sign_in_by_code_lasts(client, mailbox):
    """Who signed up and never confirmed, and proves the address by a sign-in code, stays signed in on the next page."""
    Client().post(SIGN_UP, ANA)
    client.post(ASK_FOR_CODE, {"email": ADDRESS})
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(ADDRESS)})
    assert client.get("/account/").status_code == 200
    ana = Member.objects.get(email=ADDRESS)
    assert not ana.has_usable_password()
    assert ana.confirmed_at is not None
    assert not ana.is_settled


@pytest.mark.parametrize("way", ["change", "set", "reset"])
def test_who_gives_themselves_a_password_stays_signed_in_and_others_do_not(client, mailbox, alice, way):
    elsewhere, browser = Client(), Client()
    if way == "set":
        alice.set_unusable_password()
        alice.save()
    for each in (elsewhere, browser):
        each.force_login(alice)
    if way == "reset":
        browser = client
        client.post(FORGOTTEN, {"email": alice.email})
        client.post(CODE_FOR_PASSWORD, {"code": mailbox.code_for(alice.email)})
        client.post(NEW_PASSWORD, {"password1": PHRASE})
    else:
        browser.post(f"/accounts/password/{way}/", {"oldpassword": PASSWORD, "password1": PHRASE})
    assert browser.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_another_password_ends_the_streams_of_open_pages(committed, alice):
    with psycopg.connect(**news.connection_parameters(), autocommit=True) as line:
        line.execute(f"LISTEN {news.CHANNEL}")
        set_password(alice, PHRASE)
        heard = next(line.notifies(timeout=10, stop_after=1))
    assert heard.payload == str(-alice.pk)


def test_the_session_of_who_is_not_signed_in_lives_for_hours(client, mailbox, alice):
    """Also where a password was right and the address is to be confirmed yet: allauth asks for a month there."""
    alice.emailaddress_set.update(verified=False)
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == CONFIRM
    assert answer.cookies[site.SESSION_COOKIE_NAME]["max-age"] <= ANONYMOUS_AGE
    left = Session.objects.get().expire_date - timezone.now()
    assert 0 < left.total_seconds() <= ANONYMOUS_AGE
    answer = client.post(CONFIRM, {"code": mailbox.code_for(alice.email)})
    assert answer.cookies[site.SESSION_COOKIE_NAME]["max-age"] == site.SESSION_COOKIE_AGE


def test_what_these_pages_keep_in_a_session_is_small(client, db):
    assert client.post(SIGN_UP, {**ANA, "name": "x" * 100_000}).status_code == 400
    answer = client.post(ASK_FOR_CODE, {"email": ADDRESS, "next": f"/{'x' * 20_000}"})
    assert "xxx" not in answer["Location"]
    assert sum(len(session.session_data) for session in Session.objects.all()) < 5_000
