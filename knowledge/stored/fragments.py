"""Pieces of pages, rendered once: `fragments` reads them, `stale` says that they must be made anew."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from commons.db.base import optional_write
from commons.markup import cut_short

Maker = Callable[[list[int]], Mapping[int, str]]


@cache
def renderer() -> str:
    """Twelve characters that change whenever the code, the templates or the icons that fragments are made with change."""
    digest = hashlib.sha256()
    roots = (settings.BASE_DIR / "templates", settings.BASE_DIR / "knowledge", settings.BASE_DIR / "commons")
    files = [path for root in roots for path in root.rglob("*") if path.suffix in {".html", ".xml", ".py"}]
    for path in [*sorted(files), settings.BASE_DIR / "static" / "icons.svg"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Read(NamedTuple):
    """A fragment as it is stored: its text, the number of changes it must follow, and whether it follows the last."""

    html: str
    wanted: int
    fresh: bool


COLUMNS = "f.html, f.wanted, f.made = f.wanted AND f.renderer = %s"  # of a Read, in a query of one's own
# The rows of `l`, each with its fragment of one kind where there is one. OFFSET 0 makes it one look into the index for each
# row, whatever the planner believes of a table that fills up after it was last analyzed.
BESIDE = (
    " LEFT JOIN LATERAL (SELECT * FROM knowledge_fragment WHERE kind = %s AND object_id = l.post_id OFFSET 0) f ON true"
)


def fragments(kind: str, ids: Iterable[int], make: Maker, read: Mapping[int, Read] | None = None) -> dict[int, str]:
    """The texts of this kind for these ids, in the order of `ids`; what is missing or stale is made by `make` and kept.

    `make` takes the ids to make and gives a text for each it can; an id it gives nothing for is left out. `read` holds
    what the caller has read already, along with something else.
    Two queries at most beside those of `make`, however many ids.
    """
    ids = list(ids)
    if not ids:
        return {}
    rows = _read(kind, ids) if read is None else read
    missing = [pk for pk in ids if pk not in rows or not rows[pk].fresh]
    found = {pk: row.html for pk, row in rows.items() if row.fresh}
    if missing:
        cut = cut_short()
        made = make(missing)
        found.update(made)
        if cut_short() == cut:  # else a text in them ran out of time, and they are made again when next read
            _keep(kind, {pk: (rows[pk].wanted if pk in rows else 0, html) for pk, html in made.items()})
    return {pk: found[pk] for pk in ids if pk in found}


def together(object_id: int, makers: Mapping[str, Maker], *, where: tuple[str, Sequence[Any]]) -> dict[str, str] | None:
    """The texts of several kinds for one id, in one query where all are fresh; a kind that gives nothing is left out.

    None where the condition `where` (SQL and its parameters) does not hold.
    """
    condition, params = where
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f.kind, {COLUMNS} FROM (SELECT WHERE {condition}) AS allowed"  # noqa: S608 - our own names
            " LEFT JOIN knowledge_fragment f ON f.kind = ANY(%s::text[]) AND f.object_id = %s",
            [renderer(), *params, list(makers), object_id],
        )
        found_rows = cursor.fetchall()
    if not found_rows:
        return None
    rows = {kind: {object_id: Read(*row)} for kind, *row in found_rows if kind is not None}
    found = {kind: fragments(kind, [object_id], make, rows.get(kind, {})) for kind, make in makers.items()}
    return {kind: texts[object_id] for kind, texts in found.items() if object_id in texts}


def _read(kind: str, ids: list[int]) -> dict[int, Read]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f.object_id, {COLUMNS} FROM knowledge_fragment f WHERE f.kind = %s AND f.object_id = ANY(%s)",  # noqa: S608
            [renderer(), kind, ids],
        )
        return {object_id: Read(*row) for object_id, *row in cursor.fetchall()}


def _keep(kind: str, made: Mapping[int, tuple[int, str]]) -> None:
    """Store texts with the number of the change they were made after; a newer one already there is left alone.

    They can be made again at any time: where the database takes no writes, or not in time, they are not stored.
    """
    if not made:
        return
    with optional_write(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_fragment AS f (kind, object_id, wanted, made, renderer, html)"
            " SELECT %s, id, made, made, %s, html FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS t(id, made, html)"
            " ORDER BY id ON CONFLICT (kind, object_id) DO UPDATE"
            " SET made = EXCLUDED.made, renderer = EXCLUDED.renderer, html = EXCLUDED.html"
            " WHERE f.made <= EXCLUDED.made",
            [
                kind,
                renderer(),
                list(made),
                [number for number, _ in made.values()],
                [html for _, html in made.values()],
            ],
        )


def stale(kind: str, ids: Iterable[int]) -> None:
    """Say, in the caller's transaction, that these fragments must be made anew when next read."""
    ids = sorted(set(ids))
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_fragment AS f (kind, object_id, wanted, made, renderer, html)"
            " SELECT %s, id, 1, -1, '', '' FROM unnest(%s::bigint[]) AS t(id) ORDER BY id"
            " ON CONFLICT (kind, object_id) DO UPDATE SET wanted = f.wanted + 1",
            [kind, ids],
        )
