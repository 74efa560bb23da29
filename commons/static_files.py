"""Static files are answered without the database: those that are there by WhiteNoise, those that are not by this."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound

from commons.headers import NEVER_STORED
from commons.serving import STATIC


class MissingStaticFile:
    """Answers 404 in plain text, without a session, for what WhiteNoise, right before this, did not find.

    A page would ask who reads it, and the threads that give out static files must not wait for that (`commons/serving.py`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(STATIC):
            return self.get_response(request)
        response = HttpResponseNotFound("There is no such file.\n", content_type="text/plain; charset=utf-8")
        response["Cache-Control"] = NEVER_STORED
        return response
