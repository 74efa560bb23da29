"""What it means when the database refuses: it is out of reach, out of room, too slow, or two were in each other's way."""

import errno
from enum import Enum

import psycopg
from django.db import InterfaceError, OperationalError

from commons import apart


class Fault(Enum):
    """Why a statement failed for no reason of its own. Each has its page (`commons/faults.py`)."""

    LOST = "lost"  # the database cannot be reached, or the line to it broke
    FULL = "full"  # it takes no writes: its disk is full, or it is there to be read only
    SLOW = "slow"  # a statement, or its wait for another's lock, took longer than it may, or more of the server
    CONFLICT = "conflict"  # two transactions were in each other's way, and this one was taken back


# By SQLSTATE (PostgreSQL's documentation, appendix A). 25P03 and 25P04 end the connection, and are no OperationalError in Django.
# What is not here is a mistake of ours, or more than PostgreSQL ever takes (class 54): the next try would fare no better
STATES = {
    "53100": Fault.FULL,  # disk_full
    "25006": Fault.FULL,  # read_only_sql_transaction
    "57014": Fault.SLOW,  # query_canceled
    "55P03": Fault.SLOW,  # lock_not_available
    "53000": Fault.SLOW,  # insufficient_resources
    "53200": Fault.SLOW,  # out_of_memory
    "53400": Fault.SLOW,  # configuration_limit_exceeded: more temporary files than a query may write
    "40001": Fault.CONFLICT,  # serialization_failure
    "40P01": Fault.CONFLICT,  # deadlock_detected
    "53300": Fault.LOST,  # too_many_connections
    "25P03": Fault.LOST,  # idle_in_transaction_session_timeout
    "25P04": Fault.LOST,  # transaction_timeout
}
LOST = ("08", "57P")  # how the states begin of a connection that broke, and of a server that is going down
NO_ROOM = (*apart.NO_ROOM, errno.EROFS)
LONGEST_CHAIN = 20  # of exceptions, each raised from or in place of another


def fault_of(exception: BaseException | None) -> Fault | None:
    """Return what kept the database from doing what was asked; None where it did its part (a constraint, a mistake of ours).

    An exception that was raised because of one of the database's counts as that one: so does what the queue raises.
    """
    for _ in range(LONGEST_CHAIN):
        if exception is None:
            return None
        if isinstance(exception, psycopg.Error):
            return _fault_of_error(exception)
        if isinstance(exception, OperationalError | InterfaceError) and exception.__cause__ is None:
            return Fault.LOST
        exception = exception.__cause__ or exception.__context__
    return None


def is_away(exception: BaseException | None) -> bool:
    """Return whether the database cannot be reached, so that nothing fares better, rather than that it refused one thing."""
    return fault_of(exception) is Fault.LOST


def _fault_of_error(error: psycopg.Error) -> Fault | None:
    if error.sqlstate is None:  # the line broke before the server could say anything
        return Fault.LOST if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
    return Fault.LOST if error.sqlstate.startswith(LOST) else STATES.get(error.sqlstate)


def is_out_of_room(exception: BaseException) -> bool:
    """Return whether an exception says that a disk, or what one may use of it, is full, or takes no writes."""
    return isinstance(exception, OSError) and exception.errno in NO_ROOM
