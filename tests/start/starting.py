"""Starts the real commons, in a folder and on a port of its own, and waits for what it does."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from bin.run_tests import OF_THE_HOST
from commons import embedded
from commons.start import MARK, ROOT

PATIENCE = 120  # seconds until something that does not come counts as missing


def environment_of(var: Path, **settings: str) -> dict[str, str]:
    """What a start finds in its environment: of this one, nothing that a host may set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {*OF_THE_HOST, "DATABASE_URL", "SECRET_KEY", MARK}
    }
    return {**kept, "COMMONS_VAR": str(var), **settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """A folder, for a `var` in it, that the database's user can reach. At the end nothing runs there, and it is gone."""
    folder = Path(tempfile.mkdtemp(prefix="commons-start-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        kill_all_of(folder / "var")
        shutil.rmtree(folder)


class Start:
    """A running start of the commons: its words, its programs, its end."""

    def __init__(self, var: Path, *arguments: str, root: Path = ROOT, **settings: str) -> None:
        self.var = var
        self.port = int(settings.setdefault("PORT", str(free_port())))
        self.log = Path(tempfile.mkstemp(prefix="start-", suffix=".log", dir=var.parent)[1])
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commons.start", *arguments],
                cwd=root,
                env=environment_of(var, **settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    @property
    def words(self) -> str:
        return self.log.read_text()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for_words(self, words: str) -> None:
        self.wait(lambda: words in self.words)

    def wait_until_up(self) -> "Start":
        self.wait_for_words("Ctrl-C stops it")
        return self

    def wait(self, until: Callable[[], object]) -> None:
        """Wait until something is so; fails with the start's own words when it ends instead, or never comes."""
        assert wait_for(lambda: until() or not self.running), self.words
        assert self.running, self.words

    def asked(self, path: str) -> int:
        """The status of this page's answer; 0 when there is none."""
        return status_of(self.port, path)

    def shows(self, path: str) -> None:
        """Holds when this page is answered; fails with the start's own words."""
        assert self.asked(path) == 200, self.words

    def programs(self) -> dict[str, psutil.Process]:
        """The web server and the worker, as far as they run."""
        found = {}
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                found |= {name: process for name in ("granian", "commons.worker") if name in line}
        return found

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and give the exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


def refused(var: Path, *arguments: str, **settings: str) -> str:
    """What a start says that is to end at once with code 1."""
    command = [sys.executable, "-m", "commons.start", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment_of(var, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1, done
    assert not done.stderr, done
    return done.stdout


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_for(condition: Callable[[], object]) -> bool:
    """Whether something becomes so before patience ends."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def marked(var: Path, mark: str = MARK) -> list[psutil.Process]:
    """Every process that a start of this folder started, or that one of these did; the database aside."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(mark) == str(var):
                found.append(process)
    return found


def servers(folder: Path) -> list[psutil.Process]:
    """Every process of the database in this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if "postgres" in process.name() and process.cwd() == str(folder):
                found.append(process)
    return found


def kill(processes: list[psutil.Process]) -> None:
    """Kill these. The death of one may end another before its turn comes."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def kill_all_of(var: Path) -> None:
    """End a start and everything it started, without a warning, as when the machine loses its power."""
    kill([*marked(var, "COMMONS_VAR"), *servers(var / "database")])  # the start itself has no mark
    assert wait_for(lambda: not marked(var, "COMMONS_VAR") and not servers(var / "database"))
    assert not embedded.running(var / "database")
