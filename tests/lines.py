"""A second line to the database of the tests."""

import contextlib
from collections.abc import Iterator

import psycopg
from django.db import connection


@contextlib.contextmanager
def another_line() -> Iterator[psycopg.Connection]:
    """A connection of somebody else's to the same database, in a transaction."""
    parameters = connection.get_connection_params()
    names = ("host", "port", "dbname", "user", "password")
    with psycopg.connect(**{name: parameters[name] for name in names if name in parameters}) as other:
        yield other
