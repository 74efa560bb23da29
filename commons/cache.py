"""The cache, in the database: what is in force stays until it runs out, however much is beside it.

Django's own throws out a third of what it holds as soon as that is more than `MAX_ENTRIES`, in no particular order, and counts
all of it at each write. allauth counts tries here.
"""

import base64
import pickle
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router

NEVER = 10 * 365 * 24 * 60 * 60  # seconds until what is kept without an end runs out


class UnculledDatabaseCache(DatabaseCache):
    """Django's table and its ways of reading; each write is one statement, and throws nothing out."""

    _table: str  # set by Django, which does not say so to type checkers

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        """Write what `set`, `add` or `touch` ask for; return whether it was written. Of two that add at once, one does."""
        until = self.get_backend_timeout(timeout)
        connection = connections[router.db_for_write(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)
        if mode == "touch":
            statement = (
                f"UPDATE {table} SET expires = {EXPIRES} WHERE cache_key = %(key)s AND expires > clock_timestamp()"  # noqa: S608
            )
        else:
            only_expired = f"WHERE {table}.expires <= clock_timestamp()" if mode == "add" else ""
            statement = (
                f"INSERT INTO {table} (cache_key, value, expires) VALUES (%(key)s, %(value)s, {EXPIRES}) "  # noqa: S608
                f"ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires {only_expired}"
            )
        pickled = base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode("ascii")
        with connection.cursor() as cursor:
            cursor.execute(statement, {"key": key, "value": pickled, "until": until, "never": NEVER})
            return bool(cursor.rowcount)

    def throw_away_expired(self) -> int:
        """Delete what has run out; return how many rows."""
        connection = connections[router.db_for_write(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE expires <= clock_timestamp()")  # noqa: S608 - our own table's name
            return cursor.rowcount


EXPIRES = "coalesce(to_timestamp(%(until)s::double precision), clock_timestamp() + make_interval(secs => %(never)s))"
