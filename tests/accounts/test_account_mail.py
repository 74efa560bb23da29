"""Codes and other mail about accounts: rows that the worker sends at once. No page waits for a mail server."""

import contextlib
import datetime as dt
import logging
import re
import zlib

import pytest
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode
from procrastinate.contrib.django.models import ProcrastinateJob

from commons import account_mail, queue, sealing
from commons.account_mail import AccountMail, send_account_mail
from commons.delivery import Outcome
from knowledge import jobs
from knowledge.notifications import sending
from knowledge.notifications.models import MailState
from tests.mail import Hanging, Post, free_port, send_codes, send_to, serve
from tests.make import PASSWORD, area

pytestmark = pytest.mark.django_db
ANA = {"name": "Ana Silva", "email": "ana@people.example", "password1": "bread-and-soup-at-eight"}
SIGN_UP, CONFIRM = "/accounts/signup/", "/accounts/confirm-email/"
ASK_FOR_CODE, CODE_TO_SIGN_IN = "/accounts/login/code/", "/accounts/login/code/confirm/"
FORGOTTEN, CODE_FOR_PASSWORD = "/accounts/password/reset/", "/accounts/password/reset/confirm/"


@pytest.fixture
def hanging(settings, db, tmp_path):
    server = Hanging()
    send_to(server.url, settings)
    settings.VAR_DIR = tmp_path
    yield server
    server.close()


@pytest.fixture
def by_smtp(settings, db, tmp_path):
    post = Post()
    controller = serve(post)
    send_to(post.url, settings)
    settings.VAR_DIR = tmp_path
    yield post
    controller.stop()


def waiting_code(address: str) -> str:
    """The code in the mail that waits for an address, opened as only the site can."""
    row = AccountMail.objects.filter(address=address, closed_at=None).latest("pk")
    found = re.search(r"\d{4}-\d{4}", str(account_mail._compose(row).body))
    assert found
    return found[0]


# No page waits


def test_no_page_of_the_entrance_talks_to_a_mail_server(hanging, alice, bob, signed_in):
    """Every page that has a mail sent: it answers, its mail waits as a row, and nobody has called the mail server."""
    kinds: list[str] = []

    def post(browser: Client, path: str, typed: dict[str, str], *, mails: int = 1) -> None:
        before = AccountMail.objects.count()
        answer = browser.post(path, typed)
        assert answer.status_code == 302, (path, answer.content.decode())
        assert AccountMail.objects.count() == before + mails, path
        kinds.extend(AccountMail.objects.order_by("pk").values_list("kind", flat=True)[before:])

    fresh = Client()
    post(fresh, SIGN_UP, ANA)
    post(fresh, CONFIRM, {"action": "resend"})
    assert fresh.post(CONFIRM, {"code": waiting_code(ANA["email"])}).status_code == 302
    post(Client(), SIGN_UP, {**ANA, "email": alice.email})
    for address in (alice.email, "nobody@people.example"):
        post(Client(), ASK_FOR_CODE, {"email": address})
        post(Client(), FORGOTTEN, {"email": address})
    forgot = Client()
    post(forgot, FORGOTTEN, {"email": bob.email})
    forgot.post(CODE_FOR_PASSWORD, {"code": waiting_code(bob.email)})
    post(forgot, "/accounts/password/reset/complete/", {"password1": "soup-and-bread-at-nine"})
    own = signed_in(alice)
    post(own, "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": ANA["password1"]})
    own.post("/accounts/reauthenticate/", {"password": ANA["password1"]})
    post(own, "/accounts/email/", {"email": "alice@new.example", "action_add": ""})
    post(own, CONFIRM, {"code": waiting_code("alice@new.example")})
    alice.set_unusable_password()
    alice.save()
    own = signed_in(alice)
    own.post("/accounts/password/set/", {"password1": "a-third-one-at-ten"})
    assert hanging.called == []
    assert {
        "email_confirmation_signup",
        "account_already_exists",
        "login_code",
        "unknown_account",
        "password_reset_code",
        "password_reset",
        "password_changed",
        "email_confirmation",
        "email_changed",
    } <= set(kinds)


def test_the_page_says_that_the_mail_is_on_its_way_and_what_to_do_if_not(client, hanging, settings):
    settings.TRIAL = False
    page = client.post(SIGN_UP, ANA, follow=True).content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "A mail to ana@people.example is on its way." in words
    assert "Look among the spam, and check that the address is right. Then ask for a new code." in words
    assert "sent" not in words.lower().replace("consent", "")


def test_a_mail_and_its_job_go_with_what_they_are_about(hanging):
    """Neither is there when what they are about is not."""
    with transaction.atomic():
        Client().post(SIGN_UP, ANA)
        assert AccountMail.objects.exists()
        assert ProcrastinateJob.objects.filter(task_name=queue.CODES, status="todo").exists()
        transaction.set_rollback(True)
    assert not AccountMail.objects.exists()


# Sent


def test_a_code_goes_out_and_leaves_nothing_behind(client, by_smtp):
    client.post(SIGN_UP, ANA)
    code = waiting_code(ANA["email"])
    send_codes()
    [mail] = by_smtp.to(ANA["email"])
    assert code in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    row = AccountMail.objects.get()
    assert (row.outcome, row.sealed) == (Outcome.SENT, "")
    send_codes()
    assert len(by_smtp.letters) == 1
    assert client.post(CONFIRM, {"code": code}).status_code == 302


def everything_in_the_database() -> str:
    """All rows of all tables as text, and what the sessions among them tell without a secret: what a dump holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(relname) FROM pg_stat_user_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f"SELECT string_agg(t::text, chr(10)) FROM {table} t")
            rows.append(cursor.fetchone()[0] or "")
    for data in Session.objects.values_list("session_data", flat=True):
        with contextlib.suppress(ValueError, zlib.error):
            packed = data.split(":")[0].lstrip(".")
            rows.append(zlib.decompress(urlsafe_base64_decode(packed)).decode())
    return "\n".join(rows)


def test_a_code_can_be_read_in_no_copy_of_the_database(client, by_smtp):
    client.post(SIGN_UP, ANA)
    code = waiting_code(ANA["email"])
    assert ANA["email"] in everything_in_the_database()
    assert code not in everything_in_the_database()
    send_codes()
    assert code not in everything_in_the_database()


def test_a_code_stands_in_no_log_and_no_reason_whatever_the_server_says(client, by_smtp, caplog):
    caplog.set_level(logging.DEBUG)
    client.post(SIGN_UP, ANA)
    code = waiting_code(ANA["email"])
    by_smtp.answers[ANA["email"]] = f"450 4.7.1 I do not like 'Welcome: your code is {code}'"
    send_codes()
    AccountMail.objects.update(leased_until=None)
    by_smtp.answers[ANA["email"]] = f"550 5.7.1 No: {code} {code.replace('-', '')}"
    send_codes()
    row = AccountMail.objects.get()
    assert row.outcome == Outcome.REFUSED
    logged = " ".join(
        record.getMessage() for record in caplog.records if record.name != "mail.log"
    )  # the test's server
    assert "could not be sent" in logged
    for text in (row.reason, str(row), logged):
        assert code not in text
        assert code.replace("-", "") not in text


def test_what_is_closed_has_no_text_whoever_writes_it():
    row = AccountMail(address="a@people.example", kind="x", sealed="…", holds_until=timezone.now())
    row.closed_at = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_another_secret_opens_nothing_and_is_no_crash(client, by_smtp, settings):
    client.post(SIGN_UP, ANA)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-" * 8, [settings.SECRET_KEY]
    before = waiting_code(ANA["email"])
    assert before
    settings.SECRET_KEY_FALLBACKS = []
    send_codes()
    row = AccountMail.objects.get()
    assert (row.outcome, row.reason, row.sealed) == (Outcome.FAILED, "It was sealed with another SECRET_KEY.", "")


# The server is away


def test_while_the_server_is_away_a_code_is_tried_again_soon(client, settings, db, tmp_path):
    send_to(f"smtp://127.0.0.1:{free_port()}", settings)
    settings.VAR_DIR = tmp_path
    client.post(SIGN_UP, ANA)
    waits = []
    for _ in range(4):
        AccountMail.objects.update(leased_until=None)
        send_codes()
        row = AccountMail.objects.get()
        waits.append(round((row.leased_until - timezone.now()).total_seconds()))
    assert waits == [5, 10, 20, 30]
    assert (row.closed_at, row.tries) == (None, 4)
    assert row.sealed
    assert ProcrastinateJob.objects.filter(
        queueing_lock="codes later", status="todo", scheduled_at__isnull=False
    ).exists()


def test_a_code_is_tried_again_soon_though_another_waits_for_longer(client, by_smtp, alice):
    """A job that is to run for the one that waits longest is moved to when the other is free again, and never the other way."""
    by_smtp.answers |= dict.fromkeys((ANA["email"], alice.email), "450 4.2.0 Greylisted")
    client.post(SIGN_UP, ANA)
    AccountMail.objects.update(tries=2)
    send_codes()
    Client().post(ASK_FOR_CODE, {"email": alice.email})
    for _ in range(2):
        send_codes()
        first = AccountMail.objects.get(address=alice.email).leased_until
        assert first < AccountMail.objects.get(address=ANA["email"]).leased_until
        assert ProcrastinateJob.objects.get(queueing_lock="codes later", status="todo").scheduled_at == first
        queue.wake_at(queue.CODES, first + dt.timedelta(minutes=1))


def test_what_has_run_out_is_closed_and_blanked(client, by_smtp):
    client.post(SIGN_UP, ANA)
    row = AccountMail.objects.get()
    assert row.holds_until - row.due_at == dt.timedelta(minutes=15)
    AccountMail.objects.update(holds_until=timezone.now(), leased_until=timezone.now() + dt.timedelta(seconds=30))
    send_codes()
    row = AccountMail.objects.get()
    assert (row.outcome, row.sealed) == (Outcome.FAILED, "")
    assert "run out" in row.reason
    assert by_smtp.letters == []


def test_word_of_a_change_is_worth_sending_for_longer(by_smtp, alice, signed_in):
    signed_in(alice).post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": ANA["password1"]})
    row = AccountMail.objects.get(kind="password_changed")
    assert row.holds_until - row.due_at == dt.timedelta(days=2)


def test_a_mail_made_by_a_clock_that_ran_ahead_runs_out_too(client, by_smtp):
    client.post(SIGN_UP, ANA)
    ahead = timezone.now() + dt.timedelta(days=35)
    AccountMail.objects.update(due_at=ahead, holds_until=ahead + dt.timedelta(minutes=15))
    send_codes()
    assert AccountMail.objects.get().sealed == ""
    assert by_smtp.letters == []


def test_an_address_that_is_greylisted_holds_up_no_other(client, by_smtp, alice):
    by_smtp.answers[ANA["email"]] = "450 4.2.0 Greylisted"
    client.post(SIGN_UP, ANA)
    Client().post(ASK_FOR_CODE, {"email": alice.email})
    assert send_account_mail() == 1
    assert len(by_smtp.to(alice.email)) == 1
    assert AccountMail.objects.get(address=ANA["email"]).closed_at is None


# Held


def test_a_hold_is_for_mail_from_before_it(client, by_smtp, alice):
    Client().post(ASK_FOR_CODE, {"email": alice.email})
    sending.hold("We are moving.")
    client.post(SIGN_UP, ANA)
    subscribing = {"action": "by_mail", "address": "reader@people.example", "cadence": "daily"}
    client.post(f"/subscribe/area/{area().pk}/", subscribing)
    send_codes()
    assert len(by_smtp.to(ANA["email"])) == 1
    assert len(by_smtp.to("reader@people.example")) == 1
    assert not by_smtp.to(alice.email)
    sending.release()
    send_codes()
    assert len(by_smtp.to(alice.email)) == 1


def test_what_was_asked_for_under_an_earlier_hold_is_held_after_a_restore(client, by_smtp):
    """The backup was made while mail was held: what it takes for unsent has gone out since."""
    sending.hold("We are moving.")
    client.post(SIGN_UP, ANA)
    sending.hold("It was restored.", anew=True)
    send_codes()
    assert not by_smtp.to(ANA["email"])
    assert sending.held() == "It was restored."


def test_a_hold_that_nobody_noticed_yet_lets_a_code_out(client, by_smtp, settings):
    """The database was put back, and the first to come asks for a code, before any job looked."""
    assert sending.held() == ""
    (settings.VAR_DIR / "mail_sent").write_text("142")
    client.post(SIGN_UP, ANA)
    send_codes()
    assert "142 mails more" in sending.held()
    assert len(by_smtp.to(ANA["email"])) == 1


def test_a_hold_of_a_clock_that_ran_ahead_lets_codes_out(client, by_smtp):
    sending.hold("We are moving.")
    MailState.objects.update(held_since=timezone.now() + dt.timedelta(days=35))
    client.post(SIGN_UP, ANA)
    send_codes()
    assert len(by_smtp.to(ANA["email"])) == 1


# Kept, and shown


def test_what_became_of_old_mail_is_thrown_away(client, by_smtp):
    client.post(SIGN_UP, ANA)
    send_codes()
    jobs.tidy(0)
    assert AccountMail.objects.exists()
    AccountMail.objects.update(closed_at=timezone.now() - dt.timedelta(days=15))
    jobs.tidy(0)
    assert not AccountMail.objects.exists()


def test_the_trials_mailbox_loads_itself_anew_until_the_code_is_there(client, mailbox):
    client.post(SIGN_UP, ANA)
    refresh = '<meta http-equiv="refresh"'
    page = client.get("/mailbox/").content.decode()
    assert refresh in page
    assert "is on its way" in page
    assert refresh not in Client().get("/mailbox/").content.decode()
    code = mailbox.code_for(ANA["email"])
    page = client.get("/mailbox/").content.decode()
    assert refresh not in page
    assert code in page


def test_a_session_is_sealed_and_one_from_before_is_read_as_it_is(client, alice, settings):
    client.force_login(alice)
    row = Session.objects.get()
    assert row.session_data.startswith(sealing.MARK)
    assert client.get("/account/").status_code == 200
    Session.objects.update(session_data=DatabaseStore().encode(dict(client.session.items())))
    assert client.get("/account/").status_code == 200
    settings.SECRET_KEY = "another-" * 8
    Session.objects.update(session_data=row.session_data)
    assert client.get("/account/").status_code == 302
