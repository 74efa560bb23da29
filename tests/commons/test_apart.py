"""Programs in processes of their own: what they are given, what they may take, and how many there are at a time."""

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


@pytest.mark.parametrize("what", ["endless", "asleep", "large", "nonsense", "writes"])
def test_what_takes_too_much_is_ended(tmp_path, what):
    began = time.monotonic()
    with pytest.raises(apart.Failed):
        apart.run(TARGET, str(tmp_path), seconds=1, what=what)
    assert time.monotonic() - began < 10


def test_one_at_a_time_and_one_that_waits(tmp_path):
    """A third is told so at once: threads that wait for a processor answer nobody."""
    came: list[object] = []

    def go():
        try:
            came.append(apart.run(TARGET, str(tmp_path), seconds=1, what="asleep"))
        except (apart.Failed, apart.Busy) as failed:
            came.append(type(failed))

    threads = [threading.Thread(target=go) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while came.count(apart.Busy) < 2 and time.monotonic() - began < 10:
        time.sleep(0.01)
    assert came == [apart.Busy, apart.Busy]
    assert time.monotonic() - began < 1.5
    for thread in threads:
        thread.join()
    assert came[2:] == [apart.Failed, apart.Failed]
    assert apart.run(TARGET, str(tmp_path), seconds=5, what="")
