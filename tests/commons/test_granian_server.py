"""When web processes die, for real: the others go on answering, and each that died comes back, alone."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import psutil
import pytest

from bench import measure
from commons import serving
from commons.respawn import LONGEST_PAUSE, SETTLED_SECONDS, Respawn
from tests.start.starting import wait_for

PROCESSES = 3


@pytest.fixture
def server():
    """A server of three processes; gives it and its port."""
    port = measure.free_port()
    command = serving.command(measure.HOST, port, PROCESSES, "tests.commons.serving_target:application")
    with measure.serving(command, port, path="/counts") as process:
        assert wait_for(lambda: len(web_processes(process)) == PROCESSES)
        yield process, port


def web_processes(server):
    """The numbers of the processes that answer for this server."""
    found = set()
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(server.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found


@contextlib.contextmanager
def asked_without_pause(port):
    """Somebody asks again and again, each time on a new connection; gives what came of it, by status (0: a cut line)."""
    answers, ended = Counter(), threading.Event()

    def ask():
        while not ended.is_set():
            try:
                answers[measure.ask(port, "/counts", timeout=10).status] += 1
            except (OSError, measure.Broken):
                answers[0] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        ended.set()
        asking.join()


def test_two_killed_at_once_come_back_while_the_third_answers(server):
    process, port = server
    before = web_processes(process)
    *killed, left = sorted(before)
    with asked_without_pause(port) as answers:
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: len(web_processes(process) - before) == len(killed))
        seen = answers[200]
        assert wait_for(lambda: answers[200] > seen + 20)
    assert process.poll() is None
    assert left in web_processes(process)
    # What the two held when they were killed is cut; nothing else is
    assert answers[0] <= len(killed)
    assert set(answers) <= {0, 200}


def test_one_that_dies_again_and_again_takes_nobody_along(server):
    process, port = server
    before = web_processes(process)
    stays = set(sorted(before)[1:])
    killed = min(before)
    for _ in range(3):
        os.kill(killed, signal.SIGKILL)
        assert wait_for(lambda gone=killed: len(web_processes(process) - {gone}) == PROCESSES)
        (killed,) = web_processes(process) - stays
    assert process.poll() is None
    assert stays < web_processes(process)
    assert measure.ask(port, "/counts").status == 200


def test_all_killed_come_back(server):
    process, port = server
    before = web_processes(process)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def answers():
        with contextlib.suppress(OSError, measure.Broken):
            return measure.ask(port, "/counts").status == 200

    assert wait_for(answers)
    assert process.poll() is None
    assert wait_for(lambda: len(web_processes(process)) == PROCESSES)
    assert not before & web_processes(process)


@pytest.mark.long
def test_it_stops_when_asked_while_one_waits_to_be_started_again(server):
    process, _ = server
    for _ in range(3):
        killed = min(web_processes(process))
        os.kill(killed, signal.SIGKILL)
        assert wait_for(lambda gone=killed: gone not in web_processes(process))
    process.terminate()
    assert process.wait(30) == 0


def test_what_cannot_begin_ends_the_server():
    """A program that fails by itself from the start is for whoever started the server to hear of."""
    command = serving.command(measure.HOST, measure.free_port(), 2, "tests.commons.serving_target:there_is_none")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "there_is_none" in done.stdout + done.stderr


def test_the_pause_grows_and_a_good_run_ends_it():
    respawn = Respawn()
    assert [respawn.pause_after(1) for _ in range(7)] == [0, 1, 3, 7, 15, LONGEST_PAUSE, LONGEST_PAUSE]
    assert [respawn.pause_after(1) for _ in range(1000)][-1] == LONGEST_PAUSE
    assert respawn.pause_after(SETTLED_SECONDS + 1) == 0
    assert respawn.pause_after(1) == 1


def test_the_command_is_this_server():
    command = serving.command(measure.HOST, 8000, 2)
    assert command[:3] == [sys.executable, "-m", "commons.granian_server"]
