"""What a reader gets when a page is not to be had: a clear sentence, and a way on."""

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from commons import keeping

SIGNED_OUT = "You were signed out, in another window or on another device, while this was under way. Sign in again."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for what cannot be read, 413 (RFC 9110) for more than a form may hold."""
    if isinstance(exception, RequestDataTooBig):
        return _page(request, "413.html", 413, {"limit": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // (1024 * 1024)})
    if isinstance(
        exception, SessionInterrupted
    ):  # signed out elsewhere while the request was under way, which was done
        return _page(request, "400.html", 400, {"reason": SIGNED_OUT, "outcome": "Look first whether it was kept."})
    if isinstance(exception, TooManyFieldsSent):
        reason = f"A form here holds at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields."
    else:
        reason = str(exception) if type(exception) is BadRequest else ""
    return _page(request, "400.html", 400, {"reason": reason})


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: it can be seen, and this may not be done with it. Says why, where the verb said so."""
    return _page(request, "403.html", 403, {"reason": str(exception)})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "404.html", 404, {"reason": str(exception) if type(exception) is Http404 else ""})


def too_often(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """429: somebody did something more often than they may. Says when it goes on, and offers what they typed again."""
    context: dict[str, object] = {
        "words": str(exception or ""),
        "typed": keeping.played_back(request),
        "path": request.get_full_path(),
    }
    return _page(request, "429.html", 429, context)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(None, "500.html", status=500)  # type: ignore[arg-type]  # nothing may be asked of a request that failed


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token does not hold (a cookie lost, another tab signed out): what was typed is offered again.

    Only to one who comes from our own pages: what another site sends in a person's name is not played back.
    """
    ours = keeping.is_ours(request)
    typed = keeping.played_back(request) if ours else []
    return _page(request, "csrf_failure.html", 403, {"typed": typed, "ours": ours})


def _page(request: HttpRequest, template: str, status: int, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context, status=status)
    if status != 404:
        response["Cache-Control"] = "no-store"
    return response
