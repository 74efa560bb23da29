"""What happened is never changed and never deleted: the database refuses, from the ORM and from raw SQL."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from commons.activity.models import Activity
from knowledge.comments.actions import edit_comment
from knowledge.ladder.actions import AfterAction, set_aside, still_holds
from knowledge.ladder.vetting import close_request, confirm_editorial
from knowledge.models import (
    CheckBack,
    Confirmation,
    EarlierText,
    Lesson,
    Move,
    ReportVersion,
    RequestClosing,
    Review,
    StillHolds,
    Version,
)
from knowledge.posts.actions import expect_more, publish_version
from knowledge.posts.lineage import link
from knowledge.posts.models import LinkKind
from tests.make import CASE, content, make_comment, make_ready, make_report, make_review, make_reviewer, make_vetting

TABLES = [
    Activity, CheckBack, Confirmation, EarlierText, Lesson, Move, ReportVersion, RequestClosing, Review, StillHolds, Version,
]  # fmt: skip
REDACTING = "SET LOCAL commons.redacting = 'on'"


@pytest.fixture
def written(post, alice, charlie):
    """A commons in which each of these tables has a row."""
    make_report(post, charlie)
    edit_comment(make_comment(post, charlie), by=charlie, body="Changed.")
    vetted = make_ready(alice)
    still_holds(link(vetted, post, LinkKind.BUILDS_ON, by=alice), by=alice, why="Another city saw it.")
    expect_more(post, dt.date(2030, 1, 1), by=alice)
    vetting, doubter, reviewer = make_vetting(vetted, alice), make_reviewer(), make_reviewer()
    asked = make_review(vetting, doubter, "more")
    make_review(vetting, reviewer)
    make_review(vetting, make_reviewer())
    close_request(asked, by=doubter)
    confirm_editorial(publish_version(vetted, content(case=CASE), by=alice, note="", base=1), by=reviewer)
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
    assert Move.objects.count() == 4


def test_redacting_deletes_nothing(written):
    refused(REDACTING, "DELETE FROM knowledge_move")
    refused(REDACTING, "TRUNCATE knowledge_move CASCADE")
