"""A list of posts as a page or a feed shows it: what it is the list of, its filters, and the posts that the reader may see."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.template.loader import render_to_string

from knowledge.posts.listing import CARD, HOME, Key, Row, listed_with
from knowledge.posts.pieces import card_list
from knowledge.posts.rungs import Standing
from knowledge.search import facets
from knowledge.search.filters import MOVED, NEWEST, PARTS, SORTS, Filters, parse
from knowledge.stored.fragments import Read
from knowledge.stored.stamps import Stamped, stamp

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

PAGE_SIZE = 20
NARROWEST = ("tag", "member", "organization", "place", "area")  # kinds of listings, the narrowest first


@dataclass
class PostList:
    """One list: the listing that the page is about (`about`; everything, where none), narrowed by an address's filters."""

    viewer: "Member | AnonymousUser"
    path: str
    filters: Filters
    about: Key = HOME
    stamped: Stamped = field(init=False)

    def __post_init__(self) -> None:
        # A filtered list uses the stamp of its narrowest named part, and is read before anything it shows.
        self.stamped = stamp(self.keys[0].stamp)

    @property
    def keys(self) -> list[Key]:
        """The listings to stand in, the narrowest kind first."""
        keys = [key for key in self.filters.keys if key != self.about]
        if self.about == HOME:
            return keys or [HOME]
        return sorted([self.about, *keys], key=lambda key: NARROWEST.index(key.kind))

    @property
    def feed(self) -> str:
        """The address of this list as a feed."""
        return f"{self.path}feed.atom{_query(self.filters.canonical())}"

    @property
    def subscribe_at(self) -> str:
        """Where one subscribes to this list, narrowed as it is; nothing where it is a whole page's, which has its own button."""
        filters = self.filters
        if not (filters.chosen or filters.q) or (self.about != HOME and self.about.kind not in PARTS):
            return ""
        # The page's own address ends with the slug of what it is about
        own = [] if self.about == HOME else [(self.about.kind, self.path.strip("/").rpartition("/")[2])]
        return f"/subscribe/search/?{urlencode(sorted([*own, *filters.pairs(sort=NEWEST)]))}"

    def rows(self, fragment: str) -> tuple[list[Row], dict[int, Read]]:
        """One page of the list, and one row more where there is one; with the rows' fragments of one kind."""
        return listed_with(
            fragment,
            self.viewer,
            keys=self.keys,
            standings=self.filters.standings,
            moved=self.filters.sort == MOVED,
            older_than=self.filters.older_than,
            newer_than=self.filters.newer_than,
            limit=PAGE_SIZE + 1,
        )

    def context(self) -> dict[str, Any]:
        """What `components/list.html` takes: cards, links to older and newer, chips, facets, sorts, the feed's address."""
        filters = self.filters
        rows, read = self.rows(CARD)
        more = len(rows) > PAGE_SIZE
        if filters.newer_than:
            rows = rows[-PAGE_SIZE:]
            older, newer = bool(rows), more
        else:
            rows = rows[:PAGE_SIZE]
            older, newer = more, bool(filters.older_than and rows)
        narrowing, total = self._narrowing()
        return {
            "cards": card_list([row.number for row in rows], read),
            "older": f"{self.path}?{filters.at('older', rows[-1])}" if older else "",
            "newer": f"{self.path}?{filters.at('newer', rows[0])}" if newer else "",
            "first": f"{self.path}{_query(filters.canonical())}" if filters.older_than or filters.newer_than else "",
            "chips": self.chips(),
            "narrowing": narrowing,
            "total": total,
            "sorts": [
                {"name": name, "on": sort == filters.sort, "href": f"{self.path}{_query(filters.canonical(sort=sort))}"}
                for sort, name in SORTS.items()
            ],
            "feed": self.feed,
            "subscribe_to_list": self.subscribe_at,
            "filters": filters,
            "path": self.path,
        }

    def chips(self) -> list[dict[str, str]]:
        """The filters in use, each with the address of the list without it."""
        filters = self.filters
        things = [
            {"name": str(thing), "href": f"{self.path}{_query(filters.without_thing(part))}"}
            for part, thing in filters.things.items()
        ]
        standings = [
            {"name": standing.label, "href": f"{self.path}{_query(filters.without_standing(standing))}"}
            for standing in filters.standings
        ]
        return standings + things

    def _narrowing(self) -> tuple[str, str]:
        """What the list can be narrowed to, drawn, and how many posts it has, in words."""

        def draw(counted: facets.Counts) -> tuple[str, str]:
            html = render_to_string("components/narrowing.html", {"facets": self._facets(counted), "counted": counted})
            total = "1,000+" if counted.is_bounded else str(counted.total)
            return html, f"{total} post{'' if counted.total == 1 else 's'}"

        address = f"{self.path}?{self.filters.canonical()}"
        return facets.kept(address, self.keys, self.filters.standings, self.stamped, draw)

    def _facets(self, counted: facets.Counts) -> list[dict[str, Any]]:
        """What the list can be narrowed to, with counts; what is chosen, or is what the page is about, is not offered."""
        filters = self.filters
        groups = []
        offered = [
            {
                "name": standing.label,
                "icon": standing.icon,
                "posts": counted.standings[standing],
                "href": f"{self.path}{_query(filters.with_standing(standing))}",
            }
            for standing in sorted(Standing, reverse=True)
            if counted.standings[standing] and standing not in filters.standings
        ]
        groups.append({"name": "Where it stands", "offered": offered})
        names = {"area": "Issue area", "place": "Place", "organization": "Organization", "tag": "Tag"}
        for part, name in names.items():
            kind = PARTS[part][0]
            if part in filters.things or (kind in {"area", "organization"} and self.about.kind == kind):
                continue
            offered = [
                {
                    "name": str(thing),
                    "posts": posts,
                    "href": f"{self.path}{_query(filters.with_thing(part, thing))}",
                }
                for thing, posts in counted.things[kind]
                if Key(kind, thing.pk) != self.about  # type: ignore[attr-defined]
            ]
            groups.append({"name": name, "offered": offered[: facets.SHOWN]})
        return [group for group in groups if group["offered"]]


def post_list(viewer: "Member | AnonymousUser", path: str, params: QueryDict, about: Key = HOME) -> PostList:
    """The list that an address asks for. Raises what `filters.parse` raises."""
    return PostList(viewer=viewer, path=path, filters=parse(params), about=about)


def _query(canonical: str) -> str:
    return f"?{canonical}" if canonical else ""
