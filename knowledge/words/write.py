"""What search may find a thing by: written by the verb that writes the thing, in its transaction."""

from django.db import connection

from knowledge.words.plain import plain

# PostgreSQL's own dictionaries; what is written in another language is found by its words as they stand.
DICTIONARIES = {
    "ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french", "hi": "hindi", "id": "indonesian",
    "it": "italian", "nl": "dutch", "pt": "portuguese", "tr": "turkish",
}  # fmt: skip


def put(kind: str, object_id: int, *, title: str, summary: str = "", text: str = "", language: str = "en") -> None:
    """Make a thing findable by these words, title before summary before text, in place of what it was found by.

    Each word is kept as it stands and as its stem in the thing's language. Of a very long text the first words are kept (see
    `plain`). Twice is once.
    """
    dictionary = DICTIONARIES.get(language, "simple")
    weighed = zip("ABD", map(plain, (title, summary, text)), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_words (kind, object_id, vector) VALUES (%s, %s,"
            " setweight(to_tsvector('simple', %s), %s) || setweight(to_tsvector(%s::regconfig, %s), %s)"
            " || setweight(to_tsvector('simple', %s), %s) || setweight(to_tsvector(%s::regconfig, %s), %s)"
            " || setweight(to_tsvector('simple', %s), %s) || setweight(to_tsvector(%s::regconfig, %s), %s))"
            " ON CONFLICT (kind, object_id) DO UPDATE SET vector = EXCLUDED.vector",
            [
                kind,
                object_id,
                *(value for weight, words in weighed for value in (words, weight, dictionary, words, weight)),
            ],
        )


def drop(kind: str, object_id: int) -> None:
    """Let a thing be found no more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM knowledge_words WHERE kind = %s AND object_id = %s", [kind, object_id])
