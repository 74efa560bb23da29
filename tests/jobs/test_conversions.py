"""Files that wait in line: fair to members, once, whatever is killed; their page for who sent them, and for nobody else."""

import base64
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, connections
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from commons import apart, queue, worker
from commons.each import SomeFailed
from knowledge import jobs
from knowledge.documents.actions import keep_document, open_later, read_document
from knowledge.posts import conversions
from knowledge.posts.attachments import Undrawn, draw_later
from knowledge.posts.conversions import claim, claimable, files_before
from knowledge.posts.drafts import begin_draft
from knowledge.posts.models import Attachment, Conversion, ConversionKind, ConversionState, Draft
from tests.conversions import JSON, outcome_page, work_through
from tests.make import make_member
from tests.pictures import picture

SLOW = b"<p>Words.</p>" + b"<p>" + b"<br>" * 20_000  # a second or two of a processor


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def document(inside: bytes = b"Nine in ten.", name: str = "notes.md") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, inside)


def drawn_later(by) -> Conversion:
    return draw_later(Undrawn(SimpleUploadedFile("hall.jpg", picture(size=(300, 200))), "hall"), by=by)


def until(is_so: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "It did not come to that."
        time.sleep(0.1)


def states() -> list[str]:
    return list(Conversion.objects.order_by("pk").values_list("state", flat=True))


# The real worker


@pytest.fixture
def start_worker(committed, folder) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Starts the shipped worker on the test's own database, with its files in the test's folder."""
    started: list[subprocess.Popen[bytes]] = []
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    address = f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")
    media = folder / "var" / "media"

    def start() -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "DATABASE_URL": address, "COMMONS_VAR": str(media.parent)}
        started.append(subprocess.Popen([sys.executable, "-m", "commons.worker"], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def shared_folder(settings, folder) -> Path:
    settings.MEDIA_ROOT = folder / "var" / "media"
    return Path(settings.MEDIA_ROOT)


def programs_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_the_worker_takes_up_what_is_sent(start_worker, shared_folder, signed_in, alice):
    browser = signed_in(alice)
    answer = browser.post("/attachments/", {"file": SimpleUploadedFile("hall.jpg", picture())}, headers=JSON)
    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["address"]
    sent = browser.post("/drafts/open/", {"document": document(b"# Keys\n\nNine in ten.")})
    assert sent.status_code == 303
    assert "It is the next." in browser.get(sent["Location"]).content.decode()  # with no worker at all
    start_worker()
    until(lambda: states() == ["done", "done"])
    assert browser.get(answer["Location"], headers=JSON).json()["markdown"] == Attachment.objects.get().markdown
    assert browser.get(sent["Location"])["Location"] == Draft.objects.get().get_absolute_url()
    until(lambda: not [path for path in (shared_folder / "conversions").rglob("*") if path.is_file()])


@pytest.mark.parametrize(("kills", "comes"), [(1, "done"), (2, "refused")])
def test_a_program_that_is_killed_is_begun_once_more(start_worker, shared_folder, alice, kills, comes):
    open_later(document(SLOW, "a.html"), by=alice)
    process = start_worker()
    for tries in range(1, kills + 1):
        until(lambda tries=tries: Conversion.objects.get().tries == tries and programs_of(process))
        for program in programs_of(process):
            program.send_signal(signal.SIGKILL)
    until(lambda: states() == [comes], 120)
    row = Conversion.objects.get()
    assert (row.tries, row.refused) == (2, conversions.CUT_OFF if kills == 2 else "")
    assert Draft.objects.count() == (kills == 1)


@pytest.mark.long
def test_what_a_killed_worker_read_is_read_by_the_next_and_kept_once(start_worker, shared_folder, alice):
    open_later(document(SLOW, "a.html"), by=alice)
    first = start_worker()
    until(lambda: programs_of(first))
    first.kill()
    start_worker()
    until(lambda: states() == ["done"], 120)
    assert Draft.objects.count() == 1
    assert Conversion.objects.get().tries == 2


@pytest.mark.long
def test_a_worker_that_stops_hands_its_files_to_the_next(start_worker, shared_folder, alice):
    open_later(document(SLOW, "a.html"), by=alice)
    first = start_worker()
    until(lambda: programs_of(first))
    first.terminate()
    first.wait(60)
    assert states() in (["waiting"], ["done"])
    start_worker()
    until(lambda: states() == ["done"])
    assert Draft.objects.count() == 1


# Whose turn it is


def test_documents_and_pictures_have_lanes_of_their_own():
    lanes = {queue.lane(name) for name in (queue.DOCUMENTS, queue.PICTURES, queue.INBOUND, queue.LETTERS, queue.CODES)}
    assert len(lanes) == 5
    assert lanes <= worker.BESIDE.keys()
    assert worker.BESIDE["documents"] >= 2  # so that a slow one leaves a place
    assert worker.BESIDE["pictures"] >= 2


def test_four_documents_of_one_member_stand_before_nobody_elses(committed, alice, bob, charlie):
    """Threads as the worker has them claim at once: one of each member, and the next of a member after those of all others."""
    for _ in range(4):
        open_later(document(), by=alice)
    bobs, charlies, picture_of_bob = (
        open_later(document(), by=bob),
        open_later(document(), by=charlie),
        drawn_later(bob),
    )
    claimed: list[int] = []

    def take():
        try:
            if row := claim(ConversionKind.DOCUMENT):
                claimed.append(row.pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = Conversion.objects.filter(state=ConversionState.RUNNING)
    assert sorted(running.values_list("by", flat=True)) == sorted([alice.pk, bob.pk, charlie.pk])
    assert {bobs.pk, charlies.pk} < set(claimed)
    assert len(claimed) == len(set(claimed)) == 3
    assert claim(ConversionKind.DOCUMENT) is None
    assert claim(ConversionKind.PICTURE) == picture_of_bob


@pytest.mark.django_db
def test_the_turn_goes_round(alice, bob):
    first, second, third = (open_later(document(), by=alice) for _ in range(3))
    bobs = open_later(document(), by=bob)
    assert [files_before(row) for row in (first, second, third, bobs)] == [1, 2, 3, 1]
    turns = []
    while row := claim(ConversionKind.DOCUMENT):
        turns.append(row)
        Conversion.objects.filter(pk=row.pk).update(state=ConversionState.DONE)
    assert turns == [first, bobs, second, third]


@pytest.mark.django_db
def test_each_file_has_a_job_and_the_last_of_a_members_files_is_read_without_another(alice):
    for _ in range(3):
        open_later(document(), by=alice)
    assert ProcrastinateJob.objects.filter(task_name=queue.DOCUMENTS, status="todo").count() == 3
    ProcrastinateJob.objects.all().delete()  # those that ran while the first was read, and found nothing
    jobs.documents(timestamp=0)
    assert states() == ["done", "waiting", "waiting"]
    assert ProcrastinateJob.objects.get(task_name=queue.DOCUMENTS).queue_name == "documents"


@pytest.mark.django_db
def test_one_may_have_so_many_waiting_and_is_told_so(signed_in, alice, bob, monkeypatch):
    monkeypatch.setitem(conversions.MEMBER_MOST, ConversionKind.DOCUMENT, 2)
    for _ in range(2):
        open_later(document(), by=alice)
    answer = signed_in(alice).post("/drafts/open/", {"document": document()})
    assert answer.status_code == 422
    assert "2 of your documents wait to be read already" in answer.content.decode()
    drawn_later(alice)
    open_later(document(), by=bob)
    monkeypatch.setitem(conversions.MOST, ConversionKind.DOCUMENT, 3)
    answer = signed_in(bob).post("/drafts/open/", {"document": document()})
    assert answer.status_code == 422
    assert "Nothing was kept" in answer.content.decode()
    work_through()
    assert signed_in(alice).post("/drafts/open/", {"document": document()}).status_code == 303


@pytest.mark.django_db
def test_all_files_that_wait_take_so_much_room(alice, monkeypatch):
    monkeypatch.setattr(conversions, "BYTES_MOST", 1_000)
    with pytest.raises(conversions.ValidationError, match="Nothing was kept"):
        open_later(document(b"x" * 2_000), by=alice)
    assert not Conversion.objects.exists()


# What is cut off


def cut_off(row: Conversion) -> None:
    Conversion.objects.filter(pk=row.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


@pytest.mark.django_db
def test_what_nobody_holds_on_to_is_begun_again_and_refused_after_two(
    alice, folder, django_capture_on_commit_callbacks
):
    open_later(document(), by=alice)
    for tries in (1, 2):
        row = claim(ConversionKind.DOCUMENT)
        assert row.tries == tries
        assert claim(ConversionKind.DOCUMENT) is None
        cut_off(row)
    with django_capture_on_commit_callbacks(execute=True):
        assert claim(ConversionKind.DOCUMENT) is None
    row.refresh_from_db()
    assert (row.state, row.refused) == ("refused", conversions.CUT_OFF)
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_a_document_with_many_pictures_keeps_its_place_while_it_is_read(alice, monkeypatch):
    """Its programs are many and quick: none runs as long as from one beat to the next."""
    monkeypatch.setattr(conversions, "LEASE", dt.timedelta(seconds=2))
    monkeypatch.setattr(apart, "BEAT_SECONDS", 1.0)
    inside = base64.b64encode(picture("PNG", (90, 60)))
    open_later(document(b"<p>Words.</p>" + b'<img src="data:image/png;base64,%s">' % inside * 20, "a.html"), by=alice)

    def read(conversion, file, beat):
        read_of_it = read_document(file, beat=beat)
        assert claim(ConversionKind.DOCUMENT) is None
        return partial(keep_document, read_of_it, by=conversion.by)

    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert (states(), Conversion.objects.get().tries) == (["done"], 1)
    assert Attachment.objects.count() == 20


@pytest.mark.django_db
def test_what_was_read_is_nobody_elses_while_it_is_kept(alice):
    open_later(document(), by=alice)

    def read(conversion, *_):
        cut_off(conversion)

        def keep():
            assert claim(ConversionKind.DOCUMENT) is None
            return begin_draft(by=alice, title="Keys", body="Nine in ten.")

        return keep

    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert states() == ["done"]


@pytest.mark.django_db
def test_a_job_runs_for_what_was_cut_off(alice):
    assert dt.timedelta(seconds=30) >= conversions.LEASE > dt.timedelta(seconds=2 * apart.BEAT_SECONDS)
    open_later(document(), by=alice)
    row = claim(ConversionKind.DOCUMENT)
    ProcrastinateJob.objects.all().delete()
    jobs.conversions(timestamp=0)
    assert not ProcrastinateJob.objects.exists()
    cut_off(row)
    jobs.conversions(timestamp=0)
    assert [job.task_name for job in ProcrastinateJob.objects.all()] == [queue.DOCUMENTS]


@pytest.mark.django_db
def test_a_lease_of_a_clock_that_ran_ahead_is_none(alice):
    open_later(document(), by=alice)
    row = claim(ConversionKind.DOCUMENT)
    Conversion.objects.filter(pk=row.pk).update(lease_until=timezone.now() + dt.timedelta(days=35))
    assert claim(ConversionKind.DOCUMENT) == row


@pytest.mark.django_db
def test_who_was_taken_for_dead_keeps_nothing_when_another_has_taken_it_up(alice):
    open_later(document(), by=alice)

    def read(conversion, file, beat):
        cut_off(conversion)
        assert claim(ConversionKind.DOCUMENT) == conversion
        return lambda: pytest.fail("It is not this one's any more.")

    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert states() == ["running"]


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", [apart.Interrupted(), ValueError()])
def test_what_ends_by_no_fault_of_the_file_has_one_more_try(alice, trouble):
    open_later(document(), by=alice)

    def read(*_):
        raise trouble

    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert states() == ["waiting"]
    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert Conversion.objects.get().refused == conversions.CUT_OFF


def a_minute_later() -> None:
    """Let those that are put off have their turn."""
    assert not claimable(ConversionKind.DOCUMENT, now=timezone.now()).exists()
    in_a_minute = timezone.now() + conversions.AWAY_WAIT
    assert claimable(ConversionKind.DOCUMENT, now=in_a_minute).exists()
    Conversion.objects.filter(state="waiting").update(lease_until=timezone.now())


@pytest.mark.django_db
def test_while_the_storage_is_away_all_that_waits_goes_on_waiting(signed_in, alice, bob, folder):
    rows = [open_later(document(), by=alice), open_later(document(), by=alice), open_later(document(), by=bob)]
    (folder / "conversions").rename(folder / "away")
    for _ in range(2 * conversions.TRIES):
        ProcrastinateJob.objects.all().delete()
        for _ in rows:
            jobs.documents(timestamp=0)
        assert states() == ["waiting"] * 3
        a_minute_later()
    jobs.documents(timestamp=0)
    page = signed_in(alice).get(rows[0].get_absolute_url()).content.decode()
    assert "Your document is kept, and tried again every minute." in page
    (folder / "away").rename(folder / "conversions")
    work_through()
    a_minute_later()
    work_through()
    assert states() == ["done"] * 3
    assert Draft.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", [OSError(), OperationalError(), conversions.FilesAway()])
def test_what_fails_around_a_file_counts_for_no_try(alice, trouble):
    open_later(document(), by=alice)

    def read(*_):
        raise trouble

    for _ in range(3):
        conversions.convert_next(ConversionKind.DOCUMENT, read)
        assert (states(), Conversion.objects.get().tries) == (["waiting"], 0)
        a_minute_later()


def test_a_line_to_the_database_that_breaks_counts_for_no_try(committed, alice):
    open_later(document(), by=alice)

    def read(*_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert (states(), Conversion.objects.get().tries) == (["waiting"], 0)


@pytest.mark.django_db
def test_what_was_drawn_waits_until_it_can_be_kept(alice, folder):
    row = drawn_later(alice)
    (folder / "attachments").write_text("no folder")
    jobs.pictures(timestamp=0)
    assert states() == ["waiting"]
    (folder / "attachments").unlink()
    Conversion.objects.update(lease_until=timezone.now())
    jobs.pictures(timestamp=0)
    row.refresh_from_db()
    assert (row.state, row.attachment) == ("done", Attachment.objects.get())


@pytest.mark.django_db
def test_what_could_not_be_read_for_a_day_is_refused_in_words(signed_in, alice, folder):
    row = open_later(document(), by=alice)
    (folder / "conversions").rename(folder / "away")
    Conversion.objects.update(created_at=timezone.now() - conversions.AWAY_MOST + dt.timedelta(minutes=5))
    jobs.documents(timestamp=0)
    assert states() == ["waiting"]
    Conversion.objects.update(
        created_at=timezone.now() - conversions.AWAY_MOST - dt.timedelta(minutes=5), lease_until=timezone.now()
    )
    jobs.documents(timestamp=0)
    assert states() == ["refused"]
    assert "could not be read for a day" in signed_in(alice).get(row.get_absolute_url()).content.decode()


@pytest.mark.django_db
def test_a_file_that_is_slow_to_fetch_is_one_places_alone(alice):
    """A bucket that is away takes longer to say so than a reading may be silent."""
    open_later(document(), by=alice)
    begun = claim(ConversionKind.DOCUMENT)
    silent = timezone.now() + conversions.LEASE + dt.timedelta(seconds=5)
    assert not claimable(ConversionKind.DOCUMENT, now=silent).exists()
    conversions._beat(begun)
    assert claimable(ConversionKind.DOCUMENT, now=silent).exists()


@pytest.mark.django_db
def test_a_stop_counts_for_no_try(alice):
    open_later(document(), by=alice)

    def read(*_):
        raise apart.Stopped

    for _ in range(3):
        conversions.convert_next(ConversionKind.DOCUMENT, read)
    assert (states(), Conversion.objects.get().tries) == (["waiting"], 0)


# Its page


@pytest.mark.django_db
def test_its_page_loads_itself_anew_and_leads_on(signed_in, alice, bob):
    browser = signed_in(alice)
    open_later(document(), by=bob)
    answer = browser.post("/drafts/open/", {"document": document(b"# Keys\n\nNine.")})
    address = answer["Location"]
    page = browser.get(address)
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="1">' in page.content.decode()
    assert "1 is before it" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    Conversion.objects.update(created_at=timezone.now() - dt.timedelta(minutes=1))
    assert '<meta http-equiv="refresh" content="5">' in browser.get(address).content.decode()
    claim(ConversionKind.DOCUMENT)
    mine = claim(ConversionKind.DOCUMENT)
    assert "is being read" in browser.get(address).content.decode()
    cut_off(mine)
    work_through()
    done = browser.get(address, follow=True)
    assert done.redirect_chain == [(f"/posts/new/?draft={Draft.objects.get(by=alice).pk}", 302)]
    assert "Opened. Look it over" in done.content.decode()
    Draft.objects.filter(by=alice).delete()
    assert browser.get(address)["Location"] == "/drafts/"


@pytest.mark.django_db
def test_it_is_nobody_elses(client, signed_in, alice, bob, mona):
    address = drawn_later(alice).get_absolute_url()
    for other in (bob, mona):
        assert signed_in(other).get(address).status_code == 404
        assert signed_in(other).get(address, headers=JSON).status_code == 404
    assert client.get(address)["Location"].startswith("/accounts/login/")
    assert client.get(address, headers=JSON).status_code == 401
    assert signed_in(alice).post(address).status_code == 405
    answer = signed_in(alice).get(address, headers=JSON)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")


@pytest.mark.django_db
def test_what_is_refused_says_why_and_where_to_try_another(signed_in, alice):
    browser = signed_in(alice)
    page = outcome_page(browser, browser.post("/drafts/open/", {"document": document(b"<div>" * 500, "a.html")}))
    assert page.status_code == 200
    assert "stand too deep" in page.content.decode()
    assert 'href="/drafts/open/"' in page.content.decode()
    address = Conversion.objects.get().get_absolute_url()
    answer = browser.get(address, headers=JSON)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


@pytest.mark.django_db
def test_a_member_who_left_gets_nothing(alice):
    row = drawn_later(alice)
    alice.is_active = False
    alice.save()
    work_through()
    row.refresh_from_db()
    assert row.state == "refused"
    assert not Attachment.objects.exists()


# Going


@pytest.mark.django_db
def test_rows_and_files_go(alice, folder, django_capture_on_commit_callbacks):
    old, fresh = open_later(document(), by=alice), open_later(document(), by=alice)
    work_through()
    Conversion.objects.filter(pk=old.pk).update(finished_at=timezone.now() - dt.timedelta(days=1, hours=1))
    waits = open_later(document(), by=alice)
    orphan, new = folder / "conversions" / "a", folder / "conversions" / "b"
    for path in (orphan, new):
        path.write_bytes(b"x")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(orphan, (two_days_ago, two_days_ago))
    with django_capture_on_commit_callbacks(execute=True):
        jobs.tidy(timestamp=0)
    assert set(Conversion.objects.all()) == {fresh, waits}
    assert not orphan.exists()
    assert new.exists()
    assert (folder / waits.file.name).exists()


@pytest.mark.django_db
def test_one_that_does_not_go_stops_no_other(alice, folder):
    stuck, other = open_later(document(name="stuck.md"), by=alice), open_later(document(), by=alice)
    Conversion.objects.update(created_at=timezone.now() - dt.timedelta(days=8))
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'It stays.'; END $$;
            CREATE TRIGGER stays BEFORE DELETE ON knowledge_conversion
                FOR EACH ROW WHEN (OLD.name = 'stuck.md') EXECUTE FUNCTION stays();
        """)
    orphan = folder / "conversions" / "a"
    orphan.write_bytes(b"x")
    with pytest.raises(SomeFailed, match=f"file {stuck.pk} that waited"):
        conversions.forget_conversions(now=timezone.now() + dt.timedelta(days=2))
    assert list(Conversion.objects.all()) == [stuck]
    assert not orphan.exists()
    assert not (folder / other.file.name).exists()
    assert (folder / stuck.file.name).exists()


def test_members_wait_for_nobody_in_the_web(signed_in, alice, db, monkeypatch):
    """The web runs no program: it would raise here."""
    monkeypatch.setattr(apart, "run", None)
    browser = signed_in(make_member("Dana"))
    assert browser.post("/attachments/", {"file": SimpleUploadedFile("a.jpg", picture())}).status_code == 303
    assert browser.post("/drafts/open/", {"document": document()}).status_code == 303
    assert claimable(ConversionKind.PICTURE, now=timezone.now()).count() == 1
