"""Mail at a pace: lines that are kept, senders beside each other, letters that wait alone, leases, clocks that ran ahead, and what
was restored from a copy."""

import datetime as dt
import os
import subprocess
import sys
import time
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members.models import Member
from commons import delivery, embedded, mail, queue, worker
from commons.delivery import LEASE, RUN_SECONDS, SOON
from knowledge import jobs
from knowledge.notifications import sending
from knowledge.notifications.letters import make_at_once, make_digests, take
from knowledge.notifications.models import Letter, MailState, Notification, Outcome, Sort
from knowledge.notifications.sending import BATCH, TO_FOLLOWERS, send_due
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable
from tests.make import area, make_member, make_post
from tests.notifications.test_faults import until, working
from tests.notifications.test_told import tell_all

pytestmark = pytest.mark.django_db
AHEAD = dt.timedelta(days=35)  # how far the clock ran ahead


def address(number: int) -> str:
    return f"fan-{number}@people.example"


def followers(number: int, cadence: Cadence = Cadence.AT_ONCE) -> None:
    for each in range(number):
        subscribe(Followable.AREA, area().pk, by=make_member(email=address(each)), cadence=cadence)


@pytest.fixture
def due(by_smtp, alice):
    """Makes letters to so many followers, each due at once."""

    def make(number: int) -> None:
        followers(number)
        make_post(alice)
        tell_all()
        make_at_once()

    return make


# One that waits holds up no other


@pytest.mark.parametrize("answer", ["450 4.2.0 Greylisted", "451 4.7.1 Later", "452 4.2.2 Full"])
def test_an_address_that_is_to_wait_waits_alone(by_smtp, due, answer):
    due(8)
    waiting = [address(number) for number in (0, 3, 7)]
    by_smtp.answers.update(dict.fromkeys(waiting, answer))
    assert send_due(TO_FOLLOWERS) == 5
    for letter in Letter.objects.filter(member__email__in=waiting):
        assert (letter.closed_at, letter.tries) == (None, 1)
        assert dt.timedelta(seconds=100) < letter.leased_until - timezone.now() <= dt.timedelta(minutes=2)
        assert answer[:3] in letter.reason


def test_a_letter_that_cannot_be_made_waits_alone_and_is_named(by_smtp, due, monkeypatch, caplog):
    due(3)
    broken = Letter.objects.order_by("pk")[1]
    compose = sending.compose

    def fails_for_one(letter, told):
        if letter.pk == broken.pk:
            raise ValueError("odd")
        return compose(letter, told)

    monkeypatch.setattr(sending, "compose", fails_for_one)
    assert send_due(TO_FOLLOWERS) == 2
    broken.refresh_from_db()
    assert (broken.closed_at, broken.tries, broken.reason) == (None, 1, "ValueError")
    assert f"Letter {broken.pk} could not be made." in caplog.text


def test_what_cannot_be_gathered_together_is_gathered_one_by_one(by_smtp, due, monkeypatch):
    due(3)
    broken = Letter.objects.order_by("pk")[1]
    gather = sending.gather

    def fails_with_one(letters):
        if broken.pk in {letter.pk for letter in letters}:
            raise ValueError("odd")
        return gather(letters)

    monkeypatch.setattr(sending, "gather", fails_with_one)
    assert send_due(TO_FOLLOWERS) == 2
    broken.refresh_from_db()
    assert (broken.closed_at, broken.tries, broken.reason) == (None, 1, "ValueError")


def test_whom_a_batch_is_for_is_looked_at_again_while_it_takes_long(by_smtp, due, monkeypatch):
    due(3)
    compose = sending.compose

    def meanwhile(letter, told):
        Member.objects.exclude(pk=letter.member_id).update(is_active=False)
        return compose(letter, told)

    monkeypatch.setattr(sending, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(sending, "compose", meanwhile)
    assert send_due(TO_FOLLOWERS) == 1
    assert set(Letter.objects.exclude(outcome=Outcome.SENT).values_list("reason", flat=True)) == {
        "The account is closed or suspended."
    }


def test_a_letter_for_which_the_database_takes_too_long_waits_alone(by_smtp, due, monkeypatch):
    due(3)
    slow = Letter.objects.order_by("pk")[0]
    compose = sending.compose

    def canceled_for_one(letter, told):
        if letter.pk == slow.pk:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '10ms'")
                cursor.execute("SELECT pg_sleep(60)")
        return compose(letter, told)

    monkeypatch.setattr(sending, "compose", canceled_for_one)
    assert send_due(TO_FOLLOWERS) == 2
    slow.refresh_from_db()
    assert (slow.closed_at, slow.tries, slow.reason) == (None, 1, "OperationalError")
    assert slow.leased_until > timezone.now() + LEASE


def test_a_server_that_is_away_ends_the_run_and_costs_the_others_no_try(by_smtp, due, settings):
    settings.EMAIL_PORT = 1
    due(5)
    assert send_due(TO_FOLLOWERS) == 0
    assert sorted(Letter.objects.values_list("tries", flat=True)) == [0, 0, 0, 0, 1]
    assert Letter.objects.filter(leased_until=None).count() == 4


def test_what_fails_on_a_line_time_and_again_ends_the_run(by_smtp, due):
    due(6)
    by_smtp.drops_after.update(address(number) for number in range(6))
    assert send_due(TO_FOLLOWERS) == 0
    assert sum(Letter.objects.values_list("tries", flat=True)) == delivery.CUT_OFF_MOST


# Lines are kept


def test_one_line_carries_many_mails(by_smtp, due):
    due(12)
    assert send_due(TO_FOLLOWERS) == 12
    assert len(set(by_smtp.lines)) == 1


def test_a_line_carries_no_more_than_it_should(by_smtp, due, monkeypatch):
    monkeypatch.setattr(mail, "MAILS_A_CONNECTION", 5)
    due(12)
    assert send_due(TO_FOLLOWERS) == 12
    assert sorted(by_smtp.lines.count(line) for line in set(by_smtp.lines)) == [2, 5, 5]


@pytest.mark.parametrize("closes_with", ["421 4.7.0 That was enough on this line", ""])
def test_a_server_that_closes_a_line_between_two_mails_gets_the_next_on_another(by_smtp, due, closes_with):
    by_smtp.closes_after, by_smtp.closes_with = 3, closes_with
    due(7)
    assert send_due(TO_FOLLOWERS) == 7
    assert len(by_smtp.letters) == 7
    assert sorted(by_smtp.lines.count(line) for line in set(by_smtp.lines)) == [1, 3, 3]
    assert set(Letter.objects.values_list("tries", flat=True)) == {1}


# As many as are set, until nothing is left


def test_who_finds_much_has_others_help(by_smtp, due):
    due(BATCH)
    ProcrastinateJob.objects.all().delete()
    take(TO_FOLLOWERS, timezone.now())
    send_due(TO_FOLLOWERS)
    assert not ProcrastinateJob.objects.filter(queueing_lock=queue.LETTERS).exists()
    Letter.objects.update(closed_at=None, leased_until=None, outcome="")
    send_due(TO_FOLLOWERS)
    assert ProcrastinateJob.objects.filter(queueing_lock=queue.LETTERS, status="todo").count() == 1


def test_a_run_whose_time_is_up_has_another_go_on(by_smtp, due):
    due(2)
    ProcrastinateJob.objects.all().delete()
    assert send_due(TO_FOLLOWERS, seconds=0) == 0
    assert ProcrastinateJob.objects.filter(queueing_lock=queue.LETTERS, status="todo").count() == 1


def test_mail_as_it_happens_goes_before_digests(by_smtp, alice):
    followers(3, Cadence.WEEKLY)
    make_post(alice)
    tell_all()
    make_digests(timezone.now() + dt.timedelta(days=8))
    Letter.objects.update(due_at=timezone.now() - dt.timedelta(hours=1))
    Letter.objects.create(address="asked@people.example", sort=Sort.ANSWER, period="x", due_at=timezone.now())
    assert [letter.sort for letter in take(TO_FOLLOWERS, timezone.now(), most=1)] == [Sort.ANSWER]


def test_a_worker_has_a_thread_for_each_of_its_places():
    """Letters that keep all their senders busy leave the codes' own lane its threads."""
    places = sum(worker.BESIDE.values())
    assert worker.BESIDE["mail"] == int(os.environ.get("MAIL_SENDERS", "4"))
    assert worker.threads() >= places


@pytest.mark.slow
@pytest.mark.long
def test_as_many_send_at_once_as_are_set(server, committed, tmp_path, monkeypatch):
    """The shipped worker, three senders, and a server that takes its time over each mail."""
    monkeypatch.setenv("MAIL_SENDERS", "3")
    followers(BATCH * 4)
    server.slow_for.update({address(number): 0.25 for number in range(BATCH * 4)})
    from tests.make import make_organization

    writer = make_member("Alice Adeyemi")
    make_organization(writer, name="Harbor Street Housing Desk")
    make_post(writer)
    with working(server, tmp_path) as this:
        until(lambda: Letter.objects.filter(outcome=Outcome.SENT).count() == BATCH * 4, 120)
        assert this.end() == 0
    assert server.most_under_way == 3
    assert len(server.letters) == BATCH * 4


# Leases


def test_a_lease_is_longer_than_a_mail_may_take_and_shorter_than_a_minute():
    assert mail.SEND_SECONDS < LEASE.total_seconds() - delivery.SPARE.total_seconds() < LEASE.total_seconds() < 60
    assert SOON >= LEASE
    assert RUN_SECONDS < 60


def test_who_finds_what_a_killed_sender_left_comes_back_when_its_lease_is_over(by_smtp, due):
    due(2)
    taken = take(TO_FOLLOWERS, timezone.now(), most=2)
    ProcrastinateJob.objects.all().delete()
    assert send_due(TO_FOLLOWERS) == 0
    [again] = ProcrastinateJob.objects.filter(task_name=queue.LETTERS, status="todo")
    assert again.scheduled_at == min(letter.leased_until for letter in taken)
    Letter.objects.update(leased_until=timezone.now())
    assert send_due(TO_FOLLOWERS) == 2


def test_a_sender_that_is_slow_and_alive_keeps_what_it_has(by_smtp, due, monkeypatch):
    """Before each mail there is time for one in the lease, or it is renewed; what somebody else took meanwhile is left to them."""
    due(3)
    monkeypatch.setattr(mail, "SEND_SECONDS", LEASE.total_seconds())  # so that each mail has it renewed
    compose, leases = sending.compose, []

    def slow(letter, told):
        leases.append({row.pk: row.leased_until for row in Letter.objects.filter(closed_at=None)})
        if len(leases) == 2:
            Letter.objects.filter(closed_at=None).exclude(pk=letter.pk).update(leased_until=timezone.now() + LEASE)
        return compose(letter, told)

    monkeypatch.setattr(sending, "compose", slow)
    assert send_due(TO_FOLLOWERS) == 2
    first, second = leases
    assert all(second[pk] > first[pk] for pk in second)
    assert Letter.objects.get(closed_at=None).tries == 1


@pytest.mark.parametrize("sent_before", [0, 1])
def test_a_line_that_opens_slowly_costs_a_mail_no_more_than_its_time(by_smtp, due, monkeypatch, sent_before):
    """It is given up while nobody else has it, and put off: also where the line before it was closed. Nothing was handed over."""
    monkeypatch.setattr(mail, "SEND_SECONDS", 0.5)
    by_smtp.slow_to_greet, by_smtp.closes_after = [0] * sent_before + [1.5], 1
    due(3)
    assert send_due(TO_FOLLOWERS) == sent_before
    assert len(by_smtp.letters) == sent_before
    given_up = Letter.objects.get(closed_at=None, tries=1)
    assert "more than 0.5 seconds" in given_up.reason
    assert given_up.leased_until > timezone.now() + LEASE
    assert Letter.objects.filter(closed_at=None, tries=0, leased_until=None).count() == 2 - sent_before


@pytest.mark.slow
@pytest.mark.long
def test_a_killed_workers_letters_are_taken_up_within_a_minute(server, committed, tmp_path):
    """Nothing is let go by hand: the lease runs out, and the next worker is there."""
    from tests.make import make_organization

    followers(6)
    server.slow_for.update({address(number): 20 for number in range(6)})
    writer = make_member("Alice Adeyemi")
    make_organization(writer, name="Harbor Street Housing Desk")
    make_post(writer)
    with working(server, tmp_path) as first:
        until(lambda: server.under_way > 0)
        first.kill()
    server.slow_for.clear()
    leases = list(Letter.objects.filter(closed_at=None).values_list("leased_until", flat=True))
    assert max(leases) - timezone.now() <= LEASE
    with working(server, tmp_path) as second:
        until(lambda: Letter.objects.filter(outcome=Outcome.SENT).count() == 6, 90)
        assert second.end() == 0


# A clock that ran ahead


def test_a_letter_due_in_a_time_that_was_never_meant_goes_out(by_smtp, due):
    due(3)
    Letter.objects.update(due_at=timezone.now() + AHEAD)
    assert send_due(TO_FOLLOWERS) == 3


def test_a_lease_of_a_clock_that_ran_ahead_is_over(by_smtp, due):
    due(3)
    Letter.objects.update(leased_until=timezone.now() + AHEAD, tries=3)
    assert send_due(TO_FOLLOWERS) == 3


def test_what_was_put_off_in_earnest_stays_put_off(by_smtp, due):
    due(2)
    Letter.objects.update(leased_until=timezone.now() + delivery.LONGEST_WAIT)
    assert send_due(TO_FOLLOWERS) == 0


def test_the_last_mail_of_a_clock_that_ran_ahead_puts_the_next_off_by_ten_minutes_at_most(by_smtp, due, alice):
    due(1)
    assert send_due(TO_FOLLOWERS) == 1
    Letter.objects.update(closed_at=timezone.now() + AHEAD)
    make_post(alice, "Another")
    tell_all()
    make_at_once()
    [letter] = Letter.objects.filter(closed_at=None)
    assert letter.due_at - timezone.now() <= dt.timedelta(minutes=10)


def test_what_was_told_by_a_clock_that_ran_ahead_stands_in_the_next_digest(by_smtp, alice):
    followers(1, Cadence.DAILY)
    make_post(alice)
    tell_all()
    Notification.objects.update(at=timezone.now() + AHEAD)
    make_digests()
    assert send_due(TO_FOLLOWERS) == 1
    assert not Notification.objects.filter(letter=None, cadence="daily").exists()


@pytest.mark.long
def test_a_job_put_off_by_a_clock_that_ran_ahead_runs(committed, server, tmp_path):
    """And a worker that was heard of in a time that has not come is missed, with the job it had."""
    queue.wake(queue.LETTERS)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '35 days') RETURNING id"
        )
        (gone,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, scheduled_at, worker_id) VALUES"
            " ('default', 'dates', '{\"timestamp\": 0}', 'todo', now() + interval '35 days', NULL),"
            " ('default', 'tidy', '{\"timestamp\": 0}', 'doing', NULL, %s)",
            [gone],
        )
    with working(server, tmp_path) as this:
        until(lambda: ProcrastinateJob.objects.filter(task_name="dates", status="succeeded").exists(), 90)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = %s"
                " AND last_heartbeat < now() + interval '1 minute'",
                [gone],
            )
        until(lambda: ProcrastinateJob.objects.filter(task_name="tidy", status="succeeded").exists(), 90)
        this.end()


# Restored from a copy


def test_a_first_start_takes_the_database_for_ours(by_smtp):
    assert sending.held() == ""
    system, number = MailState.objects.get().database.split(":")
    assert system.isdecimal()
    assert number.isdecimal()
    assert sending.held() == ""


@pytest.mark.parametrize("elsewhere", ["7000000000000000001:{number}", "{system}:1"])
def test_a_database_that_is_another_holds_letters_and_pushes(by_smtp, due, elsewhere):
    due(2)
    assert sending.held() == ""
    system, number = MailState.objects.get().database.split(":")
    MailState.objects.update(database=elsewhere.format(system=system, number=number))
    jobs.letters(0)
    assert by_smtp.letters == []
    assert "restored from a copy" in sending.held()
    out = StringIO()
    call_command("mail", stdout=out)
    assert "Mail is HELD: The database was restored from a copy" in out.getvalue()
    sending.release(skip_before=timezone.now())
    assert sending.held() == ""
    assert send_due(TO_FOLLOWERS) == 0


def test_what_a_server_does_not_tell_is_no_reason_to_hold(by_smtp):
    sending.held()
    _, number = MailState.objects.get().database.split(":")
    MailState.objects.update(database=f":{number}")
    assert sending.held() == ""


def test_who_may_not_ask_for_the_servers_identifier_goes_by_the_databases_number(by_smtp):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE plain")
        cursor.execute("GRANT pg_read_all_data TO plain")
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        cursor.execute("SET LOCAL ROLE plain")
        assert sending._database().startswith(":")
        cursor.execute("RESET ROLE")
        cursor.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        cursor.execute("SET LOCAL ROLE plain")
        assert not sending._database().startswith(":")
        cursor.execute("RESET ROLE")


def test_a_move_of_the_whole_database_is_adopted(by_smtp):
    sending.held()
    MailState.objects.update(database="7000000000000000001:1")
    out = StringIO()
    call_command("mail", adopt=True, stdout=out)
    assert "HELD" not in out.getvalue()
    assert sending.held() == ""


def test_an_old_copy_that_never_said_which_database_it_is_is_held_where_nothing_stands_beside_it(by_smtp):
    MailState.objects.create(pk=1, sent=142)
    assert "restored from a copy" in sending.held()


@pytest.mark.slow
@pytest.mark.long
def test_a_dump_restored_in_another_place_sends_nothing_a_second_time(server, committed, tmp_path, settings):
    """Real programs: what is waiting is dumped, restored into another database with nothing beside it, and a worker works there."""
    from tests.make import make_organization

    settings.VAR_DIR = tmp_path / "here"
    followers(3)
    writer = make_member("Alice Adeyemi")
    make_organization(writer, name="Harbor Street Housing Desk")
    make_post(writer)
    tell_all()
    make_at_once()
    assert sending.held() == ""
    here, copy = connection.settings_dict["NAME"], "commons_restored"
    parameters = connection.get_connection_params()
    address = ["--host", parameters["host"], "--username", parameters["user"]]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {copy}")
    try:
        dump = tmp_path / "dump"
        programs = embedded.PROGRAMS
        subprocess.run([programs / "pg_dump", *address, "-Fc", "-f", dump, here], check=True, capture_output=True)
        subprocess.run([programs / "pg_restore", *address, "-d", copy, dump], check=True, capture_output=True)
        elsewhere = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{copy}"
        beside = tmp_path / "elsewhere"
        beside.mkdir()
        from tests.notifications.test_faults import Worker

        this = Worker(server, beside, elsewhere)
        try:
            with psycopg.connect(elsewhere, autocommit=True) as there:
                asked = "SELECT held_why FROM knowledge_mailstate WHERE held_since IS NOT NULL"
                until(lambda: there.execute(asked).fetchone() is not None)
                time.sleep(2)
                assert there.execute(
                    "SELECT count(*) FROM knowledge_letter WHERE closed_at IS NOT NULL"
                ).fetchone() == (0,)
        finally:
            this.kill()
        assert server.letters == []
        env = {**os.environ, "DATABASE_URL": elsewhere, "COMMONS_VAR": str(beside)}
        shown = subprocess.run(
            [sys.executable, "manage.py", "mail"], env=env, capture_output=True, text=True, check=True
        )
        assert "Mail is HELD: The database was restored from a copy" in shown.stdout
    finally:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {copy} WITH (FORCE)")


def test_what_is_made_anew_is_not_what_the_transaction_takes_back(by_smtp, due):
    """A wake that finds its like waiting leaves the transaction around it whole."""
    with transaction.atomic():
        for _ in range(2):
            queue.wake_at(queue.LETTERS, timezone.now())
    assert ProcrastinateJob.objects.filter(queueing_lock="letters later", status="todo").count() == 1
