"""When the database goes away: a clear page at once, and no trace of it once it is back."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from commons import keeping

log = logging.getLogger(__name__)

RETRY_AFTER = 10  # seconds


class DatabaseAway:
    """Answers 503 with Retry-After while the database cannot be reached.

    A connection that died while it lay idle is no reason for that: a reading request that meets one is done again, once,
    on a new connection; a writing one, which must not be done twice, asks before it begins whether its own still answers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reads = request.method in ("GET", "HEAD")
        if not reads and connection.connection is not None and not connection.is_usable():
            connection.close()
        response = self.get_response(request)
        if not getattr(request, "database_away", False):
            return response
        connection.close()
        if reads:
            request.database_away = False  # type: ignore[attr-defined]
            response = self.get_response(request)
            if not getattr(request, "database_away", False):
                return response
        return away(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Take a failed connection for what it is; every other exception goes its way."""
        if isinstance(exception, OperationalError | InterfaceError):
            log.warning("The database did not answer: %s", exception)
            request.database_away = True  # type: ignore[attr-defined]
            return away(request)
        return None


def away(request: HttpRequest) -> HttpResponse:
    """The 503 page. What was typed comes back in it, to be sent again: nothing of it is lost."""
    typed = keeping.played_back(request)
    token = get_token(request) if typed else ""
    page = render_to_string("503.html", {"typed": typed, "token": token, "path": request.get_full_path()})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"})
