"""Words in an address: the one function that makes them, with a last resort where the words hold nothing that an address takes."""

from django.utils.text import slugify


def slug_of(words: str, *, limit: int, fallback: str, allow_unicode: bool = False) -> str:
    """Return these words as a part of an address: at most `limit` characters, and never empty.

    Letters outside a to z lose their accents or are left out, unless `allow_unicode`. Where nothing is left (a picture of a
    house, a question mark, a name in another script) the answer is `fallback`. Whether another thing has the same is asked
    by the caller.
    """
    # Cut first: compatibility letters can become eighteen others each. Cut again, since they do.
    slug = slugify(words[: 4 * limit], allow_unicode=allow_unicode)[:limit].strip("-_")
    return slug or fallback
