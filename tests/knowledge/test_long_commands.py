"""Commands that take long: the limits of a page do not end them, and killed in the middle they go on when started again."""

import io
import os
import pkgutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from commons.long_command import LIMITS, LongCommand, Progress, without_limits
from knowledge.management import commands
from tests.start.starting import wait_for

OURS = [name for _, name, _ in pkgutil.iter_modules(commands.__path__)]


def limits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(LIMITS)])
        return dict(cursor.fetchall())


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_may_take_long(name):
    assert issubclass(import_module(f"knowledge.management.commands.{name}").Command, LongCommand)


def test_inside_nothing_is_limited_and_afterwards_it_is_as_before(transactional_db):
    before = limits()
    assert before["statement_timeout"] == "10000"
    assert before["idle_in_transaction_session_timeout"] == "30000"
    with without_limits():
        assert set(limits().values()) == {"0"}
        with without_limits(), transaction.atomic():
            assert set(limits().values()) == {"0"}
        assert set(limits().values()) == {"0"}
    assert limits() == before
    with pytest.raises(CommandError), without_limits():
        raise CommandError
    assert limits() == before


def pause_in_a_transaction():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        time.sleep(0.3)
        cursor.execute("SELECT 1")


def test_a_pause_in_a_transaction_ends_a_page_and_no_command(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '50ms'")
    with without_limits():
        pause_in_a_transaction()
    with pytest.raises(DatabaseError):
        pause_in_a_transaction()
    connection.close()


# A big sample


@pytest.fixture
def own_database():
    """The address of an empty database on the tests' server, whose limits are far too small for a long command."""
    name = "commons_long_commands"
    address = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    yield address._replace(path=f"/{name}").geturl()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


# A slow machine: each statement and each pause takes as long as it takes, and the site allows next to nothing
MAKE = """
import os, sys
os.environ["STATEMENT_TIMEOUT"] = "50ms"
from commons import settings
options = settings.DATABASES["default"]["OPTIONS"]
options["options"] = options["options"].replace("idle_in_transaction_session_timeout=30s", "idle_in_transaction_session_timeout=50ms")
assert "=50ms" in options["options"]
import django
django.setup()
from django.core.management import call_command
from knowledge.management.commands import make_sample
make_sample.BATCH, make_sample.POOL = 100, 50
call_command("make_sample", posts=int(sys.argv[1]), seed=int(sys.argv[2]))
"""

WHOLE = """
SELECT (SELECT md5(string_agg(p::text, '|' ORDER BY number)) FROM knowledge_post p),
       (SELECT md5(string_agg(v::text, '|' ORDER BY id)) FROM knowledge_version v),
       (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM knowledge_comment c),
       (SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM knowledge_move m),
       (SELECT md5(string_agg(s::text, '|' ORDER BY listing)) FROM knowledge_stamp s),
       (SELECT count(*) FROM knowledge_words), (SELECT count(*) FROM commons_activity),
       (SELECT last_value FROM knowledge_comment_id_seq)
"""


@pytest.mark.long
def test_a_big_sample_killed_in_the_middle_goes_on_and_doubles_nothing(own_database, tmp_path):
    environment = {**os.environ, "DATABASE_URL": own_database, "COMMONS_VAR": str(tmp_path)}
    prepare = [sys.executable, "-m", "commons.prepare", "--empty"]
    subprocess.run(prepare, env=environment, check=True, capture_output=True)

    def make(*arguments):
        command = [sys.executable, "-c", MAKE, *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ask(question):
        with psycopg.connect(own_database, autocommit=True) as database:
            return database.execute(question).fetchone()

    killed = make("600", "7")
    assert wait_for(lambda: killed.poll() is not None or ask("SELECT count(*) FROM knowledge_post")[0] >= 200)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    there = ask("SELECT count(*) FROM knowledge_post")[0]
    assert 200 <= there < 600

    other = make("600", "8")
    assert "of another --seed" in other.communicate()[0]
    again = make("600", "7")
    words = again.communicate()[0]
    assert again.returncode == 0, words
    assert f"{there} posts are there already; going on after them." in words
    in_two = ask(WHOLE)
    assert ask("SELECT count(*) FROM knowledge_post")[0] == 600
    more = make("600", "7")
    more.communicate()
    assert ask(WHOLE) == in_two

    with psycopg.connect(own_database, autocommit=True) as database:
        database.execute("SELECT set_config('commons.emptying', 'on', false)")
        database.execute(
            "TRUNCATE accounts_organization, accounts_member, knowledge_post, knowledge_tag, knowledge_stamp CASCADE"
        )
        database.execute("TRUNCATE knowledge_words, knowledge_fragment, commons_activity CASCADE")
    at_once = make("600", "7")
    words = at_once.communicate()[0]
    assert at_once.returncode == 0, words
    assert ask(WHOLE) == in_two


def test_it_is_made_in_no_commons_that_is_used(post):
    with pytest.raises(CommandError, match="in an empty database"):
        call_command("make_sample", posts=100)


# How far it is


class Screen(io.StringIO):
    """What somebody sees: a terminal, or a log."""

    def __init__(self, is_terminal):
        super().__init__()
        self.isatty = lambda: is_terminal


def test_a_terminal_shows_one_line():
    screen = Screen(is_terminal=True)
    progress = Progress("Posts", 3, to=screen)
    for _ in range(3):
        progress.said -= 60
        progress.advance()
    progress.end()
    lines = screen.getvalue()
    assert lines.count("\n") == 1
    assert "\rPosts: 1 of 3, " in lines
    assert "\rPosts: 3 of 3, " in lines
    assert " a second" in lines


def test_a_log_gets_a_line_now_and_then():
    screen = Screen(is_terminal=False)
    progress = Progress("Posts", 3_000, to=screen)
    progress.advance(1_000)
    progress.said -= 60
    progress.advance(1_000)
    progress.end()
    assert screen.getvalue().startswith("Posts: 2,000 of 3,000, ")
    assert screen.getvalue().count("\n") == 1
