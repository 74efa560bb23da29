"""Numbers as they stand in addresses, in hidden fields and in headers."""

import pytest

from commons.numbers import NUMBER_MOST, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        (str(NUMBER_MOST), NUMBER_MOST),
        (str(NUMBER_MOST + 1), None),
        ("9" * 5_000, None),  # int() raises for as many
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("1_0", None),
        ("1.0", None),
        ("²", None),
        ("٣", None),
        (None, None),
        (7, None),
    ],
)
def test_a_number_is_figures_alone(text, number):
    assert parse_number(text) == number


def test_a_number_may_have_a_bound_of_its_own():
    assert [parse_number(text, most=99) for text in ("99", "100", "0099")] == [99, None, None]
