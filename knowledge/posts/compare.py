"""Two versions of a post side by side: their texts word by word, and what they chose (issue areas, places, tags …)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from time import monotonic, time
from typing import NamedTuple

from diff_match_patch import diff_match_patch
from django.utils.text import get_text_list

from knowledge.posts.models import Version
from knowledge.posts.rungs import CASE_FIELDS
from knowledge.topics.models import IssueArea, Place

SECONDS = 1.0  # to look for the shortest difference; after that a longer one has to do
PARTS = {"title": "Title", "takeaway": "Takeaway", "body": "Text"}
KINDS = {-1: "del", 0: "same", 1: "ins"}
DONE = {"ins": "added", "del": "taken away"}


class Piece(NamedTuple):
    """A run of words: "same", "del" (only in the older version) or "ins" (only in the newer)."""

    kind: str
    text: str


class Pair(NamedTuple):
    """A paragraph as the older version has it and as the newer does; or how many stand there that did not change."""

    before: list[Piece]
    after: list[Piece]
    same: int


class Part(NamedTuple):
    """One part of a version, as lines of pieces; a line without pieces stands for `same` paragraphs that did not change."""

    name: str
    lines: list[tuple[list[Piece], int]]

    @property
    def is_changed(self) -> bool:
        return any(pieces for pieces, _ in self.lines)

    @property
    def pairs(self) -> list["Pair"]:
        """Its lines as they stand side by side."""
        return [
            Pair([one for one in line if one.kind != "ins"], [one for one in line if one.kind != "del"], same)
            for line, same in self.lines
        ]

    def words(self, kind: str) -> int:
        """How many words are only in the newer version ("ins"), or only in the older ("del")."""
        return sum(
            len(re.findall(r"\w+", piece.text)) for pieces, _ in self.lines for piece in pieces if piece.kind == kind
        )


class Choice(NamedTuple):
    """Something that a version chooses rather than writes, such as its tags: what the older one chose, and the newer."""

    name: str
    before: list[str]
    after: list[str]

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    @property
    def gone(self) -> list[str]:
        return [each for each in self.before if each not in self.after]

    @property
    def come(self) -> list[str]:
        return [each for each in self.after if each not in self.before]

    @property
    def same(self) -> list[str]:
        return [each for each in self.after if each in self.before]

    @property
    def order(self) -> list[str]:
        """The new order, where nothing else changed: a post is shown under its first issue area."""
        return self.after if self.is_changed and not self.gone and not self.come else []


@dataclass(frozen=True)
class Comparison:
    """What changed from one version to another."""

    parts: list[Part]
    choices: list[Choice]

    @property
    def is_changed(self) -> bool:
        return any(part.is_changed for part in self.parts) or any(choice.is_changed for choice in self.choices)

    @property
    def summary(self) -> str:
        """It in a sentence or two: "12 words added, 4 taken away, in Title and Text. Places changed too."."""
        texts = [part.name for part in self.parts if part.is_changed]
        chosen = [choice.name for choice in self.choices if choice.is_changed]
        counted = [(sum(part.words(kind) for part in self.parts), done) for kind, done in DONE.items()]
        words = [f"{number:,} word{'' if number == 1 else 's'} {done}" for number, done in counted if number]
        said = []
        if texts:
            words = words or ["No word changed, but spaces or punctuation did"]
            said.append(f"{', '.join(words)}, in {get_text_list(texts, 'and')}.")
        if chosen:
            said.append(f"{get_text_list(chosen, 'and').capitalize()} changed{' too' if texts else ''}.")
        return " ".join(said) or "Nothing: they say the same, word for word."


def compare(older: Version, newer: Version, *, seconds: float = SECONDS) -> Comparison:
    """What changed from one version to another, part by part; parts that neither has are left out.

    `seconds` bounds the time to look for the shortest difference of their texts. Two queries at most, for names.
    """
    names = {**PARTS, **{name: str(Version._meta.get_field(name).verbose_name).capitalize() for name in CASE_FIELDS}}  # type: ignore[union-attr]
    until = monotonic() + seconds
    parts = [
        Part(label, list(_lines(getattr(older, name), getattr(newer, name), until)))
        for name, label in names.items()
        if getattr(older, name) or getattr(newer, name)
    ]
    return Comparison(parts, _choices(older, newer))


def _choices(older: Version, newer: Version) -> list[Choice]:
    """What they choose, thing by thing; what neither chooses is left out."""
    areas = _named(IssueArea, older.issue_area_ids, newer.issue_area_ids)
    places = _named(Place, older.place_ids, newer.place_ids)
    choices = [
        Choice("Issue areas", *areas),
        Choice("Places", *places),
        Choice("Tags", older.tag_names, newer.tag_names),
        Choice("Language", [older.get_language_display()], [newer.get_language_display()]),
        Choice("Licence", [older.get_licence_display()], [newer.get_licence_display()]),
    ]
    return [choice for choice in choices if any([*choice.before, *choice.after])]


def _named(model: type[IssueArea] | type[Place], *those: list[int] | None) -> list[list[str]]:
    """The names of what each of these versions chose, in its order."""
    keys = {pk for pks in those for pk in pks or []}
    found = model._default_manager.in_bulk(keys) if keys else {}
    return [[str(found[pk]) for pk in pks or [] if pk in found] for pks in those]


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
