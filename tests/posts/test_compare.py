"""What changed between two versions, word by word."""

import random
import time
from itertools import count

import pytest
from diff_match_patch import diff_match_patch
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.posts import compare as compare_module
from knowledge.posts.compare import compare
from knowledge.posts.models import Version
from tests.make import area, place


def said(**fields) -> Version:
    """A version that says this, as nothing of it is stored."""
    return Version(**{"title": "One", "issue_area_ids": [], "language": "en", **fields})


def marked(before: str, after: str) -> str:
    [_, part] = compare(said(body=before), said(body=after)).parts
    marks = {"same": "{}", "del": "[-{}]", "ins": "[+{}]"}
    return "|".join(
        "".join(marks[kind].format(text) for kind, text in pieces) if pieces else f"={same}"
        for pieces, same in part.lines
    )


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("One.\n\nTwo.", "One.\n\nTwo.", "=2"),
        (
            "We gave two caseworkers a card.",
            "We gave four caseworkers a card.",
            "We gave [-two][+four] caseworkers a card.",
        ),
        ("One.\n\nTwo.\n\nThree.", "One.\n\nThree.", "=1|[-Two.]|=1"),
        ("One.", "One.\n\nTwo.", "=1|[+Two.]"),
        ("- One.\n- Two.\n- Three.", "- One.\n- Three.", "=1|[-- Two.]|=1"),
        ("|a|b|\n|1|2|", "|a|b|\n|1|3|", "=1||1|[-2][+3]|"),
        ("", "One.", "[+One.]"),
        ("One.", "", "[-One.]"),
        ("<b>", "<i>", "<[-b][+i]>"),
        ("Two cats sat.", "Nobody came.\n\nTwo cats ran.", "[+Nobody came.]|Two cats [-sat][+ran]."),
        ("One dog.\n\nTwo cats sat.", "Two cats ran.", "[-One dog.]|Two cats [-sat][+ran]."),
        ("Old.\n\nKept.", "New.\n\nKept.", "[-Old][+New].|=1"),
    ],
)
def test_what_changed_is_shown_word_by_word(before, after, shown):
    assert marked(before, after) == shown


def test_parts_that_neither_has_are_left_out():
    parts = compare(said(body="Two"), said(body="Two", tried="Three")).parts
    assert [(part.name, part.is_changed) for part in parts] == [
        ("Title", False),
        ("Text", False),
        ("What was tried", True),
    ]


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        ({}, {}, "Nothing: they say the same, word for word."),
        ({"body": "One two."}, {"body": "One two three."}, "1 word added, in Text."),
        ({"body": "One two."}, {"body": "One."}, "1 word taken away, in Text."),
        (
            {"title": "We saw it", "body": "In two cities."},
            {"title": "We saw it twice", "body": "In three big cities."},
            "3 words added, 1 word taken away, in Title and Text.",
        ),
        (
            {"body": "One."},
            {"body": "Two.", "tried": "A.", "change_mind": "B."},
            "3 words added, 1 word taken away, in Text, What was tried and What would change our mind.",
        ),
        ({"body": "One, two."}, {"body": "One two"}, "No word changed, but spaces or punctuation did, in Text."),
        ({"tag_names": ["a"]}, {"tag_names": ["b"]}, "Tags changed."),
        (
            {"body": "1"},
            {"body": "2", "language": "pt"},
            "1 word added, 1 word taken away, in Text. Language changed too.",
        ),
        ({"licence": "CC0-1.0"}, {"tag_names": ["b"]}, "Tags and licence changed."),
        ({}, {"body": "a " * 1500}, "1,500 words added, in Text."),
    ],
)
def test_what_changed_in_a_sentence(before, after, summary):
    assert compare(said(**before), said(**after)).summary == summary


def test_side_by_side_each_paragraph_stands_beside_itself():
    part = compare(said(body="One.\n\nTwo cats.\n\nThree."), said(body="One.\n\nTwo dogs.\n\nThree.\n\nFour.")).parts[1]
    read = [
        ("".join(one.text for one in pair.before), "".join(one.text for one in pair.after), pair.same)
        for pair in part.pairs
    ]
    assert read == [("", "", 1), ("Two cats.", "Two dogs.", 0), ("", "", 1), ("", "Four.", 0)]


def test_what_a_version_chooses_is_compared_by_name(db):
    housing, food, kenya, brazil = area("housing"), area("food"), place("KE"), place("BR")
    older = said(issue_area_ids=[housing.pk, food.pk], place_ids=[kenya.pk], tag_names=["rent", "keys"])
    newer = said(issue_area_ids=[food.pk, housing.pk], place_ids=[brazil.pk], tag_names=["rent"], licence="CC0-1.0")
    found = {choice.name: choice for choice in compare(older, newer).choices}
    assert found["Issue areas"].order == [food.name, housing.name]
    assert (found["Places"].gone, found["Places"].come, found["Places"].same) == (["Kenya"], ["Brazil"], [])
    assert (found["Tags"].gone, found["Tags"].come, found["Tags"].same) == (["keys"], [], ["rent"])
    assert not found["Language"].is_changed
    assert found["Licence"].come[0].startswith("CC0")


def test_what_has_gone_from_the_taxonomy_is_left_out(db):
    assert compare(said(issue_area_ids=[999_999]), said(issue_area_ids=[999_998])).summary.startswith("Nothing")


@pytest.mark.parametrize(("before", "after"), [
    ("a\n\n" * 30_000, "b\n\na\n\n" * 15_000),
    ("a " * 50_000, "a b " * 25_000),
    ("\n\n".join(f"{n} was" for n in range(50)), "\n\n".join(f"{n} is" for n in range(20, 70))),
    ("".join(map(chr, range(0x4E00, 0x9000))), "".join(map(chr, range(0x8FFF, 0x4DFF, -1)))),
])  # fmt: skip
def test_whatever_is_compared_nothing_is_lost(before, after):
    part = compare(said(title="", body=before), said(title="", body=after)).parts[0]
    old, new = ("".join(_of(part, without)).replace("\n", "") for without in ("ins", "del"))
    same = sum(same for _, same in part.lines)
    assert len(old) + same == len(before.replace("\n", ""))
    assert len(new) + same == len(after.replace("\n", ""))


def _of(part, without: str) -> list[str]:
    return [text for pieces, _ in part.lines for kind, text in pieces if kind != without]


LETTERS = random.Random(1)
WORST = {
    "paragraphs, none alike": ("\n\n".join(map(str, range(30_000))), "\n\n".join(map(str, range(30_000, 60_000)))),
    "few words, in any order": tuple(" ".join(LETTERS.choices("ab", k=100_000)) for _ in range(2)),
    "long ways that lead nowhere": (
        "x " + "a " * 50_000 + " ".join(f"y{n}" for n in range(9_000)),
        "z " + "a " * 50_000 + " ".join(f"w{n}" for n in range(9_000)),
    ),
    "punctuation": (".!" * 100_000, "!." * 99_999 + "?"),
    "items": ("- a\n" * 50_000, "- b\n- a\n" * 25_000),
    "empty lines": ("\n" * 200_000, "a\n" * 100_000),
}


@pytest.mark.parametrize(("before", "after"), WORST.values(), ids=list(WORST))
def test_the_work_of_a_comparison_is_bounded(before, after, monkeypatch):
    differs = []
    begin = compare_module._Differ.__init__

    def beginning(differ, steps):
        begin(differ, steps)
        differs.append(differ)

    monkeypatch.setattr(compare_module._Differ, "__init__", beginning)
    part = compare(said(body=before), said(body=after)).parts[1]
    [differ] = differs
    assert differ.left > -(len(before) + len(after)) - compare_module.STEPS  # one round more than it had, at the most
    assert len(part.lines) <= 2 * compare_module.PARAGRAPHS
    assert sum(len(pieces) for pieces, _ in part.lines) <= compare_module.PIECES + 2 * compare_module.PARAGRAPHS * 2
    assert max(len(pieces) for pieces, _ in part.lines) <= compare_module.PIECES_OF_ONE


def test_two_texts_differ_alike_however_often_and_slowly_they_are_compared(monkeypatch):
    before, after = ("\n\n".join(f"{word} {number} " * 90 for number in range(200)) for word in ("was", "is"))
    first = compare(said(body=before), said(body=after))
    assert first.parts[1].words("del") >= 18_000
    for clock in ("time", "monotonic", "thread_time", "process_time", "perf_counter"):
        ticks = count(0, 1_000)
        monkeypatch.setattr(
            time, clock, lambda ticks=ticks: next(ticks)
        )  # each look at a clock is a quarter of an hour later
    assert compare(said(body=before), said(body=after)) == first


@given(st.lists(st.sampled_from("abc"), max_size=14), st.lists(st.sampled_from("abcd"), max_size=14))
@settings(max_examples=300, deadline=None)
def test_the_shortest_difference_is_found_where_there_are_steps_enough(old, new):
    theirs = diff_match_patch()
    theirs.Diff_Timeout = 0
    one, other = "".join(old), "".join(new)
    found, expected = (differ.diff_main(one, other, False) for differ in (compare_module._Differ(10**9), theirs))
    assert "".join(run for kind, run in found if kind != 1) == one
    assert "".join(run for kind, run in found if kind != -1) == other
    assert sum(len(run) for kind, run in found if kind) == sum(len(run) for kind, run in expected if kind)
