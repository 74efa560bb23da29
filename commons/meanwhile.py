"""When two act at the same moment on one thing: what one of them finds gone, or taken, is no fault of ours."""

import logging
from collections.abc import Callable

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import render
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from commons import keeping

log = logging.getLogger(__name__)


class ChangedMeanwhile:
    """Answers 409 to a form whose thing somebody else changed or threw away between looking for it and writing to it.

    A verb reads its row anew, under a lock, and finds it gone; or writes what somebody else has just written. Its transaction is
    undone. Views say it better where they can; this is for all the others, and offers again what was typed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Take it for what it is; every other exception goes its way."""
        if request.method in ("GET", "HEAD") or not _is_of_two_at_once(exception):
            return None
        log.warning("Two acted at once on what %s is about.", request.path, exc_info=exception)
        typed = keeping.played_back(request)
        page = {"typed": typed, "token": get_token(request) if typed else "", "path": request.get_full_path()}
        response = render(request, "409.html", page, status=409)
        response["Cache-Control"] = "no-store"
        return response


def _is_of_two_at_once(exception: Exception) -> bool:
    if isinstance(exception, IntegrityError) and not isinstance(exception, ProtectedError):
        return isinstance(exception.__cause__, UniqueViolation | ForeignKeyViolation)
    return isinstance(exception, ObjectDoesNotExist | ProtectedError)
