"""Connections that give up on a database that has gone silent.

A line can go dead without a word: a cable, a firewall that forgot it, a proxy that hangs. TCP may go on to say that all is
well, and a server's own limits do not reach across such a line. So a connection that got no answer for `LOOK_AFTER` seconds
asks, on a new connection, whether the server still works on its statement. If it does, the answer is waited for, however long
the statement may run. If it does not, or does not answer there either, the connection is closed, and the statement fails as
with any line that broke. While the database is known to be silent nobody else waits for it: one asks now and then, and the
others are refused at once.

An answer that comes in time costs nothing but the look at a clock.
"""

import logging
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import Notify
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, _WaitTimeout
from psycopg.waiting import Ready

log = logging.getLogger(__name__)

LOOK_AFTER = 2  # seconds without an answer, from one look to the next
CONNECT_SECONDS = 3  # to make a connection; also what PostgreSQL has to say who is being worked for
LOOK_AGAIN = 1  # seconds for which a silent database is not asked again
QUEUE_SECONDS = 20  # for a statement of the queue: longer than the server lets one run
NO_NEWS_SECONDS = 60 * 60  # for which news is waited for, where nobody says for how long
INTERVAL = 0.1  # seconds from one look for Ctrl-C to the next: psycopg's own

T = TypeVar("T")

# Whether the server still works on what a connection asked. Where a pooler stands between, its numbers are not the server's
WORKS_ON = """
SELECT pg_backend_pid(), EXISTS (
    SELECT FROM pg_stat_activity
    WHERE pid = %s AND (state = 'active' OR clock_timestamp() - state_change < interval '1 second')
)
"""


class Silent(psycopg.OperationalError):
    """The database does not answer."""


class Line:
    """What this process knows of its line to the database."""

    def __init__(self) -> None:
        self.is_silent = False
        self.look_again_at = 0.0
        self.lock = threading.Lock()

    def require(self, parameters: dict[str, Any]) -> None:
        """Go on where the database is not known to be silent. Raises Silent, at once for all but the one who asks anew."""
        if not self.is_silent:
            return
        if monotonic() < self.look_again_at or not self.lock.acquire(blocking=False):
            raise Silent("the database did not answer a moment ago")
        try:
            with Probe.connect(**parameters):
                self.is_silent = False
            log.warning("The database answers again")
        except psycopg.OperationalError as trouble:
            self.heard(trouble)
            if self.is_silent:
                raise Silent("the database still does not answer") from trouble
        finally:
            self.lock.release()

    def heard(self, trouble: psycopg.OperationalError) -> None:
        """Note what came of making a connection. Only a server that refuses by itself (FATAL) has answered."""
        silent = isinstance(trouble, ConnectionTimeout | _WaitTimeout | Silent)
        if silent and not self.is_silent:
            log.warning("The database does not answer: until it does, nobody waits for it")
        self.is_silent = silent
        self.look_again_at = monotonic() + LOOK_AGAIN

    def works_on(self, connection: "Connection") -> bool:
        """Return whether the server answers and still works on what this connection asked. One asks at a time."""
        with self.lock:
            if self.is_silent:
                return False
            try:
                with Probe.connect(**connection.parameters) as probe:
                    as_told = probe.pgconn.backend_pid
                    row = probe.execute(WORKS_ON, [connection.pgconn.backend_pid]).fetchone()
            except psycopg.OperationalError as trouble:
                self.heard(trouble)
                return "FATAL" in str(trouble)
            assert row
            behind_a_pooler = row[0] != as_told
            return behind_a_pooler or row[1]


line = Line()


class Connection(psycopg.Connection[Any]):
    """A connection on which no statement waits for a server that does not work on it."""

    parameters: dict[str, Any]  # by which it was made
    patience: float | None = None  # seconds after which a statement is given up, whatever the server does

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> "Connection":  # type: ignore[override]
        """Connect, as psycopg does. Raises Silent, a psycopg.OperationalError, where the database is known to be silent."""
        own = {name: value for name, value in parameters.items() if name not in OF_PSYCOPG}
        line.require(own)
        try:
            made = super().connect(conninfo, **parameters)
        except psycopg.OperationalError as trouble:
            line.heard(trouble)
            raise
        made.parameters = own
        return made

    @contextmanager
    def answered_within(self, seconds: float) -> Iterator[None]:
        """Within this, each statement has so many seconds, whether the server works on it or not. Raises Silent."""
        self.patience = seconds
        try:
            yield
        finally:
            self.patience = None

    def wait(self, gen: PQGen[T], interval: float = INTERVAL, timeout: float | None = None) -> T:
        """Wait for an answer of the server, for as long as it works on it. Raises Silent where it does not."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        waiting: PQGen[T] = gen
        while True:
            try:
                return super().wait(waiting, interval, self.patience or LOOK_AFTER)
            except _WaitTimeout:
                if self.patience is not None or not line.works_on(self):
                    self.pgconn.finish()
                    raise Silent("the database does not answer") from None
                waiting = resumed(gen)


class Probe(psycopg.Connection[Any]):
    """A connection that asks once, and is patient for as long as it takes to make one."""

    @classmethod
    def connect(cls, **parameters: Any) -> "Probe":  # type: ignore[override]
        """Connect, within `CONNECT_SECONDS`."""
        return super().connect(**{**parameters, "connect_timeout": CONNECT_SECONDS}, autocommit=True)

    def wait(self, gen: PQGen[T], interval: float = INTERVAL, timeout: float | None = None) -> T:
        """Wait for an answer, for `CONNECT_SECONDS`."""
        return super().wait(gen, interval, CONNECT_SECONDS if timeout is None else timeout)


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """The queue's own connection: each of its statements is a short one, and is given up after `QUEUE_SECONDS`."""

    async def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> AsyncGenerator[Notify]:
        """Yield what is told, as psycopg does: no news is no silence."""
        async for notify in super().notifies(
            timeout=NO_NEWS_SECONDS if timeout is None else timeout, stop_after=stop_after
        ):
            yield notify

    async def wait(self, gen: PQGen[T], interval: float = INTERVAL, timeout: float | None = None) -> T:
        """Wait for an answer; where psycopg says itself for how long, for so long. Raises Silent."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, QUEUE_SECONDS)
        except _WaitTimeout:
            self.pgconn.finish()
            raise Silent("the database does not answer") from None


# What of the parameters is psycopg's, not the server's
OF_PSYCOPG = ("autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory")


def resumed(gen: PQGen[T]) -> Generator[Any, Any, T]:
    """Wait on for what a generator of psycopg's waits for, which was left while nothing had come."""
    wanted = gen.send(Ready.NONE)
    while True:
        try:
            wanted = gen.send((yield wanted))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
