"""A question in words, as people type it, made into one that PostgreSQL never refuses."""

import re
from itertools import islice

from knowledge.words.plain import words_of

WORDS_MOST = 40  # of one question; what follows is not asked
CHARACTERS_MOST = 1_000

# Of a text that `question_of` made: as it stands, or by its stems in English
ASKED = "(to_tsquery('simple', {0}) || to_tsquery('english', {0}))"

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
_TERM = re.compile(r'(-*)(?:"([^"]*)"?|([^\s"]+))')


def question_of(typed: str) -> str:
    """Return what was typed in the language of `to_tsquery`; "" where it asks for nothing that could be found.

    Quotes make a phrase, as dashes and points within a word do; `-` before a word or a phrase leaves out what has it; `or`
    between two parts finds what has either. Everything else that is no letter and no figure says nothing. Its brackets are two
    deep at the most, and it has at most `WORDS_MOST` words.
    """
    left = WORDS_MOST
    parts: list[dict[str, None]] = [{}]  # joined by "or": the terms of each, every one once
    either = ""
    for dashes, phrase, word in _TERM.findall(typed[:CHARACTERS_MOST].translate(_QUOTES)):
        if word.lower() == "or" and not dashes and parts[-1]:
            either = either or word
            continue
        term = list(islice(words_of(phrase or word), left))
        if not term:
            continue
        if either:
            parts.append({})
            either = ""
        left -= len(term)
        parts[-1][f"{'!' if dashes else ''}'{' '.join(term)}'"] = None
    if either and left:
        parts[-1][f"'{either}'"] = None  # nothing follows, so it is a word
    return " | ".join(f"({' & '.join(part)})" for part in parts if part)
