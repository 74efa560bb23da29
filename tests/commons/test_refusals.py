"""What the database refuses for a while: a wait that takes too long, two in each other's way, an exception of the queue's."""

import contextlib
import logging

import pytest
from django.db import DatabaseError, Error, connection, transaction
from django.test import Client
from procrastinate.exceptions import ConnectorException

from accounts.members.models import Member
from commons import faults, queue
from commons.db.base import database, optional_write, writes
from commons.db.errors import Fault, fault_of, is_away
from commons.each import do_each
from knowledge.comments.models import Comment
from knowledge.management.commands.load_topics import load_areas
from knowledge.stored.models import Fragment
from knowledge.topics.models import IssueArea
from tests.lines import another_line

PROFILE = {"name": "Another name", "bio": "", "time_zone": "UTC"}


@pytest.fixture
def areas(transactional_db):
    if not IssueArea.objects.exists():
        load_areas()


@pytest.fixture
def direct(areas):
    """A line of the test's own to the same database."""
    with another_line() as direct:
        yield direct


@pytest.fixture
def impatient(areas):
    """Nobody waits long for another's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    yield
    connection.close()


@pytest.fixture
def browser(areas, alice):
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


def refusing(state: str, times: int) -> None:
    """Have the next comments be refused by the server, for the reason that this SQLSTATE names; then no more."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries")
        cursor.execute(
            f"""
            CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF;
                RETURN new;
            END $$;
            CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON knowledge_comment FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )


@pytest.fixture
def refuse(areas):
    yield refusing
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS refuse CASCADE; DROP SEQUENCE IF EXISTS tries")


def test_a_wait_that_takes_too_long_is_not_called_a_database_that_is_away(areas, browser, alice, direct, impatient):
    direct.execute("SELECT FROM accounts_member WHERE id = %s FOR UPDATE", [alice.pk])
    answer = browser.post("/account/profile/", PROFILE)
    direct.rollback()
    page = answer.content.decode()
    assert answer.status_code == 503
    assert faults.WORDS[Fault.SLOW].title in page
    assert faults.NOTHING in page
    assert "Another name" in page
    assert int(answer["Retry-After"]) > 0
    assert browser.post("/account/profile/", PROFILE).status_code == 302


@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.parametrize(("times", "status"), [(1, 302), (2, 503)])
def test_what_was_taken_back_for_another_is_done_again_once(areas, browser, post, refuse, state, times, status):
    refuse(state, times)
    answer = browser.post(f"{post.get_absolute_url()}comment/", {"body": "We see this too."})
    assert answer.status_code == status
    assert Comment.objects.count() == (status == 302)
    if status == 503:
        assert faults.WORDS[Fault.CONFLICT].title in answer.content.decode()
        assert faults.NOTHING in answer.content.decode()
        assert "We see this too." in answer.content.decode()


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("53100", Fault.FULL),
        ("25006", Fault.FULL),
        ("57014", Fault.SLOW),
        ("53200", Fault.SLOW),
        ("25P03", Fault.LOST),
        ("57P01", Fault.LOST),
        ("53300", Fault.LOST),
    ],
)
def test_each_refusal_has_its_page(areas, browser, post, refuse, state, fault):
    refuse(state, 9)
    answer = browser.post(f"{post.get_absolute_url()}comment/", {"body": "We see this too."})
    assert answer.status_code == 503
    assert faults.WORDS[fault].title in answer.content.decode()


@pytest.mark.parametrize("state", ["22012", "54000"])  # a division by zero, more than PostgreSQL ever takes
def test_a_mistake_of_ours_is_none_of_the_databases_faults(areas, browser, post, refuse, state):
    refuse(state, 9)
    assert browser.post(f"{post.get_absolute_url()}comment/", {"body": "We see this too."}).status_code == 500


@pytest.mark.parametrize(
    ("state", "away"),
    [
        ("08006", True),
        ("25P03", True),
        ("53300", True),
        ("57P01", True),
        ("40P01", False),
        ("53100", False),
        ("53200", False),
        ("54000", False),
        ("54001", False),
        ("55006", False),
        ("55P03", False),
        ("57014", False),
        ("58030", False),
    ],
)
def test_only_a_database_that_is_not_reached_is_away(db, state, away):
    """Where it refuses one thing, a job that does many goes on with the next; one that is away ends it."""
    tried = []

    def refused():
        tried.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$")

    with pytest.raises(DatabaseError) if away else contextlib.nullcontext():
        assert do_each([("one", refused), ("two", refused)]) == ["one", "two"]
    assert len(tried) == (1 if away else 2)


def test_a_line_that_broke_is_a_database_that_is_away(transactional_db):
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_away(raised.value)
    with pytest.raises(Error) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert is_away(raised.value)
    connection.close()


def test_what_the_queue_raises_is_what_the_database_said(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        with pytest.raises(ConnectorException) as raised:
            queue.defer(queue.TIDY, timestamp=0)
        assert fault_of(raised.value) is Fault.FULL
    finally:
        connection.close()


def test_what_a_page_can_do_without_is_left_out_and_the_rest_of_the_transaction_is_kept(areas, alice, caplog):
    row = {"object_id": 1, "renderer": "", "html": ""}
    with caplog.at_level(logging.WARNING), transaction.atomic():
        Member.objects.filter(pk=alice.pk).update(bio="Kept.")
        with optional_write(), connection.cursor() as cursor:
            Fragment.objects.create(kind="lost", **row)
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$")
        with optional_write():
            Fragment.objects.create(kind="kept", **row)
    assert list(Fragment.objects.values_list("kind", flat=True)) == ["kept"]
    assert Member.objects.get(pk=alice.pk).bio == "Kept."
    assert "left unkept" in caplog.text
    assert database().fault is None


def test_what_the_orm_could_not_write_leaves_the_transaction_as_usable_as_before(areas, alice, post, refuse):
    refuse("53100", 1)
    with transaction.atomic():
        Member.objects.filter(pk=alice.pk).update(bio="Kept.")
        with optional_write():
            Comment.objects.create(post=post, by=alice, body="Lost.")
        Member.objects.filter(pk=alice.pk).update(name="Kept too")
    assert not Comment.objects.exists()
    assert list(Member.objects.filter(pk=alice.pk).values_list("bio", "name")) == [("Kept.", "Kept too")]
    assert database().fault is None


def test_a_reader_does_not_wait_for_a_writer_to_keep_a_fragment(areas, browser, post, direct, impatient):
    browser.get(post.get_absolute_url())
    Fragment.objects.update(wanted=5)  # all are stale
    direct.execute("SELECT FROM knowledge_fragment FOR UPDATE")
    assert browser.get(post.get_absolute_url()).status_code == 200
    direct.rollback()


@pytest.mark.parametrize(
    ("sql", "is_write"),
    [
        ('SELECT "a" FROM "b"', False),
        ("(SELECT 1) UNION (SELECT 2)", False),
        ("\n            SELECT a FROM b", False),
        ("\n\t\t\t\t\t(\r\n(SELECT 1) UNION (SELECT 2))", False),
        ("\n            WITH a AS (SELECT 1) SELECT * FROM a", False),
        ("\n            WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", True),
        ("\n            SELECT procrastinate_defer_jobs_v1(%s)", True),
        ("\n            DELETE FROM b", True),
        ("SET lock_timeout = 1", False),
        ("WITH a AS (SELECT 1) SELECT * FROM a", False),
        ("WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", True),
        ("INSERT INTO b VALUES (1)", True),
        ("update b set c = 1", True),
        ("SELECT procrastinate_defer_jobs_v1(%s)", True),
        ("SELECT pg_notify(%s, %s)", True),
        ('UPDATE "cache" SET value = 1', False),
        ("TRUNCATE b", True),
    ],
)
def test_which_statements_may_keep_something(sql, is_write):
    assert writes(sql) is is_write
