"""What a load balancer asks: does the process answer, and is it ready for readers?"""

import datetime as dt
import shutil
import threading
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from commons.db.base import database
from commons.db.errors import Fault, fault_of
from commons.db.silence import Silent

WORKER_SEEN_WITHIN = dt.timedelta(minutes=2)
ANSWER_SECONDS = 2  # for the database; a load balancer does not wait long
FOR_READERS = ("database", "migrations")
TRIED_EVERY = 5  # seconds
ROWS_TRIED = 40_000  # a megabyte, as they are kept in a temporary file
ROOM_FOR_FILES = settings.ATTACHMENT_LIMIT  # bytes: of one file of the longest


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing of the database."""
    return _never_stored(JsonResponse({"status": "ok"}))


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when all that is needed is there; else 503 with what is not. With `?for=readers`, what readers need is enough.

    `database`: it answers, within `ANSWER_SECONDS`; `migrations`: none is missing; `worker`: one was seen lately;
    `writes`: the database takes them, and has room; `files`: so has this machine, for what members add.
    """
    connection = database()
    for is_last in (connection.connection is None, True):
        try:
            checks = _checks()
            break
        except DatabaseError as trouble:
            connection.close()
            checks = {"database": False}
            if is_last or isinstance(trouble.__cause__, Silent):
                break  # a connection that died while it lay idle is made anew, once
    connection.begin()  # what failed is said here
    wanted = FOR_READERS if request.GET.get("for") == "readers" else checks
    ready = all(checks.get(name) for name in wanted)
    return _never_stored(
        JsonResponse({"status": "ok" if ready else "not ready", **checks}, status=200 if ready else 503)
    )


def _checks() -> dict[str, bool]:
    connection = database()
    connection.ensure_connection()
    with connection.connection.answered_within(ANSWER_SECONDS), connection.cursor() as cursor:
        cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        seen = cursor.fetchone()[0]
        executor = MigrationExecutor(connection)
        return {
            "database": True,
            "migrations": not executor.migration_plan(executor.loader.graph.leaf_nodes()),
            "worker": bool(seen and abs(timezone.now() - seen) < WORKER_SEEN_WITHIN),
            "writes": room.is_there(),
            "files": files_have_room(),
        }


class Room:
    """Whether the database takes writes, and has room for them; it is tried, since nobody can be asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tried_at = float("-inf")
        self.found = False

    def is_there(self) -> bool:
        """Try it, where the last time is more than `TRIED_EVERY` seconds past."""
        with self.lock:
            if monotonic() - self.tried_at > TRIED_EVERY:
                self.found = self._try()
                self.tried_at = monotonic()
            return self.found

    @staticmethod
    def _try() -> bool:
        """Have the server write a megabyte into a temporary file of its own: no table changes, and nothing is left of it."""
        try:
            with transaction.atomic(), database().cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone()[0] == "on":
                    return False
                cursor.execute("SET LOCAL work_mem = '64kB'")
                cursor.execute("SELECT count(*) FROM generate_series(1, %s)", [ROWS_TRIED])
            return True
        except DatabaseError as refused:
            if fault_of(refused) is not Fault.FULL:
                raise
            return False


room = Room()


def files_have_room() -> bool:
    """Whether there is room where this process keeps files: those of members, and what is on its way."""
    return shutil.disk_usage(settings.VAR_DIR).free >= ROOM_FOR_FILES


def _never_stored(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    return response
