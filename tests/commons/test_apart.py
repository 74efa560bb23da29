"""Programs in processes of their own: what they are given, what they may take, and how they end."""

import threading
import time

import pytest

from commons import apart

TARGET = "tests.commons.apart_target"


def test_it_is_given_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for it")
    told = apart.run(TARGET, str(tmp_path), seconds=5, what="told")
    assert set(told["environment"]) <= {"PATH", "LANG", "LC_CTYPE", "TMPDIR", "PYTHONDONTWRITEBYTECODE"}
    assert told["folder"] == str(tmp_path.resolve())
    assert not told["django"]
    assert (tmp_path / "here").exists()
    assert apart.run(TARGET, str(tmp_path), seconds=5, what="")["limits"] == [apart.MEMORY, 5]


@pytest.mark.parametrize("what", ["endless", "large", "nonsense", "writes"])
def test_what_takes_too_much_is_ended(tmp_path, what):
    with pytest.raises(apart.Failed):
        apart.run(TARGET, str(tmp_path), seconds=1, what=what)


def test_a_full_disk_is_no_fault_of_what_is_read(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        apart.run(TARGET, str(tmp_path), seconds=5, what="full")


def test_the_clock_ends_what_takes_no_processor_and_it_may_be_tried_again(tmp_path, monkeypatch):
    """Processor time is the bound; the clock is a generous one, so that a busy machine changes no result."""
    assert apart.CLOCK >= 10
    monkeypatch.setattr(apart, "CLOCK", 1)
    monkeypatch.setattr(apart, "BEAT_SECONDS", 0.2)
    beats: list[int] = []
    with pytest.raises(apart.Interrupted):
        apart.run(TARGET, str(tmp_path), seconds=1, beat=lambda: beats.append(1), what="asleep")
    assert beats


def test_one_that_is_killed_from_outside_may_be_tried_again(tmp_path):
    with pytest.raises(apart.Interrupted):
        apart.run(TARGET, str(tmp_path), seconds=5, what="killed")


def test_a_program_that_ends_at_once_has_beaten_too(tmp_path):
    beats: list[int] = []
    for _ in range(3):
        apart.run(TARGET, str(tmp_path), seconds=5, beat=lambda: beats.append(1), what="")
    assert len(beats) >= 3


def test_a_beat_that_fails_ends_the_program(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "BEAT_SECONDS", 0.1)
    beats: list[int] = []

    def beat():
        beats.append(1)
        if len(beats) > 1:  # the first is before it begins
            raise ConnectionError

    with pytest.raises(ConnectionError):
        apart.run(TARGET, str(tmp_path), seconds=5, beat=beat, what="asleep")
    assert not apart._under_way


def test_a_process_that_stops_ends_its_programs_and_begins_none(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "_stopped", False)
    came: list[BaseException] = []

    def go():
        try:
            apart.run(TARGET, str(tmp_path), seconds=5, what="asleep")
        except apart.Interrupted as ended:
            came.append(ended)

    thread = threading.Thread(target=go)
    thread.start()
    while not apart._under_way:
        time.sleep(0.01)
    apart.stop()
    thread.join()
    assert [type(one) for one in came] == [apart.Stopped]
    with pytest.raises(apart.Stopped):
        apart.run(TARGET, str(tmp_path), seconds=5, what="")
