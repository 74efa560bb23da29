"""A backup made while people write, and the commons that is made of it: nothing acknowledged is missing, nothing is half there."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from moto.server import ThreadedMotoServer

from commons import backup
from commons.account_mail import AccountMail
from commons.files import storage_of
from commons.mail import TrialMail
from commons.start import lock_file
from knowledge.comments.actions import comment
from knowledge.posts.attachments import add_file, discard_file, looked_at
from knowledge.posts.models import Attachment, Post
from tests.make import make_comment, make_member, make_post
from tests.pictures import picture
from tests.start.starting import ROOT, Start, environment_of, free_port, wait_for

pytestmark = pytest.mark.xdist_group("start")

# What a schema is made of, in words
SHAPE = """
SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT format('constraint %s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('trigger %s %s', pg_get_triggerdef(t.oid), tgenabled) FROM pg_trigger t
  JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace
UNION ALL SELECT format('routine %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT format('type %s', typname) FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
UNION ALL SELECT format('sequence %s', relname) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.VAR_DIR = tmp_path / "var"
    (tmp_path / "var").mkdir()
    return settings.MEDIA_ROOT


@pytest.fixture
def fresh():
    """The address of an empty database on the tests' server."""
    name = f"commons_restored_{os.getpid()}"  # the tests of another process have their own
    address = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    yield address._replace(path=f"/{name}").geturl()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def var():
    """The folder of another machine, where its database's user can reach it."""
    folder = Path(f"/tmp/commons-backup-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    yield folder / "var"
    shutil.rmtree(folder)


def manage(var, *arguments, **settings):
    """What a command says that runs in another process, on another commons; and its code."""
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=environment_of(var, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def restore(path, var, url, *arguments, **settings):
    code, words = manage(var, "restore", path, *arguments, DATABASE_URL=url, **settings)
    assert code == 0, words
    return words


def refused(path, says, *arguments):
    with pytest.raises(CommandError) as trouble:
        call_command("restore", path, *arguments)
    assert says in str(trouble.value)


def ask(url, question, *values):
    with psycopg.connect(url, autocommit=True) as database:
        return database.execute(question, values or None).fetchall()


def file_of(by, name="days.csv", inside=b"day,moves\n1,19\n2,6\n"):
    return add_file(looked_at(SimpleUploadedFile(name, inside)), by=by)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


def made(folder, *arguments):
    """The path of a backup made now."""
    call_command("backup", folder, *arguments, verbosity=0)
    return max(Path(folder).glob("commons-2*.zip"), key=lambda path: path.stat().st_mtime_ns)


class Writers:
    """People who write without pause, each on a connection of their own; what was acknowledged is noted."""

    def __init__(self, post, members):
        self.post, self.ended = post, threading.Event()
        self.comments, self.files, self.posts, self.troubles = [], [], [], []
        self.threads = [threading.Thread(target=self._run, args=(member,)) for member in members]

    def _run(self, member):
        turn = 0
        try:
            while not self.ended.is_set():
                turn += 1
                self.comments.append(comment(self.post, by=member, body=f"Turn {turn}.").pk)
                kept, thrown = file_of(member), file_of(member)
                discard_file(thrown, by=member)
                self.files.append(kept.pk)
                if turn % 5 == 0:
                    self.posts.append(make_post(member).pk)
        except Exception as trouble:  # noqa: BLE001 (the test asserts that there is none)
            self.troubles.append(trouble)
        finally:
            connections.close_all()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.long
def test_made_while_people_write_it_becomes_a_commons_that_lacks_nothing(
    committed, media, tmp_path, alice, bob, fresh, var
):
    post = make_post(alice)
    drawn = add_file(looked_at(SimpleUploadedFile("van.png", picture("PNG", (1500, 900)))), by=alice)
    Client().force_login(alice)
    TrialMail.objects.create(to="a@people.example", subject="1234-5678", body="Your code is 1234-5678.")
    AccountMail.objects.create(
        address="a@people.example", kind="a", sealed="sealed-letter", due_at=timezone.now(), holds_until=timezone.now()
    )
    with Writers(post, [alice, bob]) as writers:
        assert wait_for(lambda: writers.troubles or len(writers.posts) > 2)
        before = list(writers.comments), list(writers.files), list(writers.posts)
        path = made(tmp_path / "backups")
        seen = len(writers.comments)
        assert wait_for(lambda: writers.troubles or len(writers.comments) > seen)
    assert not writers.troubles
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        inside = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Paying at the viewing" in inside
    assert b"1234-5678" not in inside
    assert b"sealed-letter" not in inside
    with connection.cursor() as cursor:
        cursor.execute(SHAPE)
        shape = sorted(row[0] for row in cursor.fetchall())

    words = restore(path, var, fresh)
    assert "Mail and push are held" in words
    # What was acknowledged before it began is there
    for table, column, numbers in zip(
        ("knowledge_comment", "knowledge_attachment", "knowledge_post"), ("id", "id", "number"), before, strict=True
    ):
        assert ask(fresh, f"SELECT count(*) FROM {table} WHERE {column} = ANY(%s)", numbers) == [(len(numbers),)]
    # No row without its files, and each as it was
    rows = ask(fresh, "SELECT file, size FROM knowledge_attachment WHERE id <> %s", drawn.pk)
    assert len(rows) >= len(before[1])
    assert all((var / "media" / name).stat().st_size == size for name, size in rows)
    assert {name for name in drawn.stored_names() if (var / "media" / name).read_bytes() == default_storage.open(name).read()} == {
        drawn.file.name, f"{drawn.file.name}-640", f"{drawn.file.name}-1280",
    }  # fmt: skip
    # Every constraint, index, trigger and function is there, on, and holds
    assert sorted(row[0] for row in ask(fresh, SHAPE)) == shape
    assert ask(fresh, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'commons%%'") == []
    for table, column in (("knowledge_comment", "id"), ("knowledge_post", "number"), ("commons_activity", "id")):
        ((following,),) = ask(fresh, "SELECT nextval(pg_get_serial_sequence(%s, %s))", table, column)
        assert ask(fresh, f"SELECT max({column}) < %s FROM {table}", following) == [(True,)]
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        ask(fresh, "UPDATE knowledge_version SET title = 'Changed'")
    # Nobody is let in, no code is told, and no mail goes out
    assert ask(fresh, "SELECT (SELECT count(*) FROM django_session), (SELECT count(*) FROM commons_trialmail)") == [
        (0, 0)
    ]
    assert Session.objects.count() == 1
    assert ask(fresh, "SELECT held_since IS NOT NULL, held_why FROM knowledge_mailstate")[0][0] is True
    assert "Mail is HELD" in manage(var, "mail", DATABASE_URL=fresh)[1]
    # What readers keep under a stamp of today stands for nothing of then
    assert ask(fresh, "SELECT min(number) >= 1000000000 FROM knowledge_stamp") == [(True,)]

    start = Start(var, "--empty", DATABASE_URL=fresh, PORT=str(free_port())).wait_until_up()
    try:
        start.shows("/")
        start.shows(post.get_absolute_url())
        start.wait(lambda: start.asked("/readyz") == 200)
    finally:
        start.end()


# Files that come and go meanwhile


def test_what_is_added_and_thrown_away_while_files_are_copied(committed, media, tmp_path, alice, monkeypatch):
    kept, thrown, lost = file_of(alice), file_of(alice), file_of(alice)
    default_storage.delete(lost.file.name)
    copy_files, late = backup.Writer.copy_files, []

    def meanwhile(writer, names):
        if not late:  # the first look is over: one of it is thrown away, and two come
            late.extend([file_of(alice), file_of(alice)])
            discard_file(thrown, by=alice)
        elif len(late) == 2:  # the rows of a snapshot are read: one that stands in them is thrown away
            on_another_line(lambda: discard_file(late[1], by=alice))
            late.append(None)
        return copy_files(writer, names)

    monkeypatch.setattr(backup.Writer, "copy_files", meanwhile)
    manifest = contents(made(tmp_path / "backups"))
    assert set(manifest["files"]) == {kept.file.name, late[0].file.name}
    assert manifest["lost"] == [lost.file.name]
    assert manifest["tables"]["knowledge_attachment"]["rows"] == 3


def on_another_line(act):
    def run():
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.mark.long
def test_from_a_bucket_to_a_folder_and_back(committed, media, settings, tmp_path, alice, fresh, var, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (Path(site.VAR_DIR) / "secret_key").write_text("the-key-of-this-installation-" * 3)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        bucket = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )
        for name in ("one", "two"):
            bucket.create_bucket(Bucket=name)
        settings.STORAGES = {**settings.STORAGES, "default": storage_of(f"s3+http://k:s@{host}:{port}/one")}
        kept = file_of(alice)
        path = made(tmp_path / "backups")
        assert not media.exists()
        restore(path, var, fresh)
        inside = (var / "media" / kept.file.name).read_bytes()
        assert inside == b"day,moves\n1,19\n2,6\n"
        assert (var / "secret_key").read_text() == "the-key-of-this-installation-" * 3
        assert (var / "secret_key").stat().st_mode & 0o077 == 0
        restore(path, var, fresh, "--replace", FILES_URL=f"s3+http://k:s@{host}:{port}/two/commons")
        assert bucket.get_object(Bucket="two", Key=f"commons/{kept.file.name}")["Body"].read() == inside
    finally:
        server.stop()


# Keys, names, how many are kept


def test_keys_can_be_left_out(committed, media, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (Path(site.VAR_DIR) / "secret_key").write_text("a-key")
    assert set(contents(made(tmp_path / "with"))["keys"]) == {"secret_key"}
    assert contents(made(tmp_path / "without", "--without-keys"))["keys"] == {}
    monkeypatch.setenv("SECRET_KEY", "of the environment")
    assert contents(made(tmp_path / "of-the-environment"))["keys"] == {}


def test_as_many_are_kept_as_are_wanted(committed, media, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"commons-202601{day:02}T030000Z.zip" for day in range(1, 6)]
    others = [folder / "mine.zip", folder / "commons-notes.txt"]
    ahead = [folder / f"commons-210001{day:02}T030000Z.zip" for day in range(1, 6)]  # by a clock that ran ahead
    for path in [*old, *others, *ahead]:
        path.write_bytes(b"x")
    left = folder / ".commons-backup-1.partial"
    left.write_bytes(b"of a killed one")
    newest = made(folder, "--keep", "3")
    assert sorted(folder.iterdir()) == sorted([*old[-2:], newest, *others])
    for wrong in (["--keep", "0"], ["--keep", "2"]):
        with pytest.raises(CommandError, match="--keep"):
            call_command("backup", folder / "this.zip", *wrong)


def test_two_at_once_of_the_same_process_number_do_not_touch_each_other(committed, media, tmp_path, alice, monkeypatch):
    file_of(alice)
    folder = tmp_path / "backups"
    copy_files, other = backup.Writer.copy_files, folder / "other.zip"
    beside = threading.Thread(target=lambda: on_another_line(lambda: backup.make_backup(other)), daemon=True)

    def meanwhile(writer, names):
        if not beside.ident:
            beside.start()
            beside.join(60)
            assert not beside.is_alive()
        return copy_files(writer, names)

    monkeypatch.setattr(backup.Writer, "copy_files", meanwhile)
    path, manifest = backup.make_backup(folder)
    assert sorted(folder.iterdir()) == sorted([path, other])
    for each in (path, other):
        assert each.stat().st_mode & 0o077 == 0
        with zipfile.ZipFile(each) as archive:
            assert backup.check_archive(archive, each).files == manifest.files


def test_one_that_fails_leaves_nothing_and_throws_nothing_away(committed, media, tmp_path, monkeypatch):
    folder = tmp_path / "backups"
    first = made(folder).rename(folder / "commons-20260101T030000Z.zip")  # not of this very second

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CommandError, match="No room is left on the disk"):
            call_command("backup", folder, "--keep", "1")
    assert list(folder.iterdir()) == [first]
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
        with pytest.raises(CommandError, match="MB are needed"):
            call_command("backup", folder)
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", first)
    (tmp_path / "a file").write_text("mine")
    with pytest.raises(CommandError, match="Nothing can be kept in"):
        call_command("backup", tmp_path / "a file" / "folder")


# What is refused


def changed(path, to, change=None, leave_out=()):
    """A copy of a backup whose list of contents was changed, and some parts left out."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(to, "w") as other:
        for name in archive.namelist():
            if name in leave_out:
                continue
            inside = archive.read(name)
            if name == "manifest.json" and change:
                manifest = json.loads(inside)
                change(manifest)
                inside = json.dumps(manifest).encode()
            other.writestr(name, inside)
    return to


def test_what_is_damaged_or_newer_is_refused_and_nothing_is_changed(committed, media, tmp_path, alice):
    file_of(alice)
    path = made(tmp_path / "backups")
    whole = path.read_bytes()
    other = tmp_path / "other.zip"
    make_post(alice)

    for wrong in (whole[:100], whole[: len(whole) // 2], whole[:-10], b"", b"PK" * 1000):
        other.write_bytes(wrong)
        refused(other, "is no backup of a commons, or only the beginning of one", "--replace")
    with zipfile.ZipFile(path) as archive:
        for name in ("tables/knowledge_place", next(name for name in archive.namelist() if name.startswith("files/"))):
            at = archive.getinfo(name).header_offset + len(name) + 60
            other.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
            refused(other, f"is damaged: {name} is not what was written", "--replace")
    changed(path, other, leave_out=["tables/knowledge_place"])
    refused(other, "is damaged: tables/knowledge_place", "--replace")
    changed(path, other, leave_out=["manifest.json"])
    refused(other, "is no backup of a commons", "--replace")
    changed(path, other, lambda manifest: manifest.update(format=2))
    refused(other, "newer version of the commons", "--replace")
    changed(path, other, lambda manifest: manifest.update(tables=["knowledge_post"]))
    refused(other, "is damaged: its list of contents", "--replace")
    changed(path, other, lambda manifest: manifest["migrations"].append(["knowledge", "9999_of_tomorrow"]))
    refused(other, "newer version of the commons (it knows knowledge 9999_of_tomorrow)", "--replace")
    refused(tmp_path / "there-is-none.zip", "cannot be read", "--replace")
    refused(path, "There are people in this commons already")

    def outside(manifest):
        (name,) = manifest["files"]
        manifest["files"] = {"../outside": manifest["files"][name]}

    changed(path, other, outside)
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("files/../outside", b"day,moves\n1,19\n2,6\n")
    refused(other, "outside the folder of files", "--replace")
    assert not (media.parent / "outside").exists()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        refused(path, "A worker runs on this database", "--replace")
        cursor.execute("DELETE FROM procrastinate_workers")
    with psycopg.connect(os.environ["DATABASE_URL"]), lock_file(Path(site.VAR_DIR)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(path, "The commons is running: stop it first.", "--replace")
    assert Post.objects.count() == 1


@pytest.mark.long
def test_one_of_an_earlier_version_is_brought_up_to_date(committed, media, tmp_path, alice, fresh, var):
    """As if the newest table of drafts' comments had not been there yet."""

    def earlier(manifest):
        manifest["migrations"] = [one for one in manifest["migrations"] if one[0] != "knowledge" or one[1] < "0018"]
        for name in [name for name in manifest["tables"] if name.startswith("knowledge_draftcomment")]:
            assert manifest["tables"].pop(name)["rows"] == 0

    make_post(alice)
    path = changed(made(tmp_path / "backups"), tmp_path / "earlier.zip", earlier)
    restore(path, var, fresh)
    assert ask(fresh, "SELECT count(*) FROM knowledge_post") == [(1,)]
    assert ask(fresh, "SELECT count(*) FROM knowledge_draftcomment") == [(0,)]
    assert manage(var, "migrate", "--check", DATABASE_URL=fresh)[0] == 0


@pytest.mark.long
def test_a_killed_restore_changes_nothing_and_is_started_again(committed, media, tmp_path, alice, fresh, var):
    restore(made(tmp_path / "first"), var, fresh)
    make_comment(make_post(alice), alice, "Said later.")
    second = made(tmp_path / "second")
    killed = subprocess.Popen(
        [sys.executable, "manage.py", "restore", str(second), "--replace"],
        cwd=ROOT,
        env=environment_of(var, DATABASE_URL=fresh),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    there = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'commons_restoring'"
    assert wait_for(lambda: killed.poll() is not None or ask(fresh, there)[0][0] > 50)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert ask(fresh, "SELECT count(*) FROM knowledge_post") == [(0,)]
    code, words = manage(var, "restore", second, DATABASE_URL=fresh)
    assert (code, "There are people in this commons already" in words) == (1, True)

    # One whose rows are not as many as it says is found out last, and changes nothing either
    changed(second, tmp_path / "other.zip", lambda manifest: manifest["tables"]["knowledge_words"].update(rows=3))
    code, words = manage(var, "restore", tmp_path / "other.zip", "--replace", DATABASE_URL=fresh)
    assert (code, "rows came and not 3; nothing was changed" in words) == (1, True), words
    assert ask(fresh, "SELECT count(*) FROM knowledge_post") == [(0,)]
    restore(second, var, fresh, "--replace")
    assert ask(fresh, "SELECT body FROM knowledge_comment") == [("Said later.",)]
    assert ask(fresh, there) == [(0,)]


# What comes after the tables are in their place

COUNTED_SLOWLY = """
CREATE SCHEMA elsewhere;
CREATE FUNCTION elsewhere.slow(number int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_catalog.pg_sleep(0.5); RETURN number; END';
CREATE TABLE elsewhere.slow_table AS SELECT * FROM generate_series(1, 8) AS number;
CREATE INDEX ON elsewhere.slow_table (elsewhere.slow(number));
CREATE TABLE elsewhere.held_table ();
"""


@pytest.mark.long
def test_the_keys_are_back_whatever_becomes_of_counting_the_tables(committed, media, tmp_path, fresh, var, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    key = Path(site.VAR_DIR) / "secret_key"
    key.write_text("the-key-of-this-installation-" * 3)
    path = made(tmp_path / "backups")
    with psycopg.connect(fresh, autocommit=True) as server:
        server.execute(COUNTED_SLOWLY)
    with psycopg.connect(fresh) as holding:
        holding.execute("LOCK TABLE elsewhere.held_table")
        words = restore(path, var, fresh, STATEMENT_TIMEOUT="3s", LOCK_TIMEOUT="1s")
    # What takes longer than a page may was counted; what could not be is said, and is all that is missing
    assert ask(fresh, "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'slow_table'") == [(True,)]
    assert "The tables could not be counted, so pages may be slow at first: canceling statement due to lock" in words
    assert "Restored as of" in words
    assert (var / "secret_key").read_text() == key.read_text()


# What every model's files are


def test_every_file_that_a_row_names_is_known(committed, media, alice):
    drawn = add_file(looked_at(SimpleUploadedFile("van.png", picture("PNG", (1500, 900)))), by=alice)
    assert backup.stored_files() == drawn.stored_names()
    assert len(drawn.stored_names()) == 3
    assert Attachment(file="").stored_names() == set()


def test_tables_that_are_left_out_are_there(committed):
    with connection.cursor() as cursor:
        assert backup.LEFT_OUT.keys() <= backup._tables(cursor).keys() | {"cache"}
    assert Post.objects.count() == 0


# The embedded database, running and not


@pytest.mark.long
def test_with_the_embedded_database(committed, media, tmp_path, alice, var):
    post, kept = make_post(alice), file_of(alice)
    path = made(tmp_path / "backups")
    assert make_member()  # since
    code, words = manage(var, "restore", path)
    assert code == 0, words
    start = Start(var, "--empty").wait_until_up()
    try:
        start.shows(post.get_absolute_url())
        assert "The commons is running at" in manage(var, "restore", path, "--replace")[1]
        code, words = manage(var, "backup")
        assert code == 0, words
    finally:
        start.end()
    code, words = manage(var, "backup", tmp_path / "stopped.zip")  # the database is started for it, and stopped again
    assert code == 0, words
    assert not (var / "database" / "postmaster.pid").exists()
    assert contents(tmp_path / "stopped.zip")["tables"]["knowledge_post"]["rows"] == 1

    # One that is begun meanwhile does not take it for the running commons, whose database stays
    pipe = var / "media" / kept.file.name
    inside = pipe.read_bytes()
    pipe.unlink()
    os.mkfifo(pipe)
    first = subprocess.Popen(
        [sys.executable, "manage.py", "backup", str(tmp_path / "first.zip")],
        cwd=ROOT,
        env=environment_of(var),
        stdout=subprocess.DEVNULL,
    )
    with os.fdopen(read_by_another(pipe), "wb") as held:
        for another in (["backup", tmp_path / "second.zip"], ["restore", path, "--replace"]):
            code, words = manage(var, *another)
            assert (code, "Another backup is being made here" in words) == (1, True), words
        held.write(inside)
    assert first.wait(60) == 0
    assert not (var / "database" / "postmaster.pid").exists()
    assert kept.file.name in contents(tmp_path / "first.zip")["files"]


def read_by_another(pipe):
    """A named pipe opened for writing, once another process reads it."""
    until = time.monotonic() + 60
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as trouble:
            if trouble.errno != errno.ENXIO or time.monotonic() > until:
                raise
        time.sleep(0.05)
