"""When did a listing last change? One row each, read first: it answers a conditional request without making a page."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db import connection

BEYOND = 1_000_000_000  # changes that no listing sees between two backups
NEVER = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # what stands for the last change of a listing that had none


class Stamped(NamedTuple):
    """A listing's number, which changes with it, when it last changed, how many public posts stand in it; and its name."""

    number: int
    at: dt.datetime
    posts: int
    listing: str = ""


NOTHING = Stamped(0, NEVER, 0)


def stamp(listing: str) -> Stamped:
    """The stamp of a listing ("home", "area-3", "post-17" ...); one that never changed has number 0."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, at, posts FROM knowledge_stamp WHERE listing = %s", [listing])
        row = cursor.fetchone()
    number, at, posts = row or NOTHING[:3]
    return Stamped(number, at, posts, listing)


def stamps(listings: Iterable[str]) -> dict[str, Stamped]:
    """The stamps of these listings, in one query; `NOTHING` stands for those that never changed."""
    listings = list(listings)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT listing, number, at, posts FROM knowledge_stamp WHERE listing = ANY(%s::text[])", [listings]
        )
        found = {row[0]: Stamped(*row[1:]) for row in cursor.fetchall()}
    return {listing: found.get(listing, NOTHING) for listing in listings}


def bump(listings: Iterable[str], posts: Mapping[str, int] | None = None) -> None:
    """Change the stamps of these listings, and their counts by `posts` (listing -> difference), in the caller's transaction.

    Always in sorted order, and at the end of a verb: two verbs that touch the same listings wait for each other here,
    briefly, and never in a circle. The time goes forward even where clocks do not.
    """
    posts = posts or {}
    listings = sorted({*listings, *posts})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_stamp AS s (listing, number, at, posts)"
            " SELECT listing, 1, clock_timestamp(), posts FROM unnest(%s::text[], %s::bigint[]) AS t(listing, posts)"
            " ON CONFLICT (listing) DO UPDATE SET number = s.number + 1, posts = s.posts + EXCLUDED.posts,"
            " at = greatest(clock_timestamp(), s.at + interval '1 second')",
            [listings, [posts.get(listing, 0) for listing in listings]],
        )


def bump_lists() -> None:
    """Change the stamps of every list and search, in the caller's transaction: what stands in them is found in another way now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT listing FROM knowledge_stamp WHERE listing NOT LIKE 'post-%'")
        bump([listing for (listing,) in cursor.fetchall()])


def bump_all() -> None:
    """Change every stamp, far beyond any that a reader has seen: after a restore the same number would stand for other things."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE knowledge_stamp SET number = number + %s, at = greatest(clock_timestamp(), at + interval '1 second')",
            [BEYOND],
        )
