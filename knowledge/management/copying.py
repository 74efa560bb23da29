"""Writing many rows at once, through COPY."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb


@contextmanager
def _copying(table: str, columns: str) -> Iterator[Any]:
    names = ", ".join(columns.split())
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as rows:
        yield rows


def copy(table: str, columns: str, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows into a table through COPY; `columns` are their names, parted by spaces."""
    with _copying(table, columns) as stream:
        for row in rows:
            stream.write_row(tuple(Jsonb(value) if isinstance(value, dict) else value for value in row))
