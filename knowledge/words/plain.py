"""Plain words: what search reads of a text, and of a question. Both are cut into words here, so that they are cut alike.

PostgreSQL's own parser looks for tags, addresses and numbers in a text, and on what nobody would write it looks for minutes. It is
given letters and figures with spaces between, in bounds that keep any text within its limits for one row (1 MB, 16,383 places,
2 KB a word).
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

WORDS_MOST = 15_000  # of one text
BYTES_MOST = (
    250_000  # of one text, in UTF-8: each word may stand in its row twice, and some letters grow when made small
)
LONGEST = 60  # characters; a longer word, or a line of a script without spaces, is several

_MARKS = "".join(letter for letter in map(chr, range(0x300, 0x1F000)) if unicodedata.category(letter).startswith("M"))
_WORD = re.compile(rf"[^\W_]+(?:[{_MARKS}]+[^\W_]*)*")
_SOFT_HYPHEN = "\u00ad"


def words_of(text: str) -> Iterator[str]:
    """Give the words of a text in their order: runs of letters, figures and the marks on them, each of at most `LONGEST`."""
    for word in _WORD.finditer(text.replace(_SOFT_HYPHEN, "")):
        for start in range(word.start(), word.end(), LONGEST):
            yield word.string[start : min(start + LONGEST, word.end())]


def plain(text: str) -> str:
    """Return a text's words with a space between each: the first `WORDS_MOST` of them, in at most `BYTES_MOST` bytes."""
    line = " ".join(islice(words_of(text), WORDS_MOST)).encode("utf-8", "ignore")
    if len(line) > BYTES_MOST:
        line = line[:BYTES_MOST].rpartition(b" ")[0]
    return line.decode()
