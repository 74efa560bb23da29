"""Says what a start is doing, one line a step, with the seconds it took. Nothing here imports Django."""

import contextlib
import signal
import time
from collections.abc import Iterator


class Refused(Exception):
    """The commons cannot start; the message is one sentence for whoever started it."""


def say(text: str = "", end: str = "\n") -> None:
    """Print at once. A terminal that went away is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end=end, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done now, and, once it is done, how long it took."""
    since = time.monotonic()
    say(f"{what} … ", end="")
    try:
        yield
    except BaseException:
        say()
        raise
    say(f"{time.monotonic() - since:.1f} s")


def ending_in_words(code: int) -> str:
    """Return how a process ended: the signal that killed it (-9: SIGKILL), or its exit code."""
    return signal.Signals(-code).name if code < 0 else f"code {code}"
