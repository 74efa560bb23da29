"""A database made by an earlier PostgreSQL: moved to the one of this release, or refused with what to do about it."""

import os
import shutil
import subprocess
import sys

import psutil
import psycopg
import pytest

from commons import embedded
from commons.start import ROOT
from tests.start.starting import Start, environment_of, folder_of_its_own, free_port, kill, refused, servers

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("start")]

EARLIER = [version for version in (15, 16, 17) if embedded.programs_of(version)]


@pytest.fixture
def var():
    with folder_of_its_own() as folder:
        yield folder / "var"


def made_by(version, folder):
    """Make a database by an earlier PostgreSQL, and have it run; give its programs."""
    programs = embedded.programs_of(version)
    folder.mkdir(parents=True, mode=0o700)
    embedded._give_to_database_user(folder)
    embedded._let_run(programs)
    arguments = ["--username", embedded.SUPERUSER, "--auth-local", "trust", "--encoding", "UTF8", "--locale", "C"]
    made = embedded._run("initdb", [*arguments, "--pgdata", str(folder)], owner=folder, programs=programs)
    assert made.returncode == 0, made.stderr
    run(folder, programs)
    embedded._make_database(folder)
    return programs


def run(folder, programs):
    server = embedded._launch(folder, {**embedded.SMALL_SITE, **embedded.FOR_TESTS}, programs)
    embedded._wait_until_ready(folder, psutil.Process(server.pid), lambda seconds: None)


def ask(folder, question):
    with psycopg.connect(embedded.url(folder), autocommit=True) as database:
        return database.execute(question).fetchall()


def test_the_wheel_brings_an_earlier_one_too():
    """What the move stands on; and what moves a database when the wheel's newest is a later one."""
    assert embedded.programs_of(16)
    assert embedded.programs_of(embedded.VERSION) == embedded.PROGRAMS
    assert embedded.programs_of(99) is None


def test_a_start_moves_it_and_keeps_the_earlier_one(var):
    folder = var / "database"
    made_by(16, folder)
    environment = environment_of(var, DATABASE_URL=embedded.url(folder))
    command = [sys.executable, "-m", "commons.prepare", "--empty"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    with psycopg.connect(embedded.url(folder), autocommit=True) as database:
        database.execute("SET synchronous_commit = on")  # it must be there when the server is killed
        database.execute("INSERT INTO django_session VALUES ('kept', 'written before', '2100-01-01')")
        database.execute("UPDATE knowledge_mailstate SET sent = 3")
    kill(servers(folder))  # without a warning: it puts that right first

    start = Start(var, "--empty", PORT=str(free_port())).wait_until_up()
    try:
        assert f"Moving the database from PostgreSQL 16 to {embedded.VERSION} … " in start.words
        assert f"is kept as it was in {var / 'database-16'}" in start.words
        start.shows("/")
        start.wait(lambda: start.asked("/readyz") == 200)
        assert ask(folder, "SELECT session_data FROM django_session WHERE session_key = 'kept'") == [
            ("written before",)
        ]
        ((version,),) = ask(folder, "SELECT current_setting('server_version_num')::int / 10000")
        assert version == embedded.VERSION
        # It is no copy whose mail was sent elsewhere
        assert ask(folder, "SELECT held_since, sent FROM knowledge_mailstate") == [(None, 3)]
        assert not embedded.was_moved(folder)
    finally:
        start.end()
    assert (var / "database-16" / "PG_VERSION").read_text().strip() == "16"
    again = Start(var, "--empty", PORT=str(free_port())).wait_until_up()
    assert "Moving the database" not in again.words
    assert again.end() == 0


@pytest.mark.parametrize("version", EARLIER)
def test_the_earlier_one_still_runs_as_it_was(var, version):
    folder = var / "database"
    programs = made_by(version, folder)
    with psycopg.connect(embedded.url(folder), autocommit=True) as database:
        database.execute("CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) n")
    assert embedded.older_version(folder) == version
    kept = embedded.upgrade(folder)  # while it runs: it is stopped first
    assert embedded.older_version(folder) is None
    embedded.start(folder, settings=embedded.FOR_TESTS)
    assert ask(folder, "SELECT count(*) FROM kept") == [(1000,)]
    embedded.stop(folder)
    run(kept, programs)
    assert ask(kept, "SELECT count(*) FROM kept") == [(1000,)]
    embedded.stop(kept)


def test_a_move_cut_off_between_its_last_two_steps_is_undone(var):
    folder = var / "database"
    made_by(16, folder)
    embedded.stop(folder)
    kept, fresh = var / "database-16", var / "database.new"
    shutil.copytree(folder, fresh)
    embedded._note_of_move(folder).write_text(kept.name)
    folder.rename(kept)  # and here it was killed
    assert embedded.older_version(folder) == 16
    assert folder.exists()
    assert not kept.exists()
    assert not embedded.was_moved(folder)


def test_without_room_or_with_an_earlier_one_kept_already_nothing_is_done(var, monkeypatch):
    folder = var / "database"
    made_by(16, folder)
    embedded.stop(folder)
    (var / "database-16").mkdir()
    with pytest.raises(embedded.DatabaseTrouble, match="is there already"):
        embedded.upgrade(folder)
    (var / "database-16").rmdir()
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
        with pytest.raises(embedded.DatabaseTrouble, match="has 1 MB left"):
            embedded.upgrade(folder)
    assert embedded.older_version(folder) == 16
    assert not (var / "database.new").exists()


@pytest.mark.parametrize(
    ("version", "says"), [("9", "made by PostgreSQL 9, this release brings"), ("99", "take the release that")]
)
def test_one_that_cannot_be_moved_is_refused_with_what_to_do(var, version, says):
    folder = var / "database"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text(f"{version}\n")
    said = refused(var, "--empty", PORT=str(free_port()))
    assert said.startswith(f"The database in {folder} was made by PostgreSQL {version}, ")
    assert says in said
    assert ("manage.py backup" in said) == (version == "9")
    assert len(said.splitlines()) == 1
    assert os.listdir(folder) == ["PG_VERSION"]  # noqa: PTH208
