"""`python -m commons.start`, for real: what it starts, what it refuses, what it survives, and that it leaves nothing behind."""

import shutil
import signal
import socket

import psycopg
import pytest

from commons import embedded
from commons.start import ROOT
from tests.start.starting import (
    Start,
    folder_of_its_own,
    free_port,
    kill,
    kill_all_of,
    marked,
    refused,
    servers,
)

pytestmark = pytest.mark.xdist_group("start")  # they share one running commons

KEPT = "INSERT INTO django_session VALUES ('{}', 'written before', '2100-01-01')"
IS_KEPT = "SELECT count(*) FROM django_session WHERE session_key = '{}'"


class Home:
    """A folder and a port, and the commons that runs there: started when a test wants it, and again when one ended it."""

    def __init__(self, var):
        self.var = var
        self.port = str(free_port())
        self.start = None

    def running(self) -> Start:
        if self.start is None or not self.start.running:
            self.start = Start(self.var, "--empty", PORT=self.port).wait_until_up()
        return self.start

    def afresh(self) -> Start:
        """One in which nothing has gone wrong yet."""
        if self.start is not None and self.start.running:
            self.start.end()
        return self.running()

    def ask(self, question):
        with psycopg.connect(embedded.url(self.var / "database"), autocommit=True) as database:
            cursor = database.execute(question)
            return cursor.fetchone()[0] if cursor.description else None


@pytest.fixture(scope="module")
def home():
    with folder_of_its_own() as folder:
        yield Home(folder / "var")


@pytest.fixture
def running(home):
    return home.running()


@pytest.fixture
def elsewhere():
    with folder_of_its_own() as folder:
        yield folder / "var"


# What it starts


def test_it_says_what_it_does_and_where_it_is(running):
    assert "Starting the database … " in running.words
    assert f"The commons is running at http://localhost:{running.port} (Ctrl-C stops it)." in running.words
    assert f"shown at http://localhost:{running.port}/mailbox/" in running.words
    assert "Traceback" not in running.words


def test_it_is_ready_for_readers(running):
    running.shows("/healthz")
    running.shows("/")
    running.wait(lambda: running.asked("/readyz") == 200)  # which has seen the worker


@pytest.mark.long
def test_empty_is_without_people(running, home):
    assert home.ask("SELECT count(*) FROM accounts_member") == 0
    assert home.ask("SELECT count(*) FROM knowledge_issuearea") > 0


# What it refuses, in one sentence


def test_a_second_start_of_the_same_folder(running):
    said = refused(running.var, "--empty", PORT=str(free_port()))
    assert said == f"The commons is already running at http://localhost:{running.port}.\n"
    running.shows("/healthz")


def test_a_taken_port(elsewhere):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(elsewhere, "--empty", PORT=str(port))
    assert said == f"Port {port} is taken by another program: choose another with PORT.\n"
    assert not (elsewhere / "database").exists()


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "8000 ", "٨٠٠٠", "²", "9" * 5000])
def test_a_port_that_is_none(elsewhere, port):
    assert refused(elsewhere, PORT=port) == f"PORT must be a number from 1 to 65535, not “{port}”.\n"


def test_an_address_of_another_machine(elsewhere):
    said = refused(elsewhere, HOST="203.0.113.7", PORT=str(free_port()))
    assert said == "HOST must be an address of this machine, not “203.0.113.7”.\n"


def test_a_folder_that_is_none(elsewhere):
    elsewhere.write_text("a file")
    assert refused(elsewhere).startswith(f"Nothing can be kept in {elsewhere}: ")
    elsewhere.unlink()


def test_a_database_folder_that_holds_something_else(elsewhere):
    (elsewhere / "database").mkdir(parents=True)
    (elsewhere / "database" / "letters.txt").write_text("mine")
    said = refused(elsewhere, PORT=str(free_port()))
    assert said.endswith("holds something that is not a database: move it out of the way.\n")
    assert (elsewhere / "database" / "letters.txt").read_text() == "mine"


def test_a_server_that_does_not_answer(elsewhere):
    url = f"postgresql://nobody@{str(elsewhere).replace('/', '%2F')}/nothing"
    said = refused(elsewhere, DATABASE_URL=url, PORT=str(free_port()))
    assert said.startswith("The database server in DATABASE_URL cannot be reached: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("program", ["--web", "--worker"])
def test_one_program_alone_without_a_server(elsewhere, program):
    assert (
        refused(elsewhere, program)
        == "--web and --worker need DATABASE_URL, a PostgreSQL server that both can reach.\n"
    )


# What it survives


def test_a_killed_web_server_comes_back(running):
    killed = running.programs()["granian"]
    killed.kill()
    running.wait_for_words("The web server has ended (SIGKILL); starting it again")
    running.wait(lambda: running.asked("/healthz") == 200 and running.programs()["granian"].pid != killed.pid)


def test_a_killed_worker_comes_back_and_what_it_left_half_done_is_done(running, home):
    home.ask(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) "
        """VALUES ('default', 'tidy', '{"timestamp": 0}', 'doing')"""
    )
    killed = running.programs()["commons.worker"]
    killed.kill()
    running.wait_for_words("The worker has ended (SIGKILL); starting it again")
    running.wait(lambda: running.programs().get("commons.worker", killed).pid != killed.pid)
    running.wait(lambda: home.ask("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('doing', 'todo')") == 0)
    assert home.ask("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")


def test_a_killed_database_comes_back_with_everything(running, home):
    home.ask(KEPT.format("before the database"))
    kill(servers(home.var / "database"))
    running.wait_for_words("The database has ended; starting it again")
    running.wait(lambda: running.asked("/") == 200 and running.asked("/readyz") == 200)
    assert home.ask(IS_KEPT.format("before the database")) == 1


@pytest.mark.long
def test_the_end_of_everything_at_once_loses_nothing(running, home):
    home.ask(KEPT.format("before everything"))
    kill_all_of(home.var)
    running.process.wait()
    again = home.running()
    again.shows("/")
    assert home.ask(IS_KEPT.format("before everything")) == 1


def test_what_a_killed_start_leaves_running_is_cleared(running, home):
    running.end(signal.SIGKILL)
    assert embedded.running(home.var / "database")  # web server and worker end with their start, where the system can
    home.running().shows("/")


# How it ends


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(home, how):
    running = home.afresh()
    before = len(running.words)
    assert running.end(how) == 0
    assert running.words[before:].splitlines() == [
        "Stopping the web server and the worker … done",
        "Stopping the database … done",
        "Stopped.",
    ]
    assert not marked(home.var)
    assert not servers(home.var / "database")


def test_it_can_be_stopped_while_it_prepares(elsewhere):
    start = Start(elsewhere, "--empty")
    start.wait_for_words("Starting the database … ")
    assert start.end() == 0
    assert start.words.endswith("Stopped.\n")
    assert not marked(elsewhere)
    assert not servers(elsewhere / "database")


# Other ways to start


@pytest.mark.long
def test_with_a_server_of_its_own_it_starts_none(elsewhere, own_database):
    start = Start(elsewhere, "--empty", DATABASE_URL=own_database).wait_until_up()
    start.shows("/")
    assert not (elsewhere / "database").exists()
    assert start.end() == 0
    assert "database" not in start.words.split("Ctrl-C stops it")[1]


@pytest.mark.long
def test_dev_starts_again_when_a_file_changes(elsewhere, own_database):
    tree = elsewhere.parent / "tree"
    for name in ("accounts", "commons", "knowledge", "templates", "static"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tree)
    start = Start(elsewhere, "--empty", "--dev", root=tree, DATABASE_URL=own_database).wait_until_up()
    start.shows("/")
    killed = start.programs()["granian"].pid
    (tree / "commons" / "health.py").write_text((tree / "commons" / "health.py").read_text() + "\n")
    start.wait_for_words("A file changed: starting again.")
    start.wait(lambda: start.asked("/healthz") == 200 and start.programs()["granian"].pid != killed)
    assert start.end() == 0


def test_it_keeps_its_own_files_to_itself(home):
    home.running()
    assert (home.var / "secret_key").stat().st_mode & 0o077 == 0
    assert (home.var / "database").stat().st_mode & 0o077 == 0
