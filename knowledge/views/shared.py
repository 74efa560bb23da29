"""Pages that are the same for many readers but for some pieces: drawn once, and filled for each."""

import re
from collections.abc import Callable, Hashable, Mapping
from secrets import token_hex

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from commons import site
from commons.template_filters import Reader, unread
from knowledge.stored.kept import pieces

# What marks the place of a piece in a drawing. Nobody can know it, and so nobody can write one.
UNKNOWN = token_hex(16)
MARKED = re.compile(rf"{UNKNOWN}\.(\w+)\.")


def shared_page(
    request: HttpRequest,
    template: str,
    state: tuple[Hashable, ...],
    context: Callable[[], Mapping[str, object]],
    filled: Mapping[str, str],
) -> HttpResponse:
    """The page that this template makes of `context` and `filled`.

    It is drawn once for each `state`, on which alone `context` may depend; what differs otherwise comes as `filled`: HTML
    (safe strings) or text, put where the template has the variable of that name. The reader's name, unread count and tokens are
    filled in here. A page that says something once, a message, is drawn for itself.
    """
    if request.user.is_authenticated and len(get_messages(request)):
        return render(request, template, {**context(), **filled})
    theme = site.theme(request)
    own_places = (_mark("name"), _mark("initials"), _mark("unread"))
    reader = Reader(True, *own_places) if request.user.is_authenticated else Reader()
    there = tuple(name for name, piece in filled.items() if piece)

    def drawn() -> list[str]:
        marks = {name: _mark(name) if name in there else "" for name in filled}
        about_reader = {"user": reader, "csrf_token": _mark("token"), "messages": []}
        return MARKED.split(render_to_string(template, {**context(), **about_reader, **marks}, request))

    parts = pieces.get((template, theme, reader.is_authenticated, there, *state), drawn)
    own = {}
    if request.user.is_authenticated:
        user = request.user
        own = {"name": user.name, "initials": user.initials, "unread": unread(user), "token": get_token(request)}
    values = {name: conditional_escape(piece) for name, piece in {**filled, **own}.items()}
    return HttpResponse("".join(values[part] if place % 2 else part for place, part in enumerate(parts)))


def _mark(name: str) -> SafeString:
    return mark_safe(f"{UNKNOWN}.{name}.")  # noqa: S308 - letters, figures and dots
