"""What changed between two versions, word by word."""

import pytest

from knowledge.posts.compare import compare
from knowledge.posts.models import Version


def marked(before: str, after: str) -> str:
    [_, part] = compare(Version(title="One", body=before), Version(title="One", body=after))
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
    ],
)
def test_what_changed_is_shown_word_by_word(before, after, shown):
    assert marked(before, after) == shown


def test_parts_that_neither_has_are_left_out():
    parts = compare(Version(title="One", body="Two"), Version(title="One", body="Two", tried="Three"))
    assert [(part.name, part.is_changed) for part in parts] == [
        ("Title", False),
        ("Text", False),
        ("What was tried", True),
    ]


@pytest.mark.parametrize(("before", "after"), [
    ("a\n\n" * 30_000, "b\n\na\n\n" * 15_000),
    ("a " * 50_000, "a b " * 25_000),
    ("".join(map(chr, range(0x4E00, 0x9000))), "".join(map(chr, range(0x8FFF, 0x4DFF, -1)))),
])  # fmt: skip
def test_whatever_is_compared_nothing_is_lost(before, after):
    part = compare(Version(title="", body=before), Version(title="", body=after))[0]
    old = sum(len(text) for pieces, _ in part.lines for kind, text in pieces if kind != "ins")
    new = sum(len(text) for pieces, _ in part.lines for kind, text in pieces if kind != "del")
    same = sum(same for _, same in part.lines)
    assert old + same == len(before.replace("\n", ""))
    assert new + same == len(after.replace("\n", ""))
