"""What a number in an address may be."""


class Number:
    """A whole number that a 64-bit column can hold: a longer run of figures is no address of ours (404), not a fault."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)
