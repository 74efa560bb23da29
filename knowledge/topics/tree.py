"""The issue areas as pages show them: the tops in order, each with its areas and how many posts they hold."""

from time import monotonic
from typing import Any

from django.http import Http404

from knowledge.stored.kept import Kept
from knowledge.stored.stamps import stamps
from knowledge.topics.models import IssueArea

SECONDS_KEPT = 5
_kept = Kept(2)


def tree() -> list[dict[str, Any]]:
    """Every top area with its count and its areas; two queries."""
    areas = list(IssueArea.objects.all())
    counts = stamps(f"area-{area.pk}" for area in areas)
    nodes = {area.pk: {"area": area, "posts": counts[f"area-{area.pk}"].posts, "subs": []} for area in areas}
    for area in areas:
        if area.parent_id in nodes:
            nodes[area.parent_id]["subs"].append(nodes[area.pk])  # type: ignore[attr-defined]
    return [nodes[area.pk] for area in areas if area.parent_id is None]


def subs(area: IssueArea) -> list[dict[str, Any]]:
    """The areas of a top area, each with its count; none for an area that is one itself. Two queries."""
    areas = list(area.sub_areas.all()) if area.parent_id is None else []
    counts = stamps(f"area-{sub.pk}" for sub in areas)
    return [{"area": sub, "posts": counts[f"area-{sub.pk}"].posts} for sub in areas]


def area_called(slug: str) -> IssueArea:
    """The issue area of this slug, with its parent. Raises Http404.

    The taxonomy is small and rarely changes, so each process keeps it for a few seconds.
    """
    areas = _kept.get(int(monotonic() / SECONDS_KEPT), _by_slug)
    if slug not in areas:
        raise Http404(f"There is no issue area called “{slug[:80]}”.")
    return areas[slug]


def _by_slug() -> dict[str, IssueArea]:
    return {area.slug: area for area in IssueArea.objects.select_related("parent")}
