"""Programs of ours that read what others made, each in a process of its own with an end to its time and its memory.

A file that somebody sent is taken apart by libraries that were never meant to meet an enemy. So they run where they can hurt
nothing: without this process's environment, its database or its memory, and only for as long as an honest file takes.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEMORY = 1024 * 1024 * 1024  # bytes of addresses, the program itself included
WRITTEN = 128 * 1024 * 1024  # bytes of one file that it may write
WAIT_SECONDS = 20  # until another's program ends
# In each web process one runs, and one waits: the other threads are for readers
_under_way, _waiting = threading.Semaphore(1), threading.Semaphore(2)


class Failed(Exception):
    """The program did not end well: too slow, too large, or what it read was not fit to be read."""


class Busy(Exception):
    """Others are being read, and it is not this one's turn in time."""


def run(module: str, folder: str, *, seconds: int, **asked: Any) -> dict[str, Any]:
    """Run one of our modules as a program that works in `folder`; gives what it answered. Raises Failed and Busy.

    `asked` and the answer are what JSON can hold; what is large goes in and out as files of the folder. The program calls
    `serve`. It has `seconds` of processor time, and twice as many on the clock.
    """
    if not _waiting.acquire(blocking=False):
        raise Busy
    try:
        if not _under_way.acquire(timeout=WAIT_SECONDS):
            raise Busy
        try:
            return _run(module, folder, seconds, asked)
        finally:
            _under_way.release()
    finally:
        _waiting.release()


def _run(module: str, folder: str, seconds: int, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - our own program, with nothing of the file among its arguments
            [sys.executable, "-E", "-s", "-m", module, folder, str(seconds)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            cwd=ROOT,
            env={
                "PATH": os.environ.get("PATH", ""),
                "LANG": "C.UTF-8",
                "TMPDIR": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            timeout=2 * seconds,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as failed:
        raise Failed from failed
    return answer


def serve(work: Callable[..., dict[str, Any]]) -> None:
    """The program's side: lay the bounds on, do `work(**asked)` in the folder, and say what came of it."""
    folder, seconds = sys.argv[1], int(sys.argv[2])
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows them, and does not hold all
            resource.setrlimit(kind, (most, most))
    os.nice(10)  # readers come first
    asked = json.load(sys.stdin)
    os.chdir(folder)
    json.dump(work(**asked), sys.stdout)
