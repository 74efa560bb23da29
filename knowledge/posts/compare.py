"""Two versions of a post side by side, word by word: what one took away, what the other added."""

import re
from collections.abc import Iterator
from itertools import count
from time import monotonic, time
from typing import NamedTuple

from diff_match_patch import diff_match_patch

from knowledge.posts.models import Version
from knowledge.posts.rungs import CASE_FIELDS

SECONDS = 1.0  # to look for the shortest difference; after that a longer one has to do
PARTS = {"title": "Title", "takeaway": "Takeaway", "body": "Text"}
KINDS = {-1: "del", 0: "same", 1: "ins"}


class Piece(NamedTuple):
    """A run of words: "same", "del" (only in the older version) or "ins" (only in the newer)."""

    kind: str
    text: str


class Part(NamedTuple):
    """One part of a version, as lines of pieces; a line without pieces stands for `same` paragraphs that did not change."""

    name: str
    lines: list[tuple[list[Piece], int]]

    @property
    def is_changed(self) -> bool:
        return any(pieces for pieces, _ in self.lines)


def compare(older: Version, newer: Version) -> list[Part]:
    """What changed from one version to another, part by part; parts that neither has are left out."""
    names = {**PARTS, **{name: str(Version._meta.get_field(name).verbose_name).capitalize() for name in CASE_FIELDS}}  # type: ignore[union-attr]
    until = monotonic() + SECONDS
    return [
        Part(label, list(_lines(getattr(older, name), getattr(newer, name), until)))
        for name, label in names.items()
        if getattr(older, name) or getattr(newer, name)
    ]


def _lines(before: str, after: str, until: float) -> Iterator[tuple[list[Piece], int]]:
    gone: list[str] = []
    for kind, paragraphs in _runs(_paragraphs(before), _paragraphs(after), until):
        if kind == "del":
            gone = paragraphs
            continue
        come = paragraphs if kind == "ins" else []
        for old, new in zip(gone, come, strict=False):
            yield [Piece(kind, "".join(words)) for kind, words in _runs(_words(old), _words(new), until, tidy=True)], 0
        yield from (([Piece("del", old)], 0) for old in gone[len(come) :])
        yield from (([Piece("ins", new)], 0) for new in come[len(gone) :])
        gone = []
        if kind == "same":
            yield [], len(paragraphs)
    yield from (([Piece("del", old)], 0) for old in gone)


def _runs(old: list[str], new: list[str], until: float, *, tidy: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The runs of things that stayed, went or came. Each thing stands for one character of what the library compares.

    `tidy` takes a lone word that stayed between two that did not for changed too: it reads better.
    """
    numbers = count(1)
    letters: dict[str, str] = {}

    def spelled(things: list[str]) -> str:
        return "".join(letters.get(thing) or letters.setdefault(thing, _letter(numbers)) for thing in things)

    compared = diff_match_patch()
    texts = spelled(old), spelled(new)
    found = compared.diff_main(*texts, False, time() + max(until - monotonic(), 0.01))
    if tidy:
        compared.diff_cleanupSemantic(found)
    things = {letter: thing for thing, letter in letters.items()}
    for kind, run in found:
        yield KINDS[kind], [things[letter] for letter in run]


def _letter(numbers: Iterator[int]) -> str:
    number = next(numbers)
    return chr(number if number < 0xD800 else number + 0x800)  # past the surrogates


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


# Between paragraphs; before an item of a list; before a row of a table
BREAK = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t])|\n(?=[ \t]*\|)")


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in BREAK.split(text) if part.strip()]
