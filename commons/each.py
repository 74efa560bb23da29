"""A job that does something for many: one that fails stops no other, and the log says which it was."""

import logging
from collections.abc import Callable, Iterable

from commons.db.errors import is_away

logger = logging.getLogger(__name__)


class SomeFailed(Exception):
    """Some of what a job had to do failed; the rest is done. The log says which, and why."""

    def __init__(self, names: list[str]) -> None:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        super().__init__(f"{len(names)} failed: {', '.join(names[:3])}{more}.")


def do_each(acts: Iterable[tuple[str, Callable[[], object]]]) -> list[str]:
    """Do each of these named acts, each in a transaction of its own or none; return the names of those that failed.

    Raises what says that the database is away, since the next would fare no better.
    """
    failed = []
    for name, act in acts:
        try:
            act()
        except Exception as error:
            if is_away(error):
                raise
            failed.append(name)
            logger.exception("Failed, while the others are done: %s.", name)
    return failed
