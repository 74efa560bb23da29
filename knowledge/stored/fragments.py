"""Pieces of pages, rendered once: `fragments` reads them, `stale` says that they must be made anew."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from django.conf import settings
from django.db import connection

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


def fragments(kind: str, ids: Iterable[int], make: Maker) -> dict[int, str]:
    """The texts of this kind for these ids, in the order of `ids`; what is missing or stale is made by `make` and kept.

    `make` takes the ids to make and gives a text for each it can; an id it gives nothing for is left out.
    Two queries at most beside those of `make`, however many ids.
    """
    ids = list(ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT object_id, html, wanted, made = wanted AND renderer = %s FROM knowledge_fragment"
            " WHERE kind = %s AND object_id = ANY(%s)",
            [renderer(), kind, ids],
        )
        rows = {object_id: (html, wanted, fresh) for object_id, html, wanted, fresh in cursor.fetchall()}
    missing = [pk for pk in ids if pk not in rows or not rows[pk][2]]
    found = {pk: html for pk, (html, _, fresh) in rows.items() if fresh}
    if missing:
        made = make(missing)
        found.update(made)
        _keep(kind, {pk: (rows[pk][1] if pk in rows else 0, html) for pk, html in made.items()})
    return {pk: found[pk] for pk in ids if pk in found}


def _keep(kind: str, made: Mapping[int, tuple[int, str]]) -> None:
    """Store texts with the number of the change they were made after; a newer one already there is left alone."""
    if not made:
        return
    with connection.cursor() as cursor:
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
