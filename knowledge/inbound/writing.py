"""What somebody wrote in a mail: without what they quote, and without their signature, as plain text."""

import json
import re
import subprocess
import sys
from pathlib import Path

from knowledge.inbound.reading import UNREADABLE, NoText

PROGRAM = Path(__file__).with_name("stripping.py")
SECONDS = 5.0  # then it is given up; what people write takes a tenth of one
_SIGNATURE = re.compile(r"^-- ?$.*\Z", re.MULTILINE | re.DOTALL)  # RFC 3676, 4.3; some programs drop the last space


def newly_written(text: str, html: str, *, whole: bool = False) -> str:
    """What is new in a mail that has this text, or, where it has none, this HTML. Raises NoText when it takes too long.

    With `whole`, everything but the signature: what is passed on belongs to it then.
    """
    asked = json.dumps({"text": text, "html": html, "whole": whole})
    try:
        done = subprocess.run(  # noqa: S603 - our own program, with nothing of the mail among its arguments
            [sys.executable, "-I", str(PROGRAM)],
            input=asked,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise NoText(UNREADABLE) from None
    return _SIGNATURE.sub("", json.loads(done.stdout)["text"]).strip()
