"""A program of its own that tells what somebody wrote in a mail from what they quote, and from their signature.

A library does it, by many expressions that search; on what nobody would write they search for hours. So it runs apart, and is
ended when it takes too much (`writing.py`).
"""

from typing import Any

from email_reply_extractor import clean_for_scoring, extract_new_text, html_to_text, split_html_parts

from commons import apart


def main(text: str, html: str, whole: bool) -> dict[str, Any]:
    """Return what is new in a mail as `text`; with `whole`, all that it says."""
    if whole:
        return {"text": text if text.strip() else html_to_text(html)}
    new = extract_new_text(text or None, html_body=html or None).text
    signed = split_html_parts(html).signature_text if html else None
    # A mail of nothing but a greeting is still something said
    return {"text": clean_for_scoring(new, html_signature_text=signed).text.strip() or new}


if __name__ == "__main__":
    apart.serve(main)
