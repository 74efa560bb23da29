"""Pages that ask something of one post: found, allowed, typed, done once, told. What each asks is its own."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commons import keeping
from commons.access import acting
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.posts.actions import NotReady
from knowledge.posts.models import Post


def on_post(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page about one post, for members who may read it: 404 and 410 as the post's own address answers them, then sign-in.

    The view gets the post in place of its number and slug.
    """

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def found(request: HttpRequest, number: int, slug: str = "", **rest: Any) -> HttpResponseBase:
        post = Post.objects.visible_to(request.user).select_related("shown", "organization").filter(pk=number).first()
        if post is None:
            return gone_or_missing(request, number)
        if not request.user.is_authenticated:
            return keeping.to_sign_in(request)
        return view(request, post, **rest)

    return found


def gone_or_missing(request: HttpRequest, number: int) -> HttpResponse:
    """410 with a marker for what was withdrawn or hidden, with its history for its own organization; 404 for the rest."""
    found = get_object_or_404(Post.objects.known_to(request.user).select_related("organization"), pk=number)
    ours = request.user.is_authenticated and request.user.belongs_to(found.organization)
    context = {
        "post": found,
        "ours": ours,
        "versions": found.versions.select_related("by").order_by("-number") if ours else [],
    }
    return render(request, "posts/gone.html", context, status=410)


def ask(
    request: HttpRequest,
    form_class: type[forms.Form],
    template: str,
    context: Mapping[str, Any],
    *,
    act: Callable[[dict[str, Any]], models.Model],
    done: Callable[[int], HttpResponseBase],
    makes: str = "",
    **options: Any,
) -> HttpResponseBase:
    """Show a form; when it is sent and valid, do `act` with what was typed, once, and answer with `done` of the thing's key.

    What is wrong, or not ready, stands at its field (422; 429 where it comes too often) and nothing typed is lost; a
    ValidationError of `act` may bring new values for fields as its params. `makes` is `form_of`'s; `options` go to the form.
    """
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    initial = {"key": fresh_key(), **options.pop("initial", {})}
    form = form_class(typed, request.FILES or None, initial=initial, **options)
    status, too_often = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                key, _ = once(
                    form.cleaned_data["key"],
                    by=acting(request),
                    form=form_of(request, makes=makes),
                    act=lambda: act(form.cleaned_data),
                )
            except NotReady as not_ready:
                for name, words in not_ready.missing.items():
                    form.add_error(name if name in form.fields else None, words)
            except TooOften as refused:
                form.add_error(None, str(refused))
                too_often = refused
            except ValidationError as refused:
                form.add_error(None, refused)
                form.data = request.POST.copy()  # type: ignore[assignment]
                for name, value in (getattr(refused, "params", None) or {}).items():
                    form.data[name] = str(value)  # type: ignore[index]
            else:
                return done(key)
    elif typed is not None:
        form.errors.clear()
    response = render(request, template, {"form": form, **context}, status=status)
    return too_often.mark(response) if too_often else response
