"""What hostile text costs: the words of a post put into its row, two versions compared, and Markdown, each at its largest.

    DATABASE_URL=postgres://... python -m bench.crowded

Prints milliseconds, the slowest first: of the database for rows of words, in a transaction that is rolled back; of the processor
for comparisons. None may be over a second. The database is that of a commons that was started once. For Markdown see
`bench.markup`.
"""

import os
import time
from itertools import cycle, islice

import django

SIZE = 200_000
PIECES = {
    "comments": "<!--",
    "angle brackets": "<",
    "tags": "<a href=",
    "entities": "&amp;",
    "ampersands": "&",
    "at signs": "@",
    "mail addresses": "a@b.example ",
    "slashes": "/a",
    "dashes": "-",
    "words and dashes": "a-",
    "figures with points": "1.2.",
    "addresses": "https://a.example/b?c=d ",
    "wide letters": "漢",
    "letters of four bytes": "\U00020000",
    "marks": "a\u0323\u0301",
    "ordinary": "We kept losing apartments in the nine days between the viewing and the cheque. ",
}


def crowded(piece: str) -> str:
    return (piece * (SIZE // len(piece) + 1))[:SIZE]


def texts() -> dict[str, str]:
    numbered = {
        "many words": " ".join(map(str, range(SIZE)))[:SIZE],
        "many words of four bytes": " ".join(chr(0x20000 + number) for number in range(40_000)),
        "few words in any order": " ".join(islice(cycle("abaabbbabaaab"), SIZE // 2)),
        "paragraphs": "\n\n".join(map(str, range(SIZE)))[:SIZE],
        "items": "- a\n" * (SIZE // 4),
        "punctuation": ".!" * (SIZE // 2),
    }
    return {name: crowded(piece) for name, piece in PIECES.items()} | numbered


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
    django.setup()
    from django.db import transaction

    from knowledge.posts.compare import compare
    from knowledge.posts.models import Version
    from knowledge.words.write import put

    taken = []
    for name, text in texts().items():
        with transaction.atomic():
            since = time.monotonic()
            put("bench", 1, title=text[:160], summary=text[:300], text=text, language="en")
            taken.append((time.monotonic() - since, f"words of: {name}"))
            transaction.set_rollback(True)
        for other, after in (("itself backwards", text[::-1]), ("other words", "x " * (SIZE // 2))):
            versions = (Version(title="", issue_area_ids=[], language="en", body=body) for body in (text, after))
            since = time.process_time()
            _ = compare(*versions).summary
            taken.append((time.process_time() - since, f"compared: {name} with {other}"))
    for seconds, name in sorted(taken, reverse=True):
        print(f"{seconds * 1000:7.0f} ms  {name}")


if __name__ == "__main__":
    main()
