"""What somebody wrote in a mail: without what they quote, and without their signature, as plain text."""

import re
import tempfile

from commons import apart
from knowledge.inbound.reading import UNREADABLE, NoText

SECONDS = 1  # of processor time; what people write takes a fifth of it, its program's start included
_SIGNATURE = re.compile(r"^-- ?$.*\Z", re.MULTILINE | re.DOTALL)  # RFC 3676, 4.3; some programs drop the last space


def newly_written(text: str, html: str, *, whole: bool = False) -> str:
    """Return what is new in a mail that has this text, or, where it has none, this HTML.

    With `whole`, everything but the signature: what is passed on belongs to it then. Raises NoText when it takes too much, and
    what `apart.run` raises for a program that was interrupted: then the mail is to be received another time.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            answer = apart.run(
                "knowledge.inbound.stripping", folder, seconds=SECONDS, text=text, html=html, whole=whole
            )
        except apart.Failed:
            raise NoText(UNREADABLE) from None
    return _SIGNATURE.sub("", answer["text"]).strip()
