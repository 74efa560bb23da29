import re

import pytest

from knowledge.topics.gazetteer import PlaceRow, fold, places


@pytest.fixture(scope="module")
def rows() -> list[PlaceRow]:
    return list(places())


@pytest.fixture(scope="module")
def by_code(rows) -> dict[str, PlaceRow]:
    return {row.code: row for row in rows}


def test_counts(rows):
    kinds = [row.kind for row in rows]
    assert (kinds.count("country"), kinds.count("region"), kinds.count("city")) == (250, 51, 34_006)


def test_codes_and_addresses_are_each_unique(rows):
    assert len({row.code for row in rows}) == len({row.slug for row in rows}) == len(rows)


def test_every_parent_was_read_before_its_parts(rows):
    seen = {""}
    for row in rows:
        assert row.parent in seen, row
        assert (row.parent == "") == (row.kind == "country")
        seen.add(row.code)


def test_everything_fits_its_column(rows):
    for row in rows:
        assert 0 < len(row.name) <= 120
        assert 0 < len(row.label) <= 300
        assert len(row.code) <= 24
        assert len(row.slug) <= 120
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.slug)
        assert row.key == fold(row.name) != ""
        assert row.population >= 0


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("KE", ("country", "", "kenya", "Kenya")),
        ("NL", ("country", "", "netherlands", "Netherlands")),
        ("US-MD", ("region", "US", "maryland-united-states", "Maryland, United States")),
        ("geonames:4347778", ("city", "US-MD", "baltimore-united-states", "Baltimore, Maryland, United States")),
        ("geonames:2644688", ("city", "GB", "leeds-united-kingdom", "Leeds, United Kingdom")),
        ("geonames:3390760", ("city", "BR", "recife-brazil", "Recife, Brazil")),
        ("geonames:184745", ("city", "KE", "nairobi-kenya", "Nairobi, Kenya")),
        ("geonames:5969782", ("city", "CA", "hamilton-canada", "Hamilton, Canada")),
    ],
)
def test_a_place_keeps_its_code_and_address(by_code, code, found):
    row = by_code[code]
    assert (row.kind, row.parent, row.slug, row.label) == found


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("geonames:5746545", "portland-oregon-united-states"),
        ("geonames:4975802", "portland-maine-united-states"),
        ("geonames:4140963", "washington-district-of-columbia-united-states"),  # the state is washington-united-states
        ("geonames:1886760", "suzhou-china"),  # the larger of two in one country
        ("geonames:1793743", "suzhou-china-1793743"),
    ],
)
def test_namesakes_are_told_apart(by_code, code, slug):
    assert by_code[code].slug == slug


def test_two_readings_are_alike(rows):
    assert list(places()) == rows


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("São João-del-Rei", "sao joao del rei"),
        ("Łódź", "lodz"),
        ("Sana’a", "sanaa"),
        ("GROẞRÖHRSDORF", "grossrohrsdorf"),
        ("Iğdır, İstanbul", "igdir istanbul"),
        ("  New   York ", "new york"),
        ("東京", ""),
    ],
)
def test_fold(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("code", "other"), [("geonames:2867714", "munchen"), ("geonames:703448", "kiev"), ("geonames:2886242", "cologne")]
)
def test_larger_cities_are_found_by_other_names(by_code, code, other):
    assert other in by_code[code].also_key
