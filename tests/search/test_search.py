"""The simple search: words, phrases, filters, and what it never shows."""

import pytest
from django.core.management import call_command
from django.db import connection

from knowledge.posts.actions import publish_version, withdraw
from knowledge.posts.rungs import Rung
from tests.make import CASE, area, content, make_post, place


def titles(client, query: str) -> list[str]:
    import re

    html = client.get(f"/search/?{query}").content.decode()
    return re.findall(r'<h[23][^>]*><a href="/posts/\d+/[^"]*"[^>]*>([^<]+)</a>', html)


@pytest.fixture
def three(alice):
    make_post(alice, "Deposits at the viewing", body="A landlord wants the money today.", tags=["cash"])
    make_post(
        alice, "Buses at night", body="The night shift ends at six.", issue_areas=[area("food")], places=[place("KE")]
    )
    make_post(
        alice,
        "Aluguel atrasado",
        body="A água vence antes do aluguel.",
        rung=Rung.EMERGING,
        case=dict.fromkeys(CASE, "Visto."),
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("deposits", ["Deposits at the viewing"]),
        ("DEPOSIT", ["Deposits at the viewing"]),
        ("landlords", ["Deposits at the viewing"]),
        ("cash", ["Deposits at the viewing"]),
        ("aluguel", ["Aluguel atrasado"]),
        ('"night shift"', ["Buses at night"]),
        ('"shift night"', []),
        ("night -shift", []),
        ("landlord or buses", ["Deposits at the viewing", "Buses at night"]),
        ("nothing of the kind", []),
    ],
)
def test_words_find_posts(client, three, words, found):
    assert sorted(titles(client, f"q={words}")) == sorted(found)


def test_filters_narrow_a_search(client, three):
    assert titles(client, "q=night") == titles(client, "q=night&rung=hunch")
    assert titles(client, "q=night&place=kenya") == ["Buses at night"]
    assert titles(client, "q=night&place=brazil") == []
    assert titles(client, "rung=emerging") == ["Aluguel atrasado"]


def test_a_title_counts_more_than_a_body(client, alice):
    make_post(alice, "Something else", body="keys " * 3)
    make_post(alice, "Keys", body="Something else.")
    assert titles(client, "q=keys")[0] == "Keys"


def test_only_the_shown_version_is_searched(client, alice):
    post = make_post(alice, "An old word", body="Obsolete phrase.")
    publish_version(post, content("A new word"), by=alice, note="New.", base=1)
    assert titles(client, "q=obsolete") == []
    assert titles(client, "q=new") == ["A new word"]


def test_a_search_that_finds_nothing_says_what_to_do(client, three):
    html = client.get("/search/?q=unheard").content.decode()
    assert "unheard" in html
    assert 'href="/posts/new/' in html or "fewer" in html.lower()


@pytest.mark.parametrize(
    "q", ["'", '"', "((", "a & b | !", "\\", "%", "<script>alert(1)</script>", "x" * 5000, ":*", "& |", "   "]
)
def test_what_people_type_is_never_a_fault(client, three, q):
    answer = client.get("/search/", {"q": q})
    assert answer.status_code == 200
    assert "<script>alert(1)" not in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["older=1", "older=a-b", "newer=99999999999999999999999-1", "older=1-99999999999999999999", "sort=x"]
)
def test_an_address_that_is_none_gets_a_clear_answer(client, three, query):
    answer = client.get(f"/search/?{query}")
    assert answer.status_code == 400
    assert "first page" in answer.content.decode() or "sorted by" in answer.content.decode()


def test_all_posts_can_be_indexed_anew(client, alice):
    """What an earlier release indexed in its own way is found as what is written today."""
    kept, gone = make_post(alice, "Covid-19 at the desk"), make_post(alice, "Covid-19 at the door")
    withdraw(gone, by=alice)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE knowledge_words SET vector = to_tsvector('simple', 'covid-19')")
    assert titles(client, "q=desk") == []
    call_command("index_posts", verbosity=0)
    assert titles(client, "q=desk") == [kept.title] == titles(client, "q=covid-19")
    assert titles(client, "q=door") == []
