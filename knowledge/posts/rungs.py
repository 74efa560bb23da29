from django.db import models


class Rung(models.IntegerChoices):
    """The maturity ladder. A post stands on one rung, and earns it by its record."""

    HUNCH = 1, "Hunch"
    EMERGING = 2, "Emerging approach"
    VETTED = 3, "Vetted finding"

    @property
    def slug(self) -> str:
        """The rung's word in addresses and in the stylesheet."""
        return SLUGS[self]

    @property
    def meaning(self) -> str:
        """What the rung says of a learning, in half a sentence."""
        return MEANINGS[self]


SLUGS = {Rung.HUNCH: "hunch", Rung.EMERGING: "emerging", Rung.VETTED: "vetted"}
MEANINGS = {
    Rung.HUNCH: "Something we are seeing, or suspect.",
    Rung.EMERGING: "Tried somewhere, with early signals.",
    Rung.VETTED: "Tested, and looked at by people with nothing to gain.",
}
RUNG_OF = {slug: rung for rung, slug in SLUGS.items()}


def missing_case(case: dict[str, str]) -> dict[str, str]:
    """What an emerging approach's case still lacks: field of the version -> what to add, in words for the author."""
    wanted = {
        "tried": "Say what was tried.",
        "where_since": "Say where, and since when.",
        "seen": "Say in a sentence what was seen.",
        "seen_source": "Add a link to what was seen, or name its source.",
        "change_mind": "Say what would change your mind.",
    }
    return {field: words for field, words in wanted.items() if not case.get(field, "").strip()}


CASE_FIELDS = ("tried", "where_since", "seen", "seen_source", "change_mind")
