"""What happens one at a time, wherever in the commons it is asked for: the advisory locks of the database, each by its number.

They are numbered here alone, so that no two share one.
"""

from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from psycopg import Connection


@unique
class Lock(IntEnum):
    """What one does at a time. A number that was given stays: while the commons is updated, two versions of it run."""

    PREPARE = 7_266_675  # the database is made ready for a start ("commons" on a telephone)
    LETTERS = 7_266_676  # letters that are due are made
    KEPT_FORMS = 7_266_677  # those who keep a form count each other
    LINEAGE = 5_113_009  # lineage is written: no circle is closed from two ends at once


def wait_for(lock: Lock) -> None:
    """Wait until nobody else holds a lock; then hold it until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])


def try_for(lock: Lock) -> bool:
    """Hold a lock until this transaction ends, where nobody else does; give whether it is held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        return cursor.fetchone() == (True,)


def hold_on(line: "Connection[Any]", lock: Lock) -> None:
    """Wait until nobody else holds a lock; then hold it for as long as this connection lives."""
    line.execute("SELECT pg_advisory_lock(%s)", [lock])
