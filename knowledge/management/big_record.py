"""The ladder's part of a big commons for measuring: moves, evidence, vettings, reviews, field reports, lineage."""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from knowledge.management.copying import copy

ASIDE = 0.03  # share of posts
VETTED, REPORTED = 0.12, 0.2  # share of emerging approaches
BUILT_ON = 0.15  # share of posts

COLUMNS = {
    "vetting": "post_id version_id asks until opened_by_id opened_at ending closed_by_id closed_why closed_at",
    "review": "vetting_id version_id by_id organization_id verdict supports missing try_next rely relation interest at",
    "move": "post_id version_id kind from_rung to_rung why by_id at cause_id",
    "evidence": "post_id kind strength statement producer from_outside period link source by_id at withdrawn_why",
    "fieldreport": "post_id organization_id by_id at withdrawn_at withdrawn_why",
    "reportversion": "report_id number place_id began ended served account differently outcome works_when struggled_when"
    " tell by_id at",
    "link": "post_id to_id kind by_id at ended_at",
}


class Stood(NamedTuple):
    """Where a post came to stand: its rung, since when, when it was set aside, and how much its record holds."""

    rung: int
    moved: dt.datetime
    aside: dt.datetime | None
    evidence: int
    reports: int


class Record:
    """Collects the rows of these tables for one big commons, batch by batch, and writes them."""

    def __init__(
        self,
        dice: random.Random,
        organizations: int,
        sentences: Sequence[str],
        places: Sequence[int],
        last: dt.datetime,
    ) -> None:
        self.dice, self.organizations, self.sentences, self.places, self.last = (
            dice,
            organizations,
            sentences,
            places,
            last,
        )
        self.rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.numbers: Counter[str] = Counter()  # the last key of each table

    def rise(self, post: int, version: int, organization: int, author: int, at: dt.datetime, *, still: bool) -> Stood:
        """One post's record. `still` keeps it from being vetted or set aside: benchmarks look at it."""
        dice = self.dice
        self._add("move", post, version, "began", None, 1, "We keep seeing it.", author, at, None)
        rung, moved, pieces, reports = 1, at, 0, 0
        if dice.random() < 0.38:
            rung, moved = 2, min(at + dt.timedelta(days=dice.expovariate(1 / 90)), self.last)
            self._add("move", post, version, "up", 1, 2, "Two places tried it.", author, moved, None)
            pieces = self._evidence(post, organization, author, at)
            reports = self._reports(post, organization, moved)
            if not still and dice.random() < VETTED:
                rung, moved = 3, self._vetting(post, version, organization, author, moved)
        if post > 100 and dice.random() < BUILT_ON:
            self._add("link", post, dice.randint(1, post - 1), "builds_on", author, at, None)
        aside = moved + dt.timedelta(days=1) if not still and dice.random() < ASIDE else None
        if aside:
            self._add("move", post, version, "aside", rung, rung, "It did not hold up.", author, aside, None)
        return Stood(rung, aside or moved, aside, pieces, reports)

    def write(self) -> None:
        """Write the rows collected since they were last cleared."""
        for table, columns in COLUMNS.items():
            copy(f"knowledge_{table}", f"id {columns}", self.rows[table])

    def clear(self) -> None:
        """Collect anew. Keys go on where they were."""
        self.rows.clear()

    def _add(self, table: str, *values: Any) -> int:
        self.numbers[table] += 1
        key = self.numbers[table]
        self.rows[table].append((key, *values))
        return key

    def _next(self, organization: int, step: int) -> int:
        return (organization + step - 1) % self.organizations + 1

    def _evidence(self, post: int, organization: int, author: int, at: dt.datetime) -> int:
        pieces = self.dice.randint(1, 4)
        for _ in range(pieces):
            kind, words = self.dice.choice(("observation", "data", "evaluation")), self.dice.choice(self.sentences)
            producer = f"Organization {organization}"
            self._add(
                "evidence", post, kind, "suggestive", words, producer, False, "2025", "", "Records.", author, at, ""
            )
        return pieces

    def _reports(self, post: int, organization: int, at: dt.datetime) -> int:
        reports = self.dice.randint(1, 3) if self.dice.random() < REPORTED else 0
        for step in range(1, reports + 1):
            other, day = self._next(organization, step), at.date()
            member = other * 3 - 2
            report = self._add("fieldreport", post, other, member, at, None, "")
            words, place = self.dice.choice(self.sentences), self.dice.choice(self.places)
            outcome = self.dice.choice(("worked", "mixed", "no", "early"))
            self._add("reportversion", report, 1, place, day - dt.timedelta(days=90), day, "31 families", words, "", outcome,
                      "somebody has a key", "", "", member, at)  # fmt: skip
        return reports

    def _vetting(self, post: int, version: int, organization: int, author: int, at: dt.datetime) -> dt.datetime:
        closed = min(at + dt.timedelta(days=20), self.last)
        asks = "Look at the months."
        vetting = self._add("vetting", post, version, asks, closed.date(), author, at, "up", author, "", closed)
        for step in (1, 2):
            other, words = self._next(organization, step), self.dice.choice(self.sentences)
            self._add(
                "review",
                vetting,
                version,
                other * 3 - 2,
                other,
                "approve",
                words,
                "",
                "",
                "Yes.",
                "none",
                "None.",
                closed,
            )
        self._add("move", post, version, "up", 2, 3, "Approved by two.", author, closed, vetting)
        return closed
