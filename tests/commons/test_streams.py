"""Event streams over real sockets, behind the shipped server command; streams_target.py says what it answers."""

import os
import re
import shutil
import signal
import socket
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench import measure
from commons import embedded, news, serving, streams

PATIENCE = 20
WITHIN = 2  # seconds until news must have arrived
QUIET = 0.7  # seconds after which what has not come is taken not to come


@contextmanager
def served(**environment):
    """A server of one process; gives it and its port."""
    port = measure.free_port()
    command = serving.command(measure.HOST, port, 1, "tests.commons.streams_target:application")
    with measure.serving(command, port, env=environment) as process:
        yield process, port


@pytest.fixture(scope="module")
def database(django_db_blocker):
    """The address of the database to which `news.tell` speaks; what is committed here leaves nothing behind."""
    with django_db_blocker.unblock():
        yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        connection.close()


@pytest.fixture(scope="module")
def server(database):
    with served(DATABASE_URL=database) as (process, port):
        with closing(Page(port, 1)) as first:
            first.waits_for(news.EVENT)  # the database is listened to
        yield process, port


@pytest.fixture
def port(server):
    return server[1]


@pytest.fixture
def pages(port):
    """Opens pages, each with a stream of its member; closed at the end."""
    with ExitStack() as stack:
        yield lambda member, **options: stack.enter_context(closing(Page(port, member, **options)))


class Page:
    """An open page, as its stream sees it."""

    def __init__(self, port, member, what="stream"):
        self.line = socket.create_connection((measure.HOST, port), timeout=PATIENCE)
        self.line.sendall(measure.request_bytes(f"/{what}/{member}", port=port))
        self.heard = b""
        self.read = 0
        if what != "late":
            self.waits_for(b"\r\n\r\n")
            self.head, _, self.heard = self.heard.partition(b"\r\n\r\n")
            self.read = 0
            if self.status == 200:
                self.waits_for(b"retry: ")
                self.waits_for(b"\n\n")

    @property
    def status(self):
        return int(self.head.split(b" ")[1])

    @property
    def headers(self):
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def waits_for(self, words, seconds=PATIENCE):
        """The seconds until these words have come, after what was waited for before."""
        since = time.monotonic()
        while (at := self.heard.find(words, self.read)) < 0:
            self.line.settimeout(max(since + seconds - time.monotonic(), 0.001))
            more = self.line.recv(1 << 16)
            assert more, f"the stream has ended: {self.heard!r}"
            self.heard += more
        self.read = at + len(words)
        return time.monotonic() - since

    def rest(self, seconds=QUIET):
        """What else comes within so many seconds."""
        until = time.monotonic() + seconds
        with suppress(TimeoutError):
            while (left := until - time.monotonic()) > 0:
                self.line.settimeout(left)
                more = self.line.recv(1 << 16)
                if not more:
                    break
                self.heard += more
        rest, self.read = self.heard[self.read :], len(self.heard)
        return rest

    def end(self, seconds=PATIENCE):
        """What else comes until the stream ends; fails where it does not."""
        self.line.settimeout(seconds)
        while more := self.line.recv(1 << 16):
            self.heard += more
            if self.heard.endswith(b"0\r\n\r\n"):
                break
        return self.heard[self.read :]

    def close(self):
        self.line.close()


# What is told


def test_news_arrive_once_they_are_true_and_only_where_they_belong(pages):
    hers, her_other, his = pages(11), pages(11), pages(12)
    with transaction.atomic():
        news.tell([11])
        assert news.EVENT not in hers.rest()
    assert hers.waits_for(news.EVENT) < WITHIN
    assert her_other.waits_for(news.EVENT) < WITHIN
    assert news.EVENT not in his.rest()


def test_what_was_taken_back_is_not_told(pages):
    page = pages(13)
    with transaction.atomic():
        news.tell([13])
        transaction.set_rollback(True)
    assert news.EVENT not in page.rest()


def test_news_may_come_from_sql(pages, database):
    page = pages(14)
    with psycopg.connect(database) as other:
        other.execute("SELECT pg_notify('commons_news', string_agg(n::text, ',')) FROM generate_series(10, 20) n")
    assert page.waits_for(news.EVENT) < WITHIN


def test_many_members_are_told_in_as_many_messages_as_they_need(pages, database):
    last = 2**63 - 1
    page = pages(last)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(f"LISTEN {news.CHANNEL}")
        news.tell(range(last - 999, last + 1))
        heard = [message.payload for message in other.notifies(timeout=WITHIN / 2)]
    messages = [message for message in heard if message.startswith(str(last)[:5])]
    assert sum(message.count(",") + 1 for message in messages) == 1000
    assert all(len(message) <= news.LONGEST_MESSAGE for message in messages)
    assert page.waits_for(news.EVENT) < WITHIN


def test_where_nobody_is_to_be_told_nothing_is_asked_of_the_database(database):
    with CaptureQueriesContext(connection) as asked:
        news.tell([])
    assert not asked.captured_queries


def test_much_news_in_a_moment_is_said_at_once_and_once_more(pages):
    page = pages(15)
    for _ in range(50):
        news.tell([15])
    assert page.waits_for(news.EVENT) < WITHIN
    assert page.rest(2).count(news.EVENT) == 1


def test_what_is_no_message_of_ours_does_no_harm(pages, database):
    page = pages(16)
    with psycopg.connect(database, autocommit=True) as other:
        for message in ("", "hello", ",,", "1e3", "9" * 5000, "-", "²", "nobody,16"):
            other.execute("SELECT pg_notify('commons_news', %s)", [message])
    assert page.waits_for(news.EVENT) < WITHIN


def test_news_told_while_a_stream_is_being_asked_for_is_not_missed(pages):
    page = pages(17, what="late")
    time.sleep(0.3)
    news.tell([17])
    assert page.waits_for(news.EVENT) < 1 + WITHIN


def test_what_the_view_answers_is_said_first(pages):
    assert pages(18, what="new").heard.count(news.EVENT) == 1


# The stream


def test_a_stream_is_endless_and_kept_by_nobody(pages):
    page = pages(21)
    assert page.status == 200
    assert page.headers["content-type"] == "text/event-stream"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-accel-buffering"] == "no"
    assert page.headers["set-cookie"] == "a=1"
    assert "content-length" not in page.headers
    assert news.HEADER.lower() not in page.headers


def test_pages_come_back_some_sooner_and_some_later(pages):
    said = [int(re.search(rb"retry: (\d+)\n\n", pages(100 + number).heard)[1]) for number in range(8)]
    assert len(set(said)) > 1
    assert all(1000 * streams.RETRY_SECONDS[0] <= each <= 1000 * streams.RETRY_SECONDS[1] for each in said)


def test_an_idle_stream_says_that_it_lives_and_ends_by_itself(database):
    quick = {"TEST_BEAT_SECONDS": "0.2", "TEST_LONGEST_SECONDS": "1"}
    with served(DATABASE_URL=database, **quick) as (_, port), closing(Page(port, 1)) as page:
        since = time.monotonic()
        assert page.end().count(streams.BEAT) in range(2, 7)
        assert 0.5 < time.monotonic() - since < 3


def test_signing_out_ends_the_members_streams(pages):
    hers, his = pages(22), pages(23)
    with transaction.atomic():
        news.end(22)
    assert hers.end(WITHIN).endswith(b"0\r\n\r\n")
    news.tell([22, 23])
    assert his.waits_for(news.EVENT) < WITHIN


# Limits


def test_a_members_oldest_page_ends_when_there_are_too_many(pages):
    first, *others = (pages(31) for _ in range(streams.STREAMS_A_MEMBER + 1))
    assert streams.ENOUGH in first.end(WITHIN)
    news.tell([31])
    for page in others:
        assert page.waits_for(news.EVENT) < WITHIN


def test_too_many_streams_are_sent_away_and_closed_ones_make_room(database):
    with served(DATABASE_URL=database, TEST_STREAMS="3") as (_, port), ExitStack() as stack:
        held = [stack.enter_context(closing(Page(port, member))) for member in (1, 2, 3)]
        with closing(Page(port, 4)) as refused:
            assert refused.status == 503
            assert refused.headers["retry-after"]
        assert measure.ask(port).status == 200
        held[0].close()
        until = time.monotonic() + PATIENCE
        while True:
            with closing(Page(port, 4)) as page:
                if page.status == 200 or time.monotonic() > until:
                    break
        assert page.status == 200


def test_three_hundred_idle_streams_keep_nobody_waiting(pages, port):
    held = [pages(1000 + number) for number in range(300)]
    since = time.monotonic()
    for _ in range(20):
        assert measure.ask(port, timeout=PATIENCE).status == 200
    assert time.monotonic() - since < WITHIN
    news.tell(range(1000, 1300))
    assert max(page.waits_for(news.EVENT) for page in held) < WITHIN


# Ends and beginnings


def test_sigterm_ends_streams_at_once_and_finishes_what_is_under_way(database):
    with served(DATABASE_URL=database) as (process, port), ExitStack() as stack:
        held = [stack.enter_context(closing(Page(port, member))) for member in range(1, 21)]
        line = stack.enter_context(socket.create_connection((measure.HOST, port), timeout=PATIENCE))
        line.sendall(measure.request_bytes("/slow", port=port))
        late = stack.enter_context(closing(Page(port, 21, what="late")))
        time.sleep(0.3)
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        for page in held:
            page.end(WITHIN)
        assert measure.read_answer(line).status == 200
        late.end(WITHIN)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - since < 1 + WITHIN


def test_sigterm_stops_a_server_that_has_streams_only(database):
    with served(DATABASE_URL=database) as (process, port), closing(Page(port, 1)):
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - since < WITHIN


def test_a_database_that_was_away_is_listened_to_again_and_every_page_asks_anew():
    folder = Path(tempfile.mkdtemp(prefix="commons-streams-"))
    folder.chmod(0o755)
    own = folder / "database"
    try:
        with served(DATABASE_URL=embedded.start(own, settings=embedded.FOR_TESTS)) as (_, port), ExitStack() as stack:
            page, other = (stack.enter_context(closing(Page(port, member))) for member in (1, 2))
            page.waits_for(news.EVENT)  # listening begins with one, too
            embedded.stop(own)
            address = embedded.start(own, settings=embedded.FOR_TESTS)
            assert page.waits_for(news.EVENT) < streams.PAUSES[1] + WITHIN
            other.rest(1)
            with psycopg.connect(address, autocommit=True) as told:
                told.execute("SELECT pg_notify('commons_news', '2')")
            assert other.waits_for(news.EVENT) < WITHIN
    finally:
        embedded.stop(own)
        shutil.rmtree(folder)
