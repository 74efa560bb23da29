"""What search may find a thing by: written by the verb that writes the thing, in its transaction."""

from django.db import connection

# PostgreSQL's own dictionaries; what is written in another language is found by its words as they stand.
DICTIONARIES = {
    "ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french", "hi": "hindi", "id": "indonesian",
    "it": "italian", "nl": "dutch", "pt": "portuguese", "tr": "turkish",
}  # fmt: skip


def put(kind: str, object_id: int, *, title: str, summary: str = "", text: str = "", language: str = "en") -> None:
    """Make a thing findable by these words, title before summary before text, in place of what it was found by.

    Each word is kept as it stands and as its stem in the thing's language. At most the first 100,000 characters of
    `text` are kept: PostgreSQL's limit for one row of words is 1 MB.
    """
    dictionary = DICTIONARIES.get(language, "simple")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_words (kind, object_id, vector) VALUES (%s, %s,"
            " setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector(%s::regconfig, %s), 'A')"
            " || setweight(to_tsvector('simple', %s), 'B') || setweight(to_tsvector(%s::regconfig, %s), 'B')"
            " || setweight(to_tsvector('simple', %s), 'D') || setweight(to_tsvector(%s::regconfig, %s), 'D'))"
            " ON CONFLICT (kind, object_id) DO UPDATE SET vector = EXCLUDED.vector",
            [kind, object_id, title, dictionary, title, summary, dictionary, summary, *_text(dictionary, text)],
        )


def _text(dictionary: str, text: str) -> tuple[str, str, str]:
    return text[:100_000], dictionary, text[:100_000]


def drop(kind: str, object_id: int) -> None:
    """Let a thing be found no more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM knowledge_words WHERE kind = %s AND object_id = %s", [kind, object_id])
