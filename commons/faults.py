"""When the database fails: a clear page at once that says what is true, and no trace of it once it is back."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from commons import keeping
from commons.db.base import database
from commons.db.errors import Fault, fault_of, is_out_of_room

log = logging.getLogger(__name__)

RETRY_AFTER = 10  # seconds


class Words(NamedTuple):
    """What a page says of a fault."""

    title: str
    lead: str


WORDS = {
    Fault.LOST: Words("Back in a moment", "The commons cannot reach its memory just now. Try again in a few seconds."),
    Fault.FULL: Words(
        "Nothing can be kept just now",
        "The commons can be read, but it takes nothing in at this moment: its disk is full, or it is being looked after. "
        "Keep a copy of what you wrote, and try again later.",
    ),
    Fault.SLOW: Words(
        "That took too long",
        "The commons gave up after some seconds, so that nobody else is held up. Try again in a moment.",
    ),
    Fault.CONFLICT: Words(
        "Two at the same moment",
        "Somebody changed the same thing at the same moment as you. Try again in a few seconds.",
    ),
}
NOTHING = "Nothing was changed."
UNKNOWN = "We do not know whether it was kept. Send it again: it counts once."
UNKNOWN_UNKEYED = "We do not know whether it was kept. Look first; sending it a second time does no harm."


class DatabaseAway:
    """Answers 503 with Retry-After where the database failed, whichever part of an answer was being made.

    A connection that died while it lay idle is no reason for that: a reading request that meets one is done again, once,
    on a new connection; a writing one, which must not be done twice, asks before it begins whether its own still answers.
    Where two transactions were in each other's way, the one that was taken back is done again, once.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection = database()
        connection.begin()
        reads = is_safe(request)
        if not reads and connection.connection is not None and not connection.is_usable():
            connection.close()
            connection.begin()
        response = self.get_response(request)
        fault = self._fault_in(request, response)
        if fault is Fault.LOST:
            connection.close()
        if (fault is Fault.LOST and reads) or (fault is Fault.CONFLICT and not connection.maybe_kept):
            self._as_it_came(request)
            response = self.get_response(request)
            fault = self._fault_in(request, response)
            if fault is Fault.LOST:
                connection.close()
        return response if fault is None else away(request, fault, maybe_kept=not reads and connection.maybe_kept)

    @staticmethod
    def _fault_in(request: HttpRequest, response: HttpResponse) -> Fault | None:
        """Return the fault for which this answer is an error; None for every other answer.

        Much may stand between the database and here: a template, the queue, a middleware, the page of another error. So it
        is the connection that says whether the database failed.
        """
        met: Fault | None = getattr(request, "fault", None)
        return met or (database().fault if response.status_code == 400 or response.status_code >= 500 else None)

    @staticmethod
    def _as_it_came(request: HttpRequest) -> None:
        """Forget what a first try left on the request."""
        database().begin()
        for name in ("fault", "_cached_user", "_acached_user"):
            request.__dict__.pop(name, None)
        for _, files in request.FILES.lists() if request.method == "POST" else ():
            for file in files:
                file.seek(0)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Take a failed database, or a full disk, for what it is; every other exception goes its way."""
        fault = fault_of(exception) or (Fault.FULL if is_out_of_room(exception) else None)
        return None if fault is None else failed(request, fault, exception)


def failed(request: HttpRequest, fault: Fault, exception: BaseException) -> HttpResponse:
    """Note that a request met a fault, whose page is its answer. Gives what stands for that page further in."""
    log.warning("%s: the database fails (%s): %s", request.path, fault.value, str(exception).strip().partition("\n")[0])
    request.fault = fault  # type: ignore[attr-defined]
    return HttpResponse(status=503)


def is_safe(request: HttpRequest) -> bool:
    """Return whether a request only reads (RFC 9110, 9.2.1)."""
    return request.method in ("GET", "HEAD", "OPTIONS")


def away(request: HttpRequest, fault: Fault = Fault.LOST, *, maybe_kept: bool = False) -> HttpResponse:
    """Return the 503 page of a fault. What was typed comes back in it, to be sent again: nothing of it is lost.

    It says that nothing was changed only where that is certain. A form with a key counts once, however often it is sent.
    """
    ours = request.method == "POST" and keeping.is_ours(request)
    typed = keeping.played_back(request) if ours else []
    outcome = NOTHING
    if maybe_kept:
        outcome = UNKNOWN if request.POST.get("key") else UNKNOWN_UNKEYED
    page = render_to_string(
        "503.html",
        {
            "words": WORDS[fault],
            "outcome": outcome,
            "maybe_kept": maybe_kept,
            "typed": typed,
            "files": list(request.FILES) if ours else [],
            "token": get_token(request) if ours else "",
            "path": request.get_full_path(),
            "page": (keeping.came_from(request) if ours else "") or request.get_full_path(),
        },
    )
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"})
