"""What a number in an address may be, in which forms there are feeds, and which part of an address is a secret."""

from django.urls.converters import REGISTERED_CONVERTERS, StringConverter, register_converter


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
