"""Two versions of a post side by side: their texts word by word, and what they chose (issue areas, places, tags …)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product, zip_longest
from typing import NamedTuple

from diff_match_patch import diff_match_patch
from django.utils.text import get_text_list

from knowledge.posts.models import Version
from knowledge.topics.models import IssueArea, Place

# The work of a comparison is bounded, and not its time: two versions differ in the same words on a busy machine
STEPS = 250_000  # to look for the shortest difference, of all parts together; after that a longer one has to do
PIECES = 20_000  # of all parts together; after that a paragraph that changed is shown as gone and come
PIECES_OF_ONE = 2_000  # the same, of one paragraph
TIDIED = 2_000  # words in a run: it takes time that grows with their square to tidy it
PARAGRAPHS = 2_000  # of one text; all that follows is the last one
PAIRS = 2_500  # so many pairs of paragraphs are looked at to tell which became which
GLANCE = 2_000  # characters of each
PARTS = {
    "title": "Title",
    "takeaway": "Takeaway",
    "body": "Text",
    "tried": "What was tried",
    "where_since": "Where and since when",
    "change_mind": "What would change our mind",
}
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
    def chosen_alike(self) -> str:
        """What both chose alike, in words: "Places, language and licence"."""
        return get_text_list([choice.name for choice in self.choices if not choice.is_changed], "and").capitalize()

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


class _Paths:
    """The ways from the beginning of two texts: how far into the first each leads, by how far it is ahead of the second."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new
        self.ends: dict[int, int] = {1: 0}
        self.edits = 0

    def advance(self, back: "_Paths | None") -> tuple[int, tuple[int, int] | None]:
        """Take each way one edit further, and then as far as both texts say the same.

        Return how many steps that took, and which way met one that comes `back` from the end of both: its key, and that one's.
        """
        old, new, ends, size, height = self.old, self.new, self.ends, len(self.old), len(self.new)
        d, steps, apart = self.edits, 0, size - height
        self.edits += 1
        for k in range(-(d - 2 * max(0, d - height)), d - 2 * max(0, d - size) + 1, 2):
            across, down = ends.get(k - 1, -1), ends.get(k + 1, -1)
            across = across + 1 if 0 <= across < size else -1
            began = x = max(across, down if down - k <= height else -1)
            if x >= 0:
                while x < size and x - k < height and old[x] == new[x - k]:
                    x += 1
                if back and x + back.ends.get(apart - k, -1 - size) >= size:
                    ends[k] = x
                    return steps + x - began + 1, (k, apart - k)
            ends[k] = x
            steps += x - began + 1
        return steps, None


class _Differ(diff_match_patch):
    """The library's comparison, with so many steps to look for the shortest difference, where it has so much time."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.Diff_Timeout = 0  # and no guesses where to begin, which can take long by themselves
        self.left = steps
        self.pieces_left = PIECES

    @property
    def is_spent(self) -> bool:
        return self.left < 0 or self.pieces_left < 0

    def runs(self, old: str, new: str, *, tidy: bool) -> list[tuple[int, str]]:
        """Return the runs of letters that went (-1), stayed (0) and came (1), a lone one that stayed taken for both if `tidy`."""
        runs: list[tuple[int, str]] = self.diff_main(old, new, False)
        if tidy and all(not kind or len(run) <= TIDIED for kind, run in runs):
            self.diff_cleanupSemantic(runs)
        return runs

    def diff_bisect(self, text1: str, text2: str, deadline: float) -> list[tuple[int, str]]:
        """Return the shortest difference of two texts (Myers 1986, 4b); once the steps are used up, that all of it changed."""
        forth, back = _Paths(text1, text2), _Paths(text1[::-1], text2[::-1])
        odd = (len(text1) - len(text2)) % 2 == 1
        for _ in range((len(text1) + len(text2) + 1) // 2 + 1):
            steps, met = forth.advance(back if odd else None)
            if not met:
                more, met_back = back.advance(None if odd else forth)
                steps, met = steps + more, met_back[::-1] if met_back else None
            self.left -= steps
            if met:
                x = forth.ends[met[0]]
                split: list[tuple[int, str]] = self.diff_bisectSplit(text1, text2, x, x - met[0], deadline)
                return split
            if self.left < 0:
                break
        return [(self.DIFF_DELETE, text1), (self.DIFF_INSERT, text2)]


def compare(older: Version, newer: Version) -> Comparison:
    """Return what changed from one version to another, part by part; parts that neither has are left out.

    Two queries at most, for names.
    """
    differ = _Differ(STEPS)
    parts = [
        Part(label, list(_lines(getattr(older, name), getattr(newer, name), differ)))
        for name, label in PARTS.items()
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


def _lines(before: str, after: str, differ: _Differ) -> Iterator[tuple[list[Piece], int]]:
    gone: list[str] = []
    for kind, paragraphs in _runs(_paragraphs(before), _paragraphs(after), differ):
        if kind == "del":
            gone = paragraphs
            continue
        for old, new in _beside(gone, paragraphs if kind == "ins" else []):
            yield _line(old, new, differ), 0
        gone = []
        if kind == "same":
            yield [], len(paragraphs)
    yield from (([Piece("del", old)], 0) for old in gone)


def _line(old: str, new: str, differ: _Differ) -> list[Piece]:
    """A paragraph that changed, or one that only one of them has; whole where no steps are left to look for more."""
    pieces: list[Piece] = []
    if old and new and not differ.is_spent:
        pieces = [Piece(kind, "".join(words)) for kind, words in _runs(_words(old), _words(new), differ, tidy=True)]
        differ.pieces_left -= len(pieces)
    if not pieces or len(pieces) > PIECES_OF_ONE:
        pieces = [Piece(kind, text) for kind, text in (("del", old), ("ins", new)) if text]
    return pieces


def _beside(gone: list[str], come: list[str]) -> Iterator[tuple[str, str]]:
    """Which of the paragraphs that went became which of those that came, in their order; "" beside one that did not.

    Of all ways, the one in which they have the most words in common; where there are very many, simply the first with the
    first.
    """
    if len(gone) * len(come) > PAIRS or min(len(gone), len(come)) == 0:
        yield from zip_longest(gone, come, fillvalue="")
        return
    words = [[frozenset(re.findall(r"\w+", text[:GLANCE])) for text in texts] for texts in (gone, come)]
    best = [[0.0] * (len(come) + 1) for _ in range(len(gone) + 1)]  # of what is left of both, from the end
    for i, j in product(range(len(gone) - 1, -1, -1), range(len(come) - 1, -1, -1)):
        best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + _alike(words[0][i], words[1][j]))
    i = j = 0
    while i < len(gone) and j < len(come):
        if best[i][j] == best[i + 1][j]:
            yield gone[i], ""
            i += 1
        elif best[i][j] == best[i][j + 1]:
            yield "", come[j]
            j += 1
        else:
            yield gone[i], come[j]
            i, j = i + 1, j + 1
    yield from ((old, "") for old in gone[i:])
    yield from (("", new) for new in come[j:])


def _alike(old: frozenset[str], new: frozenset[str]) -> float:
    """How much two paragraphs have in common, from a little, so that those that have nothing stand beside each other too."""
    return 0.01 + len(old & new) / max(len(old), len(new), 1)


def _runs(old: list[str], new: list[str], differ: _Differ, *, tidy: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The runs of things that stayed, went or came. Each thing stands for one character of what the library compares.

    `tidy` takes a lone word that stayed between two that did not for changed too: it reads better.
    """
    numbers = count(1)
    letters: dict[str, str] = {}

    def spelled(things: list[str]) -> str:
        return "".join(letters.get(thing) or letters.setdefault(thing, _letter(numbers)) for thing in things)

    found = differ.runs(spelled(old), spelled(new), tidy=tidy)
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
    return [part.strip("\n") for part in BREAK.split(text, PARAGRAPHS - 1) if part.strip()]
