"""Words as people type them: the database refuses none, and a text is found by the words it has."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commons import gate
from knowledge.search.question import ASKED, WORDS_MOST, question_of
from knowledge.words import plain as limits
from knowledge.words.models import Words
from knowledge.words.plain import plain, words_of
from knowledge.words.write import put
from tests.make import make_post
from tests.search.test_search import titles

HOSTILE = {
    "dashes": "-" * 200,
    "dashes apart": "- " * 100,
    "dashes and a word": "-" * 199 + "a",
    "nots": "-a " * 66,
    "nots of phrases": '-"a b" ' * 30,
    "brackets": "(" * 200,
    "brackets closed": "(" * 100 + ")" * 100,
    "quotes": '"' * 199,
    "single quotes": "'" * 200,
    "open quote": '"a b c',
    "odd quotes": "“a „b «c",
    "or": "or " * 66,
    "a or": "a or " * 40,
    "and": "a & b | !c <-> d <2> e :* :A",
    "backslashes": "\\" * 200,
    "backslash and quote": "\\'" * 100,
    "exclamation marks": "!" * 200,
    "stars": "a:* b:* *",
    "a long word": "x" * 200,
    "a long word in four bytes": "\U00020000" * 200,
    "marks": "a" + "\u0301" * 30 + " \u0301",
    "comments": "<!--" * 50,
    "tags": "<a href=" * 25,
    "half tags": "</" * 100,
    "addresses": "https://a.example/" * 11,
    "mail addresses": "a@b." * 50,
    "numbers": "1.2." * 50,
    "exponents": "1e9-1e-9.e" * 20,
    "stop words": "the of and a to",
    "a stop word": "-the",
    "right to left": "\u202eשלום\u202c",
    "not joined": "a\u200db\u200cc\u00add",
}


@pytest.mark.parametrize("typed", HOSTILE.values(), ids=list(HOSTILE))
def test_no_words_are_a_fault_wherever_one_searches(client, alice, typed):
    make_post(alice)
    for path in ("/search/", "/search/feed.atom", "/search/feed.rss", "/search/feed.json", "/subscribe/search/"):
        assert client.get(path, {"q": typed}).status_code == 200, path
        assert client.get(path, {"q": typed, "rung": "hunch"}).status_code == 200, path


def accepted(question: str) -> bool:
    """Whether the database takes a question; what it finds is another matter."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_tsvector('simple', 'a') @@ {ASKED.format('%s')}", [question, question])
        return cursor.fetchone()[0] is not None


@given(
    st.text(alphabet=st.sampled_from(list("-!&|()'\"\\:*<>@./ ora1éẞ漢\u0301\u0915\u0947\U0001d7d9²")), max_size=200)
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_refuses_no_question(db, typed):
    question = question_of(typed)
    assert not question or accepted(question)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_can_type_can_be_asked_and_be_found_by(db, typed):
    typed = "".join(letter for letter in typed if not gate._REFUSED.match(letter))
    question = question_of(typed)
    assert not question or accepted(question)
    put("post", 1, title=typed, summary=typed, text=typed, language="tr")


def test_a_question_has_bounds():
    assert len(question_of("a" * 10_000)) < 1_100
    assert len(list(words_of(question_of(" ".join(map(str, range(10_000))))))) == WORDS_MOST


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("deposits paid", "('deposits' & 'paid')"),
        ('"night shift" -early', "('night shift' & !'early')"),
        ("„night shift“", "('night shift')"),
        ("landlord OR buses trams", "('landlord') | ('buses' & 'trams')"),
        ("or", "('or')"),
        ("deposits or", "('deposits' & 'or')"),
        ("covid-19", "('covid 19')"),
        ("--a", "(!'a')"),
        ("a a A", "('a' & 'A')"),
        ("----", ""),
        ("", ""),
    ],
)
def test_how_words_are_read(typed, question):
    assert question_of(typed) == question


# What a text is found by


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Since covid-19 rents rose.", "covid-19"),
        ("Since covid-19 rents rose.", "covid 19"),
        ("Well-being counts.", "well-being"),
        ("Well-being counts.", "wellbeing or well"),
        ("See https://notes.example/a_b.html?x=1.", "notes.example"),
        ("See https://notes.example/a_b.html?x=1.", "https://notes.example/a_b.html?x=1"),
        ("Write to rosa@people.example.", "rosa@people.example"),
        ("It cost $2,000.50.", "2,000.50"),
        ("O'Brien said so.", "o'brien"),
        ("Version 1.2.3-rc1", "1.2.3-rc1"),
        ("किराया और मकान", "किराया"),
        ("das Mietverhältnis", "MIETVERHÄLTNIS"),
        ("a <!-- b --> c", '"b c"'),
        ("漢" * 150, "漢" * 150),
        ("Donau" * 30, "donau" * 30),
    ],
)
def test_a_text_is_found_by_the_words_it_has(client, alice, text, typed):
    make_post(alice, "Found", body=text)
    make_post(alice, "Another", body="Nothing of the kind.")
    assert titles(client, f"q={_quoted(typed)}") == ["Found"]


def _quoted(typed: str) -> str:
    from urllib.parse import quote

    return quote(typed)


FULL = gate.BODY
TEXTS = {
    "comments": "<!--" * (FULL // 4),
    "angle brackets": "<" * FULL,
    "tags": "<a " * (FULL // 3),
    "entities": "&amp;" * (FULL // 5),
    "at signs": "a@" * (FULL // 2),
    "slashes": "/a" * (FULL // 2),
    "dashes": "a-" * (FULL // 2),
    "figures with points": "1." * (FULL // 2),
    "addresses": "https://a.example/b?c=d " * (FULL // 24),
    "one word": "a" * FULL,
    "one word of four bytes": "\U00020000" * FULL,
    "many words": " ".join(map(str, range(100_000)))[:FULL],
    "many words of four bytes": " ".join(chr(0x20000 + number) for number in range(40_000)),
    "long words that grow": " ".join("Ⱥ" * 50 + str(number) for number in range(4_000))[:FULL],
    "marks": "a\u0323\u0301" * (FULL // 3),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
@pytest.mark.parametrize("language", ["en", "tr", "hi", "zh"])
def test_a_row_of_words_keeps_within_what_the_database_takes(db, text, language):
    words = plain(text)
    assert len(words.encode()) <= limits.BYTES_MOST
    assert words.count(" ") < limits.WORDS_MOST
    assert all(len(word) <= limits.LONGEST for word in words.split(" "))
    assert set("<>&@/-.;:!") & set(words) == set()
    put("post", 1, title=text, summary=text, text=text, language=language)
    assert Words.objects.get(kind="post", object_id=1).vector is not None
