"""The gate: what people type is kept as they meant it, or refused in a sentence that says where the trouble stands."""

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from commons.gate import Line, Refused, Text, is_blank, passed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  A title  ", "A title"),
        ("two\nlines", "two lines"),
        ("tab\tand  spaces", "tab and spaces"),
        ("Cafe\u0301", "Café"),
        ("\u200b \u2060", ""),
        ("\ufeff", ""),
        ("", ""),
        ("👩\u200d🌾 farmer", "👩\u200d🌾 farmer"),
    ],
)
def test_a_line_is_kept_tidily(typed, kept):
    assert passed(typed, limit=160, lines=False) == kept


def test_a_text_keeps_its_lines():
    assert passed("\r\none\r\n\r\n  two\rthree\n", limit=100, lines=True) == "one\n\n  two\nthree"


@pytest.mark.parametrize(
    "odd",
    ["\x00", "\x07", "\x0c", "\x1b", "\x7f", "\x85", "\ud800", "\ufffe", "\uffff", "\U0001ffff", "\ufdd0"],
)
@pytest.mark.parametrize("lines", [True, False])
def test_a_character_that_cannot_be_shown_is_refused_and_named(odd, lines):
    with pytest.raises(Refused, match="after “the rest of the word”") as refused:
        passed(f"the rest of the word{odd} and on", limit=100, lines=lines)
    assert f"U+{ord(odd):04X}" in refused.value.message


def test_a_line_that_reads_otherwise_than_it_is_written_is_refused():
    with pytest.raises(Refused, match="turns the text around"):
        passed("abc\u202egnp.exe", limit=100, lines=False)


def test_too_many_marks_on_one_letter_are_refused():
    assert passed("o" + "\u0301" * 20, limit=100, lines=True)
    with pytest.raises(Refused, match="marks on one letter"):
        passed("o" + "\u0301" * 40, limit=100, lines=True)


def test_a_text_too_long_says_by_how_much():
    assert passed("x" * 160, limit=160, lines=False) == "x" * 160
    with pytest.raises(Refused) as refused:
        passed("x" * 165, limit=160, lines=False, what="a title")
    assert refused.value.message == "This is 165 characters; a title holds 160. Cut 5."


def test_the_length_is_that_of_what_is_kept():
    assert passed("e\u0301" * 160 + "   ", limit=160, lines=False) == "é" * 160


@given(st.text(max_size=200))
def test_what_passed_passes_again_unchanged(typed):
    for lines in (True, False):
        try:
            kept = passed(typed, limit=300, lines=lines)
        except Refused:
            continue
        assert passed(kept, limit=300, lines=lines) == kept
        assert kept.encode("utf-8").decode() == kept
        assert not is_blank(kept) or kept == ""


def test_form_fields_pass_the_gate():
    class Form(forms.Form):
        title = Line(limit=10, what="a title")
        body = Text(limit=20, required=False)

    good = Form({"title": " a\tb ", "body": "x\r\ny "})
    assert good.is_valid()
    assert good.cleaned_data == {"title": "a b", "body": "x\ny"}
    bad = Form({"title": "\u200b", "body": "a\x00b"})
    assert not bad.is_valid()
    assert bad.errors["title"] == ["This field is required."]
    assert "U+0000" in bad.errors["body"][0]
    assert "maxlength" not in str(bad)
