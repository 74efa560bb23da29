"""Drafts shown to others before they are published: by a secret address, to be read and commented on."""

import re

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commons import keeping, markup
from commons.access import acting
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.comments import on_drafts
from knowledge.comments.forms import DraftCommentForm
from knowledge.posts import drafts as verbs
from knowledge.posts.attachments import files_shown_with
from knowledge.posts.models import Draft
from knowledge.views.attachments import given
from knowledge.views.drafting import NOT_HERE, said
from knowledge.views.drafts import GONE, draft_of

_TAG = re.compile(r"<[a-z][^>]*>")
_FILE = re.compile(r"(?<=[\" ])/attachments/(?=[1-9])")


@never_cache
@login_required
@require_POST
def share(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a draft a secret address at which others read it, another one, or none."""
    draft = draft_of(request, pk)
    on = request.POST.get("action") != "end"
    try:
        verbs.share_draft(draft, by=acting(request), on=on)
    except Draft.DoesNotExist:
        raise Http404(NOT_HERE) from None
    messages.success(request, "It has a secret address." if on else "Nobody reads it by its secret address any more.")
    return redirect(f"/drafts/{draft.pk}/share/" if on else "drafts")


@never_cache
@login_required
@require_safe
def sharing(request: HttpRequest, pk: int) -> HttpResponse:
    """The secret address of a draft, for who writes on it."""
    draft = draft_of(request, pk)
    address = f"{settings.SITE_URL}{_address(draft)}" if draft.share_key else ""
    return render(request, "posts/sharing.html", {"draft": draft, "address": address})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, key: str) -> HttpResponseBase:
    """A draft, as it stands now, for whoever was given its secret address; members comment on it."""
    draft = get_object_or_404(Draft.objects.select_related("organization", "by"), share_key=key)
    return _shown(request, draft, _address(draft), key)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def discussion(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A draft and what was said on it, for those who write on it."""
    draft = draft_of(request, pk)
    return _shown(request, draft, _discussion(draft), None)


def _shown(request: HttpRequest, draft: Draft, address: str, key: str | None) -> HttpResponseBase:
    """A draft as a page, and its comments; another one where the form was sent."""
    if request.method == "POST" and not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    form, too_often = DraftCommentForm(typed, initial={"key": fresh_key()}), None
    if request.method == "POST" and form.is_valid():
        by, told = acting(request), form.cleaned_data
        try:
            made, _ = once(
                told["key"],
                by=by,
                form=f"{form_of(request)} draft={draft.pk}",  # its secret address has no number
                act=lambda: on_drafts.comment_on_draft(draft, by=by, body=told["body"], key=key),
            )
        except on_drafts.TooManyComments as many:
            form.add_error(None, str(many))
        except Draft.DoesNotExist:
            form.add_error(None, GONE)
        except TooOften as refused:
            form.add_error(None, str(refused))
            too_often = refused
        else:
            return redirect(f"{address}#comment-{made}")
    elif request.method != "POST" and typed is not None:
        form.errors.clear()
    html = markup.render(draft.body).html
    context = {
        "draft": draft,
        "version": said(draft.title, draft.body, draft.typed),
        "body": _with_files(html, address) if key else html,
        "comments": [(one, on_drafts.can_take_back(request.user, one)) for one in on_drafts.comments_on(draft)],
        "address": address,
        "key": key,
        "form": form,
        "can_write": verbs.can_write(request.user, draft),
    }
    response = render(request, "posts/shared.html", context, status=422 if form.errors else 200)
    return too_often.mark(response) if too_often else response


@never_cache
@login_required
@require_POST
def take_back(request: HttpRequest, comment: int, pk: int = 0, key: str = "") -> HttpResponse:
    """Throw a comment on a draft away, and go back to where it was read: where the draft is written on, or shown."""
    draft = get_object_or_404(Draft, share_key=key) if key else draft_of(request, pk)
    on_drafts.take_back(get_object_or_404(draft.comments, pk=comment), by=acting(request))
    messages.success(request, "Thrown away.")
    return redirect(f"{_address(draft) if key else _discussion(draft)}#comments")


@require_safe
def file(request: HttpRequest, key: str, pk: int, name: str, width: int = 0) -> HttpResponseBase:
    """A file that a draft names, for whoever was given the draft's secret address."""
    draft = get_object_or_404(Draft, share_key=key)
    return given(request, get_object_or_404(files_shown_with(draft), pk=pk), width)


def _address(draft: Draft) -> str:
    return f"/drafts/shared/{draft.share_key}/"


def _discussion(draft: Draft) -> str:
    return f"/drafts/{draft.pk}/comments/"


def _with_files(html: str, address: str) -> str:
    """A draft's rendered text, with its files at the addresses at which they are given to who knows the draft's."""
    return _TAG.sub(lambda tag: _FILE.sub(f"{address}attachments/", tag[0]), html)
