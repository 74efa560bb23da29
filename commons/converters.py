"""What a number in an address may be, and in which forms there are feeds."""


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
