"""Something to be done where another thing takes too long, for calls that keep no deadline of their own."""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def alarm(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do `act` in another thread, where what is within this takes longer than so many seconds."""
    timer = threading.Timer(max(seconds, 0), act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
