"""What must be so before anyone is served: the tables, what a commons starts with, the static files.

    python -m commons.prepare [--empty] [--moved] [--static-only]

Everything here may run at every start, takes little when there is nothing to do, and goes on where a killed start left off.
Several starting at once (two containers) take turns at the database. Prints its steps, and leaves what the start wants to
know (`facts`) as JSON in the file that COMMONS_FACTS names.
"""

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commons.steps import Refused, say, step

OLDEST_DATABASE = 15
LOCK_TRIES = 10  # how often a migration that finds a table in use tries again
SAMPLE = "knowledge.management.commands.load_sample"


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
    import django

    try:
        django.setup()
        if not arguments.static_only:
            prepare_database(sample=not arguments.empty, moved=arguments.moved)
        prepare_static_files()
    except Refused as refused:
        say(str(refused))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def prepare_database(*, sample: bool, moved: bool = False) -> None:
    from commons.long_command import without_limits

    with _in_turn(), without_limits():
        _migrate()
        _call("createcachetable")
        _load_what_every_commons_has()
        if moved:  # to another server, by ourselves, and with everything: no copy whose mail was sent elsewhere
            _call("mail", adopt=True)
        if held := _call("mail", check=True).strip():  # before anyone is served, and so before anyone asks for a code
            say(held)
        if sample:
            _load_sample()
        _leave(sign_ins=_sample_sign_ins())


def prepare_static_files() -> None:
    """Collect and compress the static files, when any of them changed since."""
    from django.conf import settings

    if settings.DEBUG:
        return
    root = Path(settings.STATIC_ROOT)
    stamp = root.with_suffix(".stamp")
    now = _static_fingerprint()
    if root.exists() and stamp.exists() and stamp.read_text() == now:
        return
    with step("Collecting the static files"):
        _call("collectstatic", interactive=False)
        stamp.write_text(now)


# The database


@contextlib.contextmanager
def _in_turn() -> Iterator[None]:
    """Hold the database's turn to be prepared; refuse, in a sentence, a database that cannot be used."""
    import psycopg
    from django.db import connection

    from commons.locks import Lock, hold_on

    try:
        turn = psycopg.connect(**connection.get_connection_params(), autocommit=True)  # type: ignore[attr-defined]
    except psycopg.OperationalError as trouble:
        why = str(trouble).strip().splitlines()[-1].strip().rstrip(".")
        raise Refused(f"The database server in DATABASE_URL cannot be reached: {why}.") from None
    with turn:
        if turn.info.server_version < OLDEST_DATABASE * 10_000:
            raise Refused(f"The commons needs PostgreSQL {OLDEST_DATABASE} or later, and this server is older.")
        turn.execute("SET lock_timeout = 0")
        turn.execute("SET statement_timeout = 0")  # another may be at it for minutes
        hold_on(turn, Lock.PREPARE)
        yield


def _migrate() -> None:
    """Apply the migrations that are missing. One that finds a table in use gives up soon, and is tried again."""
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    del executor
    with step("Bringing the tables up to date"):
        for tries_left in reversed(range(LOCK_TRIES)):
            try:
                _call("migrate", interactive=False)
                break
            except OperationalError as trouble:
                if not _found_it_locked(trouble) or not tries_left:
                    why = str(trouble).splitlines()[0]
                    raise Refused(f"The tables cannot be brought up to date: {why}.") from trouble
                time.sleep(1)


def _found_it_locked(trouble: Exception) -> bool:
    from psycopg.errors import LockNotAvailable

    return isinstance(trouble.__cause__, LockNotAvailable)


def _load_what_every_commons_has() -> None:
    since = time.monotonic()
    told = _call("load_topics")
    if told.strip():
        say(f"Loading issue areas and places … {time.monotonic() - since:.1f} s")


def _load_sample() -> None:
    """Fill a commons that nobody has joined yet with samples; one with people in it is never touched."""
    from django.contrib.auth import get_user_model

    if not get_user_model()._default_manager.exists():
        with step("Loading the sample commons"):
            _call("load_sample")


def _sample_sign_ins() -> list[Any]:
    """Address, password and description of those of the sample's members who are here."""
    from django.contrib.auth import get_user_model

    sign_ins = importlib.import_module(SAMPLE).SIGN_INS
    emails = [email for email, _, _ in sign_ins]
    here = set(get_user_model()._default_manager.filter(email__in=emails).values_list("email", flat=True))
    return [sign_in for sign_in in sign_ins if sign_in[0] in here]


# The rest


def _static_fingerprint() -> str:
    """Changes when a static file does, ours or a package's. (Not with its time: an image is built once and unpacked often.)"""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders

    seen = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: str(found[0])):
            seen.update(f"{path}\n".encode())
            seen.update(hashlib.sha256(Path(storage.path(path)).read_bytes()).digest())
    return seen.hexdigest()


def _call(command: str, **options: Any) -> str:
    """Run a management command quietly; gives what it would have printed."""
    from django.core.management import CommandError, call_command

    output = io.StringIO()
    try:
        call_command(command, stdout=output, stderr=output, **options)
    except CommandError as trouble:
        raise Refused(f"{command}: {trouble}") from trouble
    return output.getvalue()


def _leave(**facts: Any) -> None:
    if path := os.environ.get("COMMONS_FACTS"):
        Path(path).write_text(json.dumps(facts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m commons.prepare", description="Prepare database and static files.")
    parser.add_argument("--empty", action="store_true", help="without the sample commons")
    parser.add_argument("--moved", action="store_true", help="the database is the one that was, on a newer PostgreSQL")
    parser.add_argument("--static-only", action="store_true", help="leave the database alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
