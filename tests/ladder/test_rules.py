"""What each rung wants, as plain facts and words."""

import pytest

from knowledge.ladder.rules import Numbers, Record, missing_for, wants
from knowledge.posts.rungs import Rung
from tests.make import CASE

NUMBERS = Numbers()
ENOUGH = Record(case=CASE, evidence=2, outside=1, approvals=2, requests=0)


@pytest.mark.parametrize(
    ("rung", "record", "missing"),
    [
        (Rung.HUNCH, Record(), []),
        (Rung.EMERGING, Record(), ["case", "evidence"]),
        (Rung.EMERGING, Record(case=CASE), ["evidence"]),
        (Rung.EMERGING, Record(case={**CASE, "tried": " "}, evidence=1), ["case"]),
        (Rung.EMERGING, Record(case=CASE, evidence=1), []),
        (Rung.VETTED, Record(), ["case", "evidence", "outside", "approvals"]),
        (Rung.VETTED, Record(case=CASE, evidence=1, approvals=2), ["evidence", "outside"]),
        (Rung.VETTED, Record(case=CASE, evidence=2, approvals=2), ["outside"]),
        (Rung.VETTED, Record(case=CASE, evidence=2, outside=1, approvals=1), ["approvals"]),
        (Rung.VETTED, Record(case=CASE, evidence=2, outside=1, approvals=2, requests=1), ["requests"]),
        (Rung.VETTED, Record(evidence=2, outside=1, approvals=2), ["case"]),
        (Rung.VETTED, ENOUGH, []),
    ],
)
def test_what_keeps_a_post_off_a_rung(rung, record, missing):
    found = missing_for(rung, record, NUMBERS)
    assert list(found) == missing
    assert all(words.endswith((".", "?")) for words in found.values())


def test_the_numbers_are_settings_of_the_site():
    assert missing_for(Rung.VETTED, ENOUGH, Numbers(approvals=3)) == {
        "approvals": "Approvals of 3 other organizations are wanted, and 2 are there."
    }


def test_field_reports_are_named_among_the_pieces_they_count_with():
    found = [
        Record(evidence=2),
        Record(evidence=3, reports=1),
        Record(evidence=4, reports=2),
        Record(evidence=2, reports=2),
    ]
    assert [wants(Rung.VETTED, each, NUMBERS)[0].words for each in found] == [
        "2 pieces of evidence",
        "3 pieces of evidence, 1 of them a field report",
        "4 pieces of evidence, 2 of them field reports",
        "2 pieces of evidence, all of them field reports",
    ]


def test_what_is_there_is_said_too():
    words = [
        (want.met, want.words)
        for want in wants(Rung.VETTED, Record(evidence=5, outside=3, approvals=1, requests=1), NUMBERS)
    ]
    assert words == [
        (True, "5 pieces of evidence"),
        (True, "3 from outside the organization"),
        (False, "Approved by 1 of 2 other organizations"),
        (False, "1 request for more is open"),
    ]
