"""What a list's address asks for: its filters, as one canonical string and as listings. Pages, feeds and saved searches use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.db.models import Model
from django.http import Http404

from accounts.organizations.models import Organization
from commons.numbers import parse_number
from knowledge.posts.listing import Key, Row
from knowledge.posts.rungs import STANDING_OF, Standing
from knowledge.topics.models import IssueArea, Place, Tag

if TYPE_CHECKING:
    from django.http import QueryDict

NEWEST, MOVED = "newest", "moved"
NO_PLACE = "This address does not name a place in the list. Start again from its first page."
SORTS = {NEWEST: "Newest", MOVED: "Recently moved"}

# The parts an address can name, each with the kind of its listing and where its slug is looked up.
PARTS: dict[str, tuple[str, type[Model], str]] = {
    "area": ("area", IssueArea, "issue area"),
    "tag": ("tag", Tag, "tag"),
    "place": ("place", Place, "place"),
    "organization": ("organization", Organization, "organization"),
}


@dataclass(frozen=True)
class Filters:
    """The filters of one list: things by part, standings, words, sort, and from where on."""

    things: Mapping[str, Any] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    q: str = ""
    sort: str = NEWEST
    older_than: Row | None = None
    newer_than: Row | None = None

    @property
    def keys(self) -> list[Key]:
        """The listings a post must stand in, the narrowest kinds first."""
        return [
            Key(PARTS[part][0], self.things[part].pk)
            for part in ("tag", "organization", "place", "area")
            if part in self.things
        ]

    @property
    def chosen(self) -> int:
        """How many filters are on."""
        return len(self.things) + len(self.standings)

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """The filters as an address names them, in canonical order, without its place in the list."""
        this = replace(self, **changes) if changes else self
        pairs = [(part, thing.slug) for part, thing in this.things.items()]
        pairs += [("rung", standing.slug) for standing in this.standings]
        if this.q:
            pairs.append(("q", this.q))
        if this.sort != NEWEST:
            pairs.append(("sort", this.sort))
        return sorted(pairs)

    def canonical(self, **changes: Any) -> str:
        """The filters as one string: the same list has the same string, however its address was typed."""
        return urlencode(self.pairs(**changes)) if changes else self._canonical

    @cached_property
    def _canonical(self) -> str:
        return urlencode(self.pairs())

    def with_thing(self, part: str, thing: Any) -> str:
        return self.canonical(things={**self.things, part: thing})

    def without_thing(self, part: str) -> str:
        return self.canonical(things={name: thing for name, thing in self.things.items() if name != part})

    def with_standing(self, standing: Standing) -> str:
        return self.canonical(standings=tuple(sorted({*self.standings, standing})))

    def without_standing(self, standing: Standing) -> str:
        return self.canonical(standings=tuple(other for other in self.standings if other != standing))

    def at(self, name: str, row: Row) -> str:
        """The address of the rows that are older, or newer, than this one."""
        return urlencode([*self.pairs(), (name, cursor(row))])


def parse(params: "QueryDict") -> Filters:
    """The filters that an address names. Raises Http404 for a thing that does not exist, BadRequest for what is no filter."""
    if not params:
        return Filters()
    things = {}
    for part, (_, model, words) in PARTS.items():
        if slug := params.get(part):
            thing = model._default_manager.filter(slug=slug[:200]).first()
            if thing is None:
                raise Http404(f"There is no {words} called “{slug[:80]}”.")
            things[part] = thing
    standings = set()
    for slug in params.getlist("rung"):
        if slug and slug not in STANDING_OF:
            raise Http404(f"There is no rung called “{slug[:80]}”. Choose hunch, emerging, vetted or aside.")
        if slug:
            standings.add(STANDING_OF[slug])
    sort = params.get("sort") or NEWEST
    if sort not in SORTS:
        raise BadRequest("A list is sorted by newest or by moved.")
    return Filters(
        things=things,
        standings=tuple(sorted(standings)),
        q=" ".join(params.get("q", "").split())[:200],
        sort=sort,
        older_than=_row(params.get("older", "")),
        newer_than=_row(params.get("newer", "")),
    )


def cursor(row: Row) -> str:
    """Where a row stands in its list, for an address: the microseconds of what it is sorted by, and its number."""
    return f"{row.at}-{row.number}"


def _row(text: str) -> Row | None:
    if not text:
        return None
    micros, number = (parse_number(part) for part in text.partition("-")[::2])
    if micros is None or number is None:
        raise BadRequest(NO_PLACE)
    row = Row(number, micros)
    try:
        row.moment  # noqa: B018 - whether there is one
    except OverflowError:
        raise BadRequest(NO_PLACE) from None
    return row
