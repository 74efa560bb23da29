"""How long Markdown takes: an ordinary text, and the worst that 200,000 characters can be made to ask.

    python -m bench.markup

Prints processor milliseconds of `commons.markup.render`, the slowest first. Every document must stay under a second.
"""

import os
import time
from collections.abc import Callable

import django

SIZE = 200_000
ORDINARY = """We kept losing apartments in the nine days between “yes” and the cheque. See [the notes](https://notes.example/a).

## What changed

- The family had the *voucher*, the landlord had **agreed**.
- Then somebody with a bank card came. @rosa saw it too.

| month | moves | days |
|---|--:|--:|
| March | 12 | 6 |

> They paid first.[^1]

[^1]: Said by eleven of fourteen.

"""


def repeated(piece: str, before: str = "", after: str = "") -> str:
    """A document of SIZE characters made of one piece."""
    return before + piece * ((SIZE - len(before) - len(after)) // len(piece)) + after


def nested(opening: str) -> str:
    return "\n".join(opening * depth + "a" for depth in range(1, 10_000))[:SIZE]


DOCUMENTS: dict[str, Callable[[], str]] = {
    "ordinary text": lambda: repeated(ORDINARY),
    "one line": lambda: repeated("a few words "),
    "open brackets": lambda: repeated("["),
    "images": lambda: repeated("!["),
    "brackets and parentheses": lambda: repeated("[a]("),
    "links in links": lambda: repeated("[", after="](a)" * 20_000),
    "stars and words": lambda: repeated("*a "),
    "stars and underscores": lambda: repeated("*a_ "),
    "stars alone": lambda: repeated("*"),
    "three kinds of stars": lambda: repeated("a***b_c__ "),
    "tildes": lambda: repeated("~~a~"),
    "backticks": lambda: "".join("`" * length + "a" for length in range(630))[:SIZE],
    "backticks, same": lambda: repeated("`a"),
    "quotations": lambda: repeated("> "),
    "quotations on lines": lambda: nested(">"),
    "lists on lines": lambda: nested("- "),
    "lists": lambda: repeated("- "),
    "numbered lists": lambda: repeated("1. "),
    "short list": lambda: repeated("-\n"),
    "table, many columns": lambda: repeated("|", before="|a" * 20_000 + "|\n" + "|-" * 20_000 + "|\n"),
    "table, many rows": lambda: repeated("|\n", before="|a" * 500 + "|\n" + "|-" * 500 + "|\n"),
    "table, long row": lambda: repeated("a|", before="|a|b|\n|-|-|\n"),
    "table, wide": lambda: repeated("|" * 1_001 + "\n", before="|a" * 1_000 + "|\n" + "|-" * 1_000 + "|\n"),
    "table, narrow": lambda: repeated("|a|b|\n", before="|a|b|\n|-|-|\n"),
    "table heads that fail": lambda: repeated("a|b\n|-|-|-|\n"),
    "table heads": lambda: repeated("|a|b|\n|-|-|\n\n"),
    "angle brackets": lambda: repeated("<"),
    "half tags": lambda: repeated("<a "),
    "comments": lambda: repeated("<!--"),
    "entities": lambda: repeated("&amp;"),
    "half entities": lambda: repeated("&#"),
    "backslashes": lambda: repeated("\\"),
    "at signs": lambda: repeated("@"),
    "mentions": lambda: repeated("@rosa "),
    "half addresses": lambda: repeated("a@"),
    "mail addresses": lambda: repeated("a@b.example "),
    "letters w": lambda: repeated("w"),
    "www": lambda: repeated("www."),
    "www with parentheses": lambda: repeated(")", before="www.a.example/"),
    "addresses": lambda: repeated("https://a.example "),
    "address with semicolons": lambda: repeated("&a;", before="https://a.example/"),
    "half address scheme": lambda: repeated("http:"),
    "footnote marks": lambda: repeated("[^1]", after="\n\n[^1]: a"),
    "footnotes": lambda: "".join(f"[^{n}]\n\n[^{n}]: a\n\n" for n in range(12_000))[:SIZE],
    "open footnotes": lambda: repeated("[^", after="\n\n[^1]: a"),
    "footnotes in footnotes": lambda: repeated("[^1]: "),
    "references": lambda: "".join(f"[{n}]: /a\n" for n in range(16_000))[:SIZE],
    "open references": lambda: repeated("[a]: "),
    "reference titles": lambda: repeated('\n"', before="[a]: /b "),
    "footnote after footnote": lambda: repeated("[^1]: a\n\n"),
    "strong": lambda: repeated("**a** "),
    "struck": lambda: repeated("~~a~~ "),
    "code": lambda: repeated("`a` "),
    "links": lambda: repeated("[a](b) "),
    "pictures of others": lambda: repeated("![a](b) "),
    "pictures of ours": lambda: repeated("![a](/attachments/1/a-10x10.webp)\n\n"),
    "mail in brackets": lambda: repeated("<a@b.c> "),
    "short names of sites": lambda: repeated("www.a.b "),
    "paragraphs": lambda: repeated("a\n\n"),
    "short quotations": lambda: repeated("> a\n\n"),
    "short items": lambda: repeated("* a\n\n"),
    "short numbers": lambda: repeated("1. a\n"),
    "headings": lambda: repeated("# a\n"),
    "underlines": lambda: repeated("a\n="),
    "rules": lambda: repeated("***\n"),
    "fences": lambda: repeated("```\n"),
    "indented": lambda: repeated("    a\n"),
    "empty lines": lambda: repeated("\n"),
    "spaces": lambda: repeated(" ", before="a", after="b"),
    "line breaks": lambda: repeated("a  \n"),
    "tabs": lambda: repeated("\t"),
    "wide letters": lambda: repeated("漢"),
    "tasks": lambda: repeated("- [ ] a\n"),
    "quotation, lazy": lambda: repeated("> a\nb\n"),
    "mixed openers": lambda: repeated("[*_`~<!"),
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
    django.setup()
    from commons.markup import render

    taken = []
    for name, make in DOCUMENTS.items():
        text = make()[:SIZE]
        since = time.process_time()
        html = render(text).html
        taken.append((time.process_time() - since, name, len(html)))
    for seconds, name, size in sorted(taken, reverse=True):
        print(f"{seconds * 1000:7.0f} ms  {name} ({size:,} characters of HTML)")


if __name__ == "__main__":
    main()
