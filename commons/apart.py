"""Programs of ours that read what others made, each in a process of its own with an end to its time and its memory.

A file that somebody sent is taken apart by libraries that were never meant to meet an enemy. So they run where they can hurt
nothing: without this process's environment, its database or its memory, and only for as long as an honest file takes. The
worker runs them, a few at a time (`commons/worker.py`), and never a thread of the web.
"""

import contextlib
import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEMORY = 1024 * 1024 * 1024  # bytes of addresses, the program itself included
WRITTEN = 128 * 1024 * 1024  # bytes of one file that it may write
CLOCK = 10  # seconds on the clock for each of processor time: how busy the machine is changes no result
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # what a full disk says: no fault of what is read
BEAT_SECONDS = 5.0  # from one beat to the next while a program runs

_under_way: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_stopped = False


class Failed(Exception):
    """The program did not end well: it took too much, or what it read was not fit to be read. Again it would be no better."""


class Interrupted(Exception):
    """The program was ended from outside, or never came to its turn on this machine. Another time it may end well."""


class Stopped(Interrupted):
    """It was ended because this process is to stop."""


def run(
    module: str, folder: str, *, seconds: int, beat: Callable[[], object] | None = None, **asked: Any
) -> dict[str, Any]:
    """Run one of our modules as a program that works in `folder`, and return what it answered.

    `asked` and the answer are what JSON can hold; what is large goes in and out as files of the folder. The program calls
    `serve`. It has `seconds` of processor time, and `CLOCK` times as many on the clock; how many it took stands in the answer
    as `processor_seconds`. `beat` is called before it begins, and every `BEAT_SECONDS` until it ends. Raises Failed, Interrupted,
    Stopped, and OSError where this machine has no room for the program or its files.
    """
    if beat is not None:
        beat()
    process = _started(module, folder, seconds)
    try:
        out = _answer(process, json.dumps(asked).encode(), time.monotonic() + CLOCK * seconds, beat)
    finally:
        with _lock:
            _under_way.discard(process)
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode < 0 and process.returncode != -signal.SIGXCPU:
        raise Stopped if _stopped else Interrupted
    if process.returncode == os.EX_TEMPFAIL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)
    try:
        if process.returncode:
            raise Failed
        answer: dict[str, Any] = json.loads(out)
    except ValueError as failed:
        raise Failed from failed
    return answer


def stop() -> None:
    """End all programs that run, and begin no more: this process is to stop."""
    global _stopped  # noqa: PLW0603 - there is one process
    with _lock:
        _stopped = True
        for process in _under_way:
            process.kill()


def _started(module: str, folder: str, seconds: int) -> "subprocess.Popen[bytes]":
    with _lock:
        if _stopped:
            raise Stopped
        process = subprocess.Popen(  # noqa: S603 - our own program, with nothing of the file among its arguments
            [sys.executable, "-E", "-s", "-m", module, folder, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={
                "PATH": os.environ.get("PATH", ""),
                "LANG": "C.UTF-8",
                "TMPDIR": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        _under_way.add(process)
        return process


def _answer(process: "subprocess.Popen[bytes]", asked: bytes, until: float, beat: Callable[[], object] | None) -> bytes:
    """Return what the program wrote until it ended. Raises Interrupted when the clock runs out."""
    given: bytes | None = asked
    while True:
        try:
            return process.communicate(given, timeout=BEAT_SECONDS)[0]
        except subprocess.TimeoutExpired:
            given = None  # it is on its way already
            if time.monotonic() > until:
                raise Interrupted from None
            if beat is not None:
                beat()


def serve(work: Callable[..., dict[str, Any]]) -> None:
    """The program's side: lay the bounds on, do `work(**asked)` in the folder, and say what came of it."""
    folder, seconds = sys.argv[1], int(sys.argv[2])
    for kind, most, last in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),  # the first is told apart from a kill from outside
        (resource.RLIMIT_AS, MEMORY, MEMORY),
        (resource.RLIMIT_FSIZE, WRITTEN, WRITTEN),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows them, and does not hold all
            resource.setrlimit(kind, (most, last))
    os.nice(10)  # readers come first
    asked = json.load(sys.stdin)
    os.chdir(folder)
    try:
        answer = work(**asked)
    except OSError as failed:
        if failed.errno in NO_ROOM:
            sys.exit(os.EX_TEMPFAIL)
        raise
    json.dump({**answer, "processor_seconds": time.process_time()}, sys.stdout)
