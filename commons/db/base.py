"""The backend that `settings.DATABASES` names: Django's own for PostgreSQL, on lines that give up (`silence.py`).

It keeps, for the request or job that its thread works on, what the database failed at last, and whether something may have
been kept: after a COMMIT that was sent, nobody knows until the answer is there.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import cached_property
from types import TracebackType
from typing import Any, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from django.db.utils import DatabaseErrorWrapper

from commons.db.errors import Fault, fault_of
from commons.db.silence import Connection

log = logging.getLogger(__name__)

READS = (
    "SELECT",
    "SET ",
    "SHOW ",
    "RESET ",
    "SAVEPOINT",
    "RELEASE",
    "ROLLBACK",
    "EXPLAIN",
    "VALUES",
    "DECLARE",
    "FETCH",
    "CLOSE",
)
WRITES = ("INSERT ", "UPDATE ", "DELETE ", "MERGE ")  # may stand within a query that begins with WITH
# Tables of what is counted and kept aside: that something was written there says nothing of what was sent
ASIDE = (' "cache" ', " commons_ratelimit ", ' "commons_ratelimit" ')


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection, and what became of what it was asked."""

    fault: Fault | None = None  # what the database failed at last, since `begin`
    maybe_kept = False  # whether something was kept since `begin`, or may have been
    wrote = False  # whether the transaction under way has written

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute_wrappers.append(self._note_writes)

    def begin(self) -> None:
        """Begin to keep account anew: for a request, or a job."""
        self.fault, self.maybe_kept = None, False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Connect, at PostgreSQL's usual level of isolation (READ COMMITTED)."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.wrote = False
        return Connection.connect(**conn_params)

    @cached_property
    def wrap_database_errors(self) -> "NotingErrors":
        return NotingErrors(self)

    def _note_writes(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run a statement. One that writes outside of a transaction is kept as soon as it is done."""
        if not writes(sql):
            return execute(sql, params, many, context)
        if not self.get_autocommit():
            self.wrote = True
            return execute(sql, params, many, context)
        return self._may_keep(lambda: execute(sql, params, many, context))

    def _commit(self) -> None:
        wrote, self.wrote = self.wrote, False
        if wrote:
            self._may_keep(super()._commit)  # type: ignore[misc]
        else:
            super()._commit()  # type: ignore[misc]

    def _rollback(self) -> None:
        self.wrote = False
        super()._rollback()  # type: ignore[misc]

    def _may_keep(self, act: Callable[[], Any]) -> Any:
        """Do what keeps something. Where the database refuses it, it says so; where the line breaks, nobody knows."""
        before, self.maybe_kept = self.maybe_kept, True
        try:
            return act()
        except DatabaseError as refused:
            if fault_of(refused) is not Fault.LOST:
                self.maybe_kept = before
            raise


class NotingErrors(DatabaseErrorWrapper):
    """Makes Django's exceptions of psycopg's, as ever, and notes which fault it was."""

    wrapper: DatabaseWrapper

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(exc_value, psycopg.Error) and (fault := fault_of(exc_value)):
            self.wrapper.fault = fault
        super().__exit__(exc_type, exc_value, traceback)


def writes(sql: Any) -> bool:
    """Return whether a statement may change what the database holds; where that cannot be told, it may."""
    text = sql if isinstance(sql, str) else str(sql)
    start = text.lstrip("( \t\r\n")[:12].upper()
    if start.startswith("WITH "):
        return any(word in text.upper() for word in WRITES)
    if start.startswith(READS):
        return "procrastinate_" in text or "pg_notify(" in text  # functions that write
    return not any(table in text for table in ASIDE)


def database() -> DatabaseWrapper:
    """Return the connection of this thread."""
    return cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])


@contextlib.contextmanager
def optional_write() -> Iterator[None]:
    """Do a write that a page can do without, and go on without it where the database takes none, or not in time.

    What it wrote is taken back then, and nothing else of the transaction. A database that cannot be reached is no such case.
    """
    connection = database()
    # (The transaction that Django puts around a test is none of ours: it costs no page a savepoint)
    in_transaction = any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)
    block = transaction.atomic() if in_transaction else contextlib.nullcontext()
    try:
        with block:
            yield
    except DatabaseError as refused:
        fault = fault_of(refused)
        if fault in (None, Fault.LOST):
            raise
        connection.fault = None
        log.warning("Something was left unkept (%s): %s", fault, str(refused).strip().partition("\n")[0])
