"""The issue areas as pages show them: the tops in order, each with its areas and how many posts they hold."""

from typing import Any

from knowledge.stored.stamps import stamps
from knowledge.topics.models import IssueArea


def tree() -> list[dict[str, Any]]:
    """Every top area with its count and its areas; two queries."""
    areas = list(IssueArea.objects.all())
    counts = stamps(f"area-{area.pk}" for area in areas)
    nodes = {area.pk: {"area": area, "posts": counts[f"area-{area.pk}"].posts, "subs": []} for area in areas}
    for area in areas:
        if area.parent_id in nodes:
            nodes[area.parent_id]["subs"].append(nodes[area.pk])  # type: ignore[attr-defined]
    return [nodes[area.pk] for area in areas if area.parent_id is None]
