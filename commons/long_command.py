"""Commands that may take long: on the database without the limits of a page, with a word on how far they are.

A page is given up after some seconds (STATEMENT_TIMEOUT), and a transaction that waits for its program after thirty. A command may
compute for minutes between two statements, and run one for hours. Whoever writes such a command makes it a `LongCommand`.
"""

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

# What a page is held to and a command is not. (Another's lock is waited for no longer than a page would: LOCK_TIMEOUT stays.)
LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
SAY_EVERY = 0.2  # seconds, on a terminal: one line, written over again
SAY_EVERY_ELSEWHERE = 30.0  # where each word is a line, as in a log


@contextlib.contextmanager
def without_limits() -> Iterator[None]:
    """Let what is inside take its time on the database: no statement and no pause in a transaction ends it.

    What held before holds again afterwards. Inside another it changes nothing.
    """
    before = _change(dict.fromkeys(LIMITS, "0"))
    try:
        yield
    finally:
        if connection.connection is not None and connection.is_usable():
            _change(before)


def settings_known(names: Iterable[str]) -> dict[str, str]:
    """Return those of these settings that this server knows, and what they are in this session."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting || coalesce(unit, '') FROM pg_settings WHERE name = ANY(%s)", [list(names)]
        )
        return dict(cursor.fetchall())


def _change(settings: dict[str, str]) -> dict[str, str]:
    """Change these settings of the session, as far as this server knows them; give what they were."""
    before = settings_known(settings)
    with connection.cursor() as cursor:
        for name in before:
            cursor.execute("SELECT set_config(%s, %s, false)", [name, settings[name]])
    return before


class LongCommand(BaseCommand):
    """A command without the limits of a page. What it did before it was killed is done, or is not there: it may be started again."""

    def at_hand(self) -> contextlib.AbstractContextManager[None]:
        """What must be at hand before the database is asked for anything; nothing, unless a command says otherwise."""
        return contextlib.nullcontext()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it without limits."""
        with self.at_hand():
            try:
                connection.ensure_connection()
            except OperationalError as trouble:
                raise CommandError(
                    f"The database cannot be reached: {str(trouble).strip().splitlines()[-1].strip()}"
                ) from None
            with without_limits():
                return super().execute(*args, **options)


class Progress:
    """Says how far a command is: how many, of how many, how many a second. On a terminal in one line, else now and then."""

    def __init__(self, what: str, total: int | None = None, *, to: TextIO | None = None) -> None:
        self.what, self.total, self.to = what, total, to or sys.stderr
        self.done = 0
        self.began = self.said = time.monotonic()
        self.on_terminal = self.to.isatty()

    def advance(self, by: int = 1) -> None:
        """So many more are done."""
        self.done += by
        every = SAY_EVERY if self.on_terminal else SAY_EVERY_ELSEWHERE
        if time.monotonic() - self.said >= every:
            self.said = time.monotonic()
            self._say("" if self.on_terminal else "\n")

    def end(self) -> None:
        """All is done: on a terminal, the last word on it stays."""
        if self.on_terminal:
            self._say("\n")

    def __str__(self) -> str:
        of = f" of {self.total:,}" if self.total else ""
        return f"{self.what}: {self.done:,}{of}, {self.done / max(time.monotonic() - self.began, 0.001):,.0f} a second"

    def _say(self, end: str) -> None:
        words = f"\r{self!s:<70}" if self.on_terminal else str(self)
        with contextlib.suppress(OSError, ValueError):  # a terminal that went away is no reason to stop
            print(words, end=end, file=self.to, flush=True)
