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


class Standing(models.IntegerChoices):
    """Where a post stands, as lists and their filters show it: set aside, or on its rung. Set aside is not a rung."""

    ASIDE = 0, "Set aside"
    HUNCH = Rung.HUNCH.value, Rung.HUNCH.label
    EMERGING = Rung.EMERGING.value, Rung.EMERGING.label
    VETTED = Rung.VETTED.value, Rung.VETTED.label

    @property
    def slug(self) -> str:
        """The standing's word in addresses and in the stylesheet."""
        return SLUGS[self]

    @property
    def meaning(self) -> str:
        """What it says of a learning, in half a sentence."""
        return MEANINGS[self]

    @property
    def icon(self) -> str:
        """The name of its glyph."""
        return f"rung-{self.slug}"


SLUGS: dict[int, str] = {Standing.ASIDE: "aside", Rung.HUNCH: "hunch", Rung.EMERGING: "emerging", Rung.VETTED: "vetted"}
MEANINGS: dict[int, str] = {
    Standing.ASIDE: "It did not hold up. What was learned stays.",
    Rung.HUNCH: "Something we are seeing, or suspect.",
    Rung.EMERGING: "Tried somewhere, with early signals.",
    Rung.VETTED: "Tested, and looked at by people with nothing to gain.",
}
RUNG_OF = {rung.slug: rung for rung in Rung}
STANDING_OF = {standing.slug: standing for standing in Standing}

# The parts of a case that the author writes; its fourth part, what was seen, are the post's pieces of evidence
CASE_FIELDS = ("tried", "where_since", "change_mind")


def missing_case(case: dict[str, str]) -> dict[str, str]:
    """What an emerging approach's case still lacks: field of the version -> what to add, in words for the author."""
    wanted = {
        "tried": "Say what was tried.",
        "where_since": "Say where, and since when.",
        "change_mind": "Say what would change your mind.",
    }
    return {field: words for field, words in wanted.items() if not case.get(field, "").strip()}
