"""The locks of the database: each has a number of its own, and all stand in one list."""

import re
from pathlib import Path

import pytest

from commons.locks import Lock, try_for, wait_for
from tests.lines import another_line

ROOT = Path(__file__).resolve().parents[2]


def test_no_lock_is_taken_past_the_list_of_them():
    files = [path for folder in ("commons", "accounts", "knowledge") for path in (ROOT / folder).rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if re.search(r"pg_\w*advisory", path.read_text())] == [
        "commons/locks.py"
    ]


@pytest.fixture
def other(db):
    with another_line() as other:
        yield other


@pytest.mark.parametrize("lock", Lock)
def test_who_holds_one_keeps_nobody_from_another(other, lock):
    wait_for(lock)
    assert try_for(lock)
    got = {one: other.execute("SELECT pg_try_advisory_xact_lock(%s)", [one]).fetchone()[0] for one in Lock}
    assert got == {one: one is not lock for one in Lock}
