"""Whole numbers that come from outside: one way to read them, for whoever gets one. Nothing here imports Django."""

NUMBER_MOST = 10**18 - 1  # a 64-bit column holds it, and what is added to it


def parse_number(text: object, *, most: int = NUMBER_MOST) -> int | None:
    """Return the whole number that stands in an address, a hidden field, a header or a document; None for what is none.

    Takes the figures 0 to 9 alone (`str.isdigit` knows "²", and `int` other scripts' figures), and no number above `most`.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None
