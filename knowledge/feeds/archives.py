"""Which rows stand in which document of a feed (RFC 5005).

**Archived feeds** (section 4): whoever reads the newest document and follows `prev-archive` from there has the whole feed,
each entry once, and reads next time only what is new. That wants archives whose entries no later post changes, under
addresses that stay the same. Ours are made by key alone:

- An archive's address names a row. It holds the rows older than that one, as far as the first *milestone*, and that too.
  What is published later is newer than the row, so it comes into no archive that is there. (What leaves a list, withdrawn
  or filed elsewhere, leaves its archive.)
- A milestone is a post whose number says so, one in about forty. The newest document ends wherever its twenty entries end,
  and so the first archive that it links to is another after each post; but that one ends at a milestone, from which on all
  ways back are the same way, with the same addresses. A reader who was here before reads what is new and a document or two
  more, and then meets an address that it knows.

Months would serve as well as milestones where lists are alike; but one list has ten posts a month here and another ten
thousand, and blocks of numbers leave a small list with one post in each. Milestones cut every list into pieces of about the
same size, however many posts there are and whatever else is in between. Nothing is stored or counted for it, and a document
costs one walk along the list's index, of at most `MOST` rows.

**Paged feeds** (section 3) are those whose older entries change: sorted by moves, or of what one member follows by now. They
have `next` and `first`, and promise nothing beyond.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from knowledge.feeds.forms import Form
from knowledge.posts.listing import Row

MOST = 100  # entries in one archive, should milestones be far apart
ONE_IN = 40


class Source(Protocol):
    """Where a feed's entries come from."""

    size: int  # how many entries its newest document has
    is_archived: bool
    note: str  # what is to be said of the rows it gave: that there may be more. Empty where there is nothing to be said

    def rows(self, *, older_than: Row | None = None, newer_than: Row | None = None, limit: int) -> list[Row]:
        """So many rows of it, newest first: the newest, those that come after one, or those just before one."""
        ...

    def written(self, rows: Sequence[Row], form: Form) -> list[str]:
        """What each of these rows tells, in one form."""
        ...


class Part(NamedTuple):
    """The rows of one document, and where other documents of its feed begin, by relation; None is the newest."""

    rows: Sequence[Row]
    others: Mapping[str, Row | None]


def part_of(source: Source, older_than: Row | None) -> Part:
    """The newest document of a feed, or the one that begins below a row."""
    if older_than is None or not source.is_archived:
        rows = source.rows(older_than=older_than, limit=source.size + 1)
        shown: Sequence[Row] = rows[: source.size]
        others: dict[str, Row | None] = {} if older_than is None else {"first": None}
        if len(rows) > len(shown):
            others["prev-archive" if source.is_archived else "next"] = shown[-1]
        return Part(shown, others)
    rows = source.rows(older_than=older_than, limit=MOST + 1)
    shown = _to_a_milestone(rows)
    others = {"current": None}
    if len(rows) > len(shown):
        others["prev-archive"] = shown[-1]
    if is_milestone(older_than) and (after := _next_milestone(source, older_than)):
        others["next-archive"] = after
    return Part(shown, others)


def is_milestone(row: Row) -> bool:
    """Whether archives end here. A multiple of the golden ratio spreads them evenly, also where numbers have a pattern (Knuth,
    The Art of Computer Programming, 6.4); among consecutive numbers no two are further apart than 55.
    """
    return row.number * 0x9E3779B9 % 2**32 < 2**32 // ONE_IN


def _to_a_milestone(rows: Sequence[Row]) -> Sequence[Row]:
    for place, row in enumerate(rows[:MOST]):
        if is_milestone(row):
            return rows[: place + 1]
    return rows[:MOST]


def _next_milestone(source: Source, row: Row) -> Row | None:
    """Below which row the next newer archive begins; none, when it is not full yet."""
    newer = source.rows(newer_than=row, limit=MOST)
    return next((each for each in reversed(newer) if is_milestone(each)), None)
