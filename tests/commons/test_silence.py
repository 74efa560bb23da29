"""A statement that takes long, on a server that works on it."""

import psycopg
import pytest
from django.db import connection

from commons.db import silence

pytestmark = pytest.mark.slow
LOOKS = 1_100
ASKED = 50  # of so many looks, one asks the server; the others are told what that one would hear


def test_one_is_waited_for_however_often_it_is_looked_at(transactional_db, monkeypatch):
    looks, works_on = 0, silence.line.works_on

    def counted(line):
        nonlocal looks
        looks += 1
        if looks == LOOKS:
            held.rollback()
        return looks % ASKED != 0 or works_on(line)

    monkeypatch.setattr(silence, "LOOK_AFTER", 0.0001)
    monkeypatch.setattr(silence.line, "works_on", counted)
    parameters = connection.get_connection_params()
    names = ("host", "port", "dbname", "user", "password")
    with (
        psycopg.connect(**{name: parameters[name] for name in names if name in parameters}) as held,
        connection.cursor() as cursor,
    ):
        held.execute("SELECT pg_advisory_xact_lock(1)")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT 'done' FROM (SELECT pg_advisory_xact_lock(1))")
        assert cursor.fetchone() == ("done",)
    assert looks >= LOOKS
    connection.close()
