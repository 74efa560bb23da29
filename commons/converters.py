"""What a number in an address may be, in which forms there are feeds, and which part of an address is a secret."""

from django.urls.converters import REGISTERED_CONVERTERS, StringConverter, register_converter

NUMBER_MOST = 10**18 - 1  # a 64-bit column holds it, and what is added to it


def parse_number(text: object, *, most: int = NUMBER_MOST) -> int | None:
    """Return the whole number that stands in an address, a form's hidden field or a header; None for what is none.

    Takes the figures 0 to 9 alone (`str.isdigit` knows "²", and `int` other scripts' figures), and no number above `most`.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None


class Number:
    """A whole number that a 64-bit column can hold: a longer run of figures is no address of ours (404), not a fault."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class FeedForm:
    """The form of a feed, which its address ends with."""

    regex = "atom|rss|json"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Secret(StringConverter):
    """A part of an address that lets whoever knows it in. No log says it, no search engine keeps it, no link passes it on."""


def is_secret(route: str) -> bool:
    """Return whether an address of this route holds a secret."""
    return "<secret:" in route


def register() -> None:
    """Make the converters known to routes, by their names. Twice is once."""
    known: dict[str, type[Number | FeedForm | Secret]] = {"number": Number, "form": FeedForm, "secret": Secret}
    for name, converter in known.items():
        if name not in REGISTERED_CONVERTERS:
            register_converter(converter, name)
