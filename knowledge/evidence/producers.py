"""Who produced a piece of evidence: the publishing organization itself, or somebody outside it. Nobody ticks that."""

import re
import unicodedata
from collections.abc import Iterable

# Words that organizations carry or leave off, whoever writes their name
FORMS = frozenset({"the", "inc", "ltd", "llc", "gmbh", "e", "v", "ev", "and"})


def is_outside(producer: str, insiders: Iterable[str]) -> bool:
    """Whether a producer is none of these: the publishing organization's name, and the names of its members.

    "The Harbor-Street Housing Desk, Inc." is "Harbor Street Housing Desk": case, accents, marks and legal forms do not
    count. A name that begins with an insider's is an insider ("Harbor Street Housing Desk, research team").
    """
    words = _words(producer)
    return all(not own or words[: len(own)] != own for own in map(_words, insiders))


def _words(name: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    found = re.findall(r"\w+", plain)
    return [word for word in found if word not in FORMS] or found
