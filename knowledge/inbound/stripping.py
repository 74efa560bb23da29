"""A program of its own that tells what somebody wrote in a mail from what they quote, and from their signature.

It reads {"text", "html", "whole"} as JSON, and writes {"text"}. A library does it, by many expressions that search; on what
nobody would write they search for hours. So it runs apart, and is ended when it takes too long (`writing.py`).
"""

import json
import sys

from email_reply_extractor import clean_for_scoring, extract_new_text, html_to_text, split_html_parts


def main() -> None:
    asked = json.load(sys.stdin)
    text, html = asked["text"], asked["html"]
    if asked["whole"]:
        written = text if text.strip() else html_to_text(html)
    else:
        new = extract_new_text(text or None, html_body=html or None).text
        signed = split_html_parts(html).signature_text if html else None
        # A mail of nothing but a greeting is still something said
        written = clean_for_scoring(new, html_signature_text=signed).text.strip() or new
    json.dump({"text": written}, sys.stdout)


if __name__ == "__main__":
    main()
