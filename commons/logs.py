"""What must not stand in a log: the key of a private feed, which is part of its address."""

import logging
import re

KEYS = re.compile(r"(/feeds/)[^/\s]+")


class WithoutKeys(logging.Filter):
    """Takes the keys out of what is logged of addresses: that one was not found, or that a page failed."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if "/feeds/" in said:
            record.msg, record.args = KEYS.sub(r"\1…", said), ()
        return True
