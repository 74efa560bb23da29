"""Load what a new commons starts with: the issue areas and the gazetteer. Safe to run at every start."""

import tomllib
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from commons.long_command import LongCommand
from knowledge.topics import gazetteer
from knowledge.topics.models import IssueArea, Place

TAXONOMY = Path(gazetteer.__file__).with_name("taxonomy.toml")


class Command(LongCommand):
    help = "Load the issue areas and the places, where they are not there yet."

    def handle(self, *args: Any, **options: Any) -> None:
        if not IssueArea.objects.exists():
            self.stdout.write(f"Issue areas: {load_areas()}")
        if not Place.objects.exists():
            self.stdout.write(f"Places: {load_places()}")


@transaction.atomic
def load_areas() -> int:
    """Write the taxonomy as it is shipped; moderators keep it from then on. Gives how many there are."""
    by_slug: dict[str, IssueArea] = {}
    areas = tomllib.loads(TAXONOMY.read_text("utf-8"))["area"]
    for position, row in enumerate(areas):
        by_slug[row["slug"]] = IssueArea.objects.create(
            slug=row["slug"],
            name=row["name"],
            description=row["description"],
            parent=by_slug[row["parent"]] if row.get("parent") else None,
            position=position,
            sdgs=row.get("sdgs", []),
            pcs=row.get("pcs", ""),
        )
    return len(by_slug)


@transaction.atomic
def load_places() -> int:
    """Write the gazetteer through COPY. Gives how many places there are."""
    numbers: dict[str, int] = {}
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY knowledge_place (id, code, kind, name, label, slug, key, also, parent_id, population) FROM STDIN"
        ) as rows,
    ):
        for number, row in enumerate(gazetteer.places(), start=1):
            numbers[row.code] = number
            parent = numbers.get(row.parent) if row.parent else None
            rows.write_row(
                (number, row.code, row.kind, row.name, row.label, row.slug, row.key, list(row.also_key), parent, row.population)
            )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('knowledge_place', 'id'), %s)", [len(numbers) or 1])
    return len(numbers)
