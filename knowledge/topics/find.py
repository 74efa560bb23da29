"""Finding a place or a tag by what somebody types."""

from collections.abc import Iterable

from django.db.models import Q

from knowledge.topics.gazetteer import fold
from knowledge.topics.models import Place, Tag

OFFERED = 8
MOST = 200  # places of one name that are looked at


def find_places(text: str, limit: int = OFFERED) -> list[Place]:
    """The places whose name begins with the text, or that are also called so; the largest first.

    What follows a comma narrows: "hamilton, can" finds Hamilton, Canada.
    """
    key = fold(text.partition(",")[0])[:120]
    if len(key) < 2:
        return []
    found = Place.objects.filter(Q(key__startswith=key) | Q(also__contains=[key])).order_by("-population", "label")[
        :MOST
    ]
    return _narrowed(found, text)[:limit]


def place_named(text: str) -> Place | list[Place]:
    """The one place that the text names, or those that it may mean.

    A full label names its place; a name that only one place has, or a country, does too.
    """
    key = fold(text.partition(",")[0])[:120]
    named = list(
        Place.objects.filter(Q(key=key) | Q(also__contains=[key])).order_by("-population", "label")[:MOST]
        if key
        else []
    )
    wanted = fold(text)
    exact = [place for place in named if fold(place.label) == wanted]
    if exact:
        return exact[0]
    narrowed = _narrowed(named, text)
    if len(narrowed) == 1:
        return narrowed[0]
    return (narrowed or find_places(text))[:OFFERED]


def _narrowed(places: "Iterable[Place]", text: str) -> list[Place]:
    """Those whose label holds every part of the text that follows its first comma."""
    parts = [fold(part) for part in text.split(",")[1:]]
    return [place for place in places if all(part in fold(place.label) for part in parts)]


def find_tags(text: str, limit: int = OFFERED) -> list[str]:
    """The tags that begin with the text, in order of the alphabet."""
    key = " ".join(text.casefold().split())[:50]
    if not key:
        return []
    return list(Tag.objects.filter(name__istartswith=key).order_by("name").values_list("name", flat=True)[:limit])
