"""The one command that runs the commons: database, tables, samples, web server, worker; and stops them all again.

It stays beside them: what dies is started again, and Ctrl-C (or SIGTERM) ends everything it started. Killed itself, it takes
the web server and the worker along, and leaves the database running for the next start to use. `--web` and `--worker` are
for containers: each prepares what it needs, then becomes that one program.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import fcntl
import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil

from commons import embedded, serving
from commons.numbers import parse_number
from commons.respawn import Respawn
from commons.steps import Refused, ending_in_words, say, step

ROOT = Path(__file__).resolve().parent.parent
MARK = "COMMONS_STARTED_FOR"  # in the environment of everything a start starts: whose it is, found again after a kill
ROOM_FIRST = 300  # megabytes of disk that a first start needs; later ones only need some
ROOM_LATER = 30
POLITE_SECONDS = serving.STOP_SECONDS + 1  # what web server and worker get to finish what they do
TELL_AGAIN_EVERY = 1
TRIES_TO_COME_UP = 3
LOOK_EVERY = 0.4
WATCHED = {".py", ".html", ".txt", ".toml"}

HELP = """
environment:
  PORT, HOST       where to listen (8000, 127.0.0.1)
  DATABASE_URL     a PostgreSQL server to use, instead of the embedded one
  SITE_URL         the address people use, when it is not the one listened on
  EMAIL_URL        where mail goes out, such as smtp+tls://user:password@host:587
  WEB_WORKERS      how many web processes (2)
  COMMONS_VAR      where everything is kept (var/)
docs/hosting.md lists the rest.
"""


class Stopped(Exception):
    """Somebody asked for the end."""


stop_asked = threading.Event()


def main() -> None:
    arguments = _arguments()
    _hear_signals()
    try:
        site = Site.from_environment(dev=arguments.dev)
        if arguments.web or arguments.worker:
            _become(site, "web" if arguments.web else "worker", empty=arguments.empty)
        with _only_one(site):
            _run(site, empty=arguments.empty)
    except Stopped:
        say("Stopped.")
    except (Refused, embedded.DatabaseTrouble) as refused:
        say(str(refused))
        sys.exit(1)


# What is asked for


@dataclasses.dataclass(frozen=True)
class Site:
    """Where this commons listens, where it keeps things, and how its programs are started."""

    host: str
    port: int
    workers: int
    var: Path
    dev: bool

    @classmethod
    def from_environment(cls, *, dev: bool) -> "Site":
        var = Path(os.environ.get("COMMONS_VAR") or ROOT / "var").resolve()
        host = _numeric(os.environ.get("HOST") or "127.0.0.1")
        port = _number("PORT", 8000, 65535)
        return cls(host, port, _number("WEB_WORKERS", 2, 64), var, dev)

    @property
    def database_folder(self) -> Path:
        return self.var / "database"

    @property
    def is_local(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def address(self) -> str:
        """The address to open in a browser on this machine."""
        anywhere = ipaddress.ip_address(self.host).is_unspecified
        name = "localhost" if self.is_local or anywhere else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    def environment(self) -> dict[str, str]:
        """What every program of this commons finds in its environment."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COMMONS_VAR": str(self.var), MARK: str(self.var)}
        environment.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
        environment.setdefault("SITE_URL", self.address)
        environment.setdefault("DATABASE_URL", embedded.url(self.database_folder))
        if self.is_local and not os.environ.get("EMAIL_URL"):
            environment.setdefault("TRIAL", "1")
        if self.dev:
            environment["DEV"] = "1"
        return environment

    def command(self, program: str) -> list[str]:
        if program == "web":
            return serving.command(self.host, self.port, self.workers)
        return [sys.executable, "-m", "commons.worker"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/start",
        description="Start the commons: database, web server and worker. Ctrl-C stops everything.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--empty", action="store_true", help="without the sample commons")
    parser.add_argument("--dev", action="store_true", help="start again whenever a file of the code changes")
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--web", action="store_true", help="prepare, then be the web server only (needs DATABASE_URL)")
    alone.add_argument("--worker", action="store_true", help="prepare, then be the worker only (needs DATABASE_URL)")
    return parser.parse_args()


def _number(name: str, default: int, largest: int) -> int:
    given = os.environ.get(name) or str(default)
    if not (number := parse_number(given, most=largest)):
        raise Refused(f"{name} must be a number from 1 to {largest}, not “{given}”.")
    return number


def _numeric(host: str) -> str:
    """The numeric address of a host of this machine, an IPv4 one where there is a choice."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(f"HOST must be an address of this machine, not “{host}”.") from None
    return str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])


# May it start?


@contextlib.contextmanager
def _only_one(site: Site):  # type: ignore[no-untyped-def]
    """Hold the lock that only one start of this folder can hold. The system frees it when the holder dies, however it dies."""
    lock = _writable(site)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        running = lock.read().strip()
        raise Refused(f"The commons is already running{' at ' if running else ''}{running}.") from None
    with lock:
        lock.truncate(0)
        lock.write(site.address)
        lock.flush()
        yield


def _writable(site: Site) -> IO[str]:
    """Open the lock file, which shows whether anything can be kept; refuse in a sentence when not."""
    try:
        site.var.mkdir(parents=True, exist_ok=True)
        lock = lock_file(site.var)
        free = shutil.disk_usage(site.var).free // 1_000_000
    except OSError as trouble:
        raise Refused(f"Nothing can be kept in {site.var}: {trouble.strerror or trouble}.") from None
    room = ROOM_LATER if (site.database_folder / "PG_VERSION").exists() else ROOM_FIRST
    if free < room:
        raise Refused(f"The disk that holds {site.var} has {free} MB left, and the commons needs {room} MB.")
    return lock


def lock_file(var: Path) -> IO[str]:
    """Return the file that a running start of this folder holds locked, at its beginning: in it stands where that one listens."""
    lock = (var / "start.lock").open("a+")
    lock.seek(0)
    return lock


def _require_port(site: Site) -> None:
    family = socket.AF_INET6 if ":" in site.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((site.host, site.port))
            probe.listen()
        except PermissionError:
            raise Refused(f"Port {site.port} is only for administrators: choose another with PORT.") from None
        except OSError as trouble:
            if "in use" in str(trouble):
                raise Refused(f"Port {site.port} is taken by another program: choose another with PORT.") from None
            raise Refused(f"HOST must be an address of this machine, not “{site.host}”.") from None


# The course of a start


def _run(site: Site, *, empty: bool) -> None:
    _end_leftovers(site)
    _require_port(site)
    own_database = not os.environ.get("DATABASE_URL")
    children: list[Child] = []
    try:
        if own_database:
            _upgrade_database(site)
            with step("Starting the database"):
                embedded.start(site.database_folder, waiting=_while_recovering)
        facts = _prepare(site, empty=empty, moved=own_database and embedded.was_moved(site.database_folder))
        if own_database:
            embedded.acknowledge_move(site.database_folder)
        with step("Starting the web server and the worker"):
            children += [Child(program, site) for program in ("web", "worker")]
            _wait_for_answer(site, children)
        _tell(site, facts)
        _watch(site, children, own_database=own_database)
    finally:
        _end_all(site, children, own_database=own_database)


def _upgrade_database(site: Site) -> None:
    """Move the database to the PostgreSQL that this release brings, when an earlier one made it."""
    if made_by := embedded.older_version(site.database_folder):
        with step(f"Moving the database from PostgreSQL {made_by} to {embedded.VERSION}"):
            kept = embedded.upgrade(site.database_folder, waiting=_while_recovering)
        say(
            f"(The earlier database is kept as it was in {kept}: remove it once you have seen that everything is there.)"
        )


def _pause(seconds: float) -> None:
    if stop_asked.wait(seconds):
        raise Stopped


def _while_recovering(seconds: float) -> None:
    if stop_asked.is_set():
        raise Stopped
    if round(seconds * 2) % 20 == 0:
        say(f"({seconds:.0f} s; it puts right what a sudden end left) ", end="")


def _prepare(site: Site, *, empty: bool, moved: bool = False) -> dict[str, list[list[str]]]:
    """Have the tables, samples and static files ready; gives what `commons.prepare` has to say."""
    command = [
        sys.executable,
        "-m",
        "commons.prepare",
        *(["--empty"] if empty else []),
        *(["--moved"] if moved else []),
    ]
    with tempfile.NamedTemporaryFile("r") as facts:  # not under var/, which a web server and a worker may share
        process = _spawn(command, {**site.environment(), "COMMONS_FACTS": facts.name})
        try:
            while process.poll() is None:
                _pause(0.02)
        finally:
            _end([process])
        if process.returncode:
            sys.exit(1)  # it has said why
        found: dict[str, list[list[str]]] = json.load(facts)
    return found


def _tell(site: Site, facts: dict[str, list[list[str]]]) -> None:
    """Where the commons is, who can sign in, where its mail goes."""
    environment = site.environment()
    say(f"\nThe commons is running at {site.address} (Ctrl-C stops it).")
    if facts.get("sign_ins"):
        say("\nSign in as one of the sample’s people, all of them invented:")
        for email, password, what in facts["sign_ins"]:
            say(f"  {email:32} {password:24} {what}")
    if os.environ.get("EMAIL_URL"):
        say("\nMail goes out as EMAIL_URL says.")
    elif environment.get("TRIAL") == "1":
        say(f"\nThis is a trial: mail is not sent, but shown at {site.address}/mailbox/.")
    else:
        say("\nMail is not sent, only printed here: set EMAIL_URL to send it.")
    if not site.is_local and not os.environ.get("SITE_URL"):
        say("Others reach this machine by another name: set SITE_URL to the address they use.")
    say()


def _watch(site: Site, children: "list[Child]", *, own_database: bool) -> None:
    """Keep everything running until somebody asks for the end."""
    seen = _fingerprint() if site.dev else 0
    while True:
        _pause(LOOK_EVERY)
        if own_database and not embedded.running(site.database_folder):
            _restart_database(site)
        for child in children:
            child.look_after()
        if site.dev and seen != (now := _fingerprint()):
            seen = now
            say("A file changed: starting again.")
            for child in children:
                child.restart()


def _restart_database(site: Site) -> None:
    with step("The database has ended; starting it again"):
        for pause in (0, 1, 2, 5, 10):
            _pause(pause)
            try:
                embedded.start(site.database_folder, waiting=_while_recovering)
                return
            except embedded.DatabaseTrouble as trouble:
                say(str(trouble))
    raise Refused("The database does not stay up, so the commons stops.")


def _fingerprint() -> int:
    """Changes when a file of the code does."""
    files = (
        path
        for folder in ("commons", "accounts", "knowledge", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in WATCHED
    )
    seen = []
    for path in files:
        with contextlib.suppress(OSError):
            seen.append((str(path), path.stat().st_mtime_ns))
    return hash(tuple(sorted(seen)))


# Programs beside this one


class Child:
    """The web server or the worker: started, and started again, ever more slowly, when it dies."""

    def __init__(self, program: str, site: Site) -> None:
        self.name = {"web": "The web server", "worker": "The worker"}[program]
        self.program = program
        self.site = site
        self.respawn = Respawn()
        self.due = 0.0
        self._start()

    def _start(self) -> None:
        self.since = time.monotonic()
        self.due = 0.0
        self.process = _spawn(self.site.command(self.program), self.site.environment())

    def look_after(self) -> None:
        """Start it again if it died: at once after a good run, else after a pause that doubles."""
        code = self.process.poll()
        if code is None:
            return
        if not self.due:
            _end([self.process])  # what is left of its group
            pause = self.respawn.pause_after(time.monotonic() - self.since)
            say(
                f"{self.name} has ended ({ending_in_words(code)}); starting it again{f' in {pause} s' if pause else ''}."
            )
            self.due = time.monotonic() + pause
        if time.monotonic() >= self.due:
            self._start()

    def restart(self) -> None:
        _end([self.process])
        self.respawn = Respawn()
        self._start()


def _spawn(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a program as the head of its own session: Ctrl-C reaches this process only. It ends when this process does."""
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 (this program has one thread)
    )


def _end_with_parent() -> Callable[[], None] | None:
    """Have Linux end a child when this process dies, however it dies. (Elsewhere, the next start clears up.)"""
    if not sys.platform.startswith("linux"):
        return None
    tell_kernel, parent, death_signal = ctypes.CDLL(None).prctl, os.getpid(), 1

    def ask() -> None:
        tell_kernel(death_signal, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End programs and whatever they started: politely, and after a while not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + POLITE_SECONDS
    again = time.monotonic() + TELL_AGAIN_EVERY
    while any(process.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(0.02)
        if time.monotonic() > again:
            again += TELL_AGAIN_EVERY
            _tell_children(processes)
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tell_children(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask the web server's own processes to end: one that was told while it started has not heard it."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children():
                child.terminate()


def _end_all(site: Site, children: list[Child], *, own_database: bool) -> None:
    """Stop what runs, the database last. Asking again does not interrupt this."""
    _ignore_signals()
    if children:
        say("Stopping the web server and the worker … ", end="")
        _end([child.process for child in children])
        say("done")
    if own_database and embedded.running(site.database_folder):
        say("Stopping the database … ", end="")
        embedded.stop(site.database_folder)
        say("done")


def _end_leftovers(site: Site) -> None:
    """End what an earlier start of this folder, killed, may have left. Each carries the folder's mark in its environment."""
    leftovers = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(site.var):
                leftovers.append(process)
    if not leftovers:
        return
    with step("Clearing what an earlier start left running"):
        for process in leftovers:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, stubborn = psutil.wait_procs(leftovers, timeout=POLITE_SECONDS)
        for process in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=POLITE_SECONDS)


def _wait_for_answer(site: Site, children: list[Child]) -> None:
    """Wait until the web server answers; refuse when it dies again and again instead."""
    while not _answers(site):
        _pause(0.05)
        for child in children:
            child.look_after()
            if child.respawn.deaths > TRIES_TO_COME_UP:
                raise Refused(f"{child.name} does not come up; what it says stands above.")


def _answers(site: Site) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(site.host, site.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, site.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _become(site: Site, program: str, *, empty: bool) -> None:
    """In a container: prepare, then turn into the one program, which gets the container's signals itself."""
    if not os.environ.get("DATABASE_URL"):
        raise Refused("--web and --worker need DATABASE_URL, a PostgreSQL server that both can reach.")
    _writable(site).close()
    if program == "web":
        _require_port(site)
    _prepare(site, empty=empty)
    environment = site.environment()
    del environment[MARK]
    os.chdir(ROOT)
    command = site.command(program)
    say(f"Starting {'the web server' if program == 'web' else 'the worker'} …")
    _default_signals()
    os.execvpe(command[0], command, environment)  # noqa: S606


# Signals


def _hear_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop_asked.set())


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main()
