"""What the pages have in common on which a member changes something of their own."""

from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from commons import keeping
from commons.headers import NEVER_STORED
from commons.pace import TooOften


def filled_in(request: HttpRequest, kind: type[Form], initial: dict[str, Any]) -> Form:
    """The form with what was sent; or, unmarked, with what was typed before the session ran out; or as it begins."""
    if request.method == "POST":
        return kind(request.POST, initial=initial)
    typed = keeping.taken_back(request)
    form = kind(typed, initial=initial)
    if typed is not None:
        form.errors.clear()
    return form


def own_page(
    request: HttpRequest, template: str, context: dict[str, Any], too_often: TooOften | None = None
) -> HttpResponse:
    """A page that is never stored; 422 where what was sent could not be taken, 429 where it was sent too often."""
    form = context.get("form")
    if form is not None and too_often:
        form.add_error(None, str(too_often))
    refused = request.method == "POST" and form is not None and bool(form.errors)
    response = render(request, template, context, status=422 if refused else 200)
    response["Cache-Control"] = NEVER_STORED
    return too_often.mark(response) if too_often else response
