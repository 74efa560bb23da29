"""What happened is never changed and never deleted: the database refuses, from the ORM and from raw SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from commons.activity.models import Activity
from knowledge.comments.actions import edit_comment
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.models import EarlierText, Lesson, Move, ReportVersion, Version
from tests.make import make_comment, make_report

TABLES = [Activity, EarlierText, Lesson, Move, ReportVersion, Version]
REDACTING = "SET LOCAL commons.redacting = 'on'"


@pytest.fixture
def written(post, alice, charlie):
    """A commons in which each of these tables has a row."""
    make_report(post, charlie)
    edit_comment(make_comment(post, charlie), by=charlie, body="Changed.")
    set_aside(post, by=alice, why="It did not hold up.", lesson=AfterAction("a", "b", "c", "d"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # what is still to be checked would keep a table from being emptied


def refused(*statements: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:  # noqa: PT012
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("model", TABLES)
def test_no_row_is_changed_or_deleted(written, model):
    row = model.objects.first()
    table = model._meta.db_table
    before = list(model.objects.values())
    refused(f"UPDATE {table} SET id = id + 1000 WHERE id = {row.pk}")
    refused(f"DELETE FROM {table} WHERE id = {row.pk}")
    refused(f"TRUNCATE {table} CASCADE")
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=row.pk)._raw_delete(model.objects.db)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    assert list(model.objects.values()) == before


@pytest.mark.parametrize(
    "change",
    [
        "at = now()",
        "by_id = by_id + 1",
        "why = 'Another reason.'",
        "to_rung = 3",
        "why = NULL",
        "kind = 'began', why = 'x'",
    ],
)
def test_redacting_changes_nothing_but_blanks(written, change):
    refused(REDACTING, f"UPDATE knowledge_move SET {change}")


def test_redacting_blanks_a_text(written):
    with connection.cursor() as cursor:
        cursor.execute(REDACTING)
        cursor.execute("UPDATE knowledge_move SET why = '' WHERE why <> ''")
    assert not Move.objects.exclude(why="").exists()
    assert Move.objects.count() == 2


def test_redacting_deletes_nothing(written):
    refused(REDACTING, "DELETE FROM knowledge_move")
    refused(REDACTING, "TRUNCATE knowledge_move CASCADE")
