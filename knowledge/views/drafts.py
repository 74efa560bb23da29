"""Drafts: the list of them, saving as one types, what they said before, sending them to an editor, showing them to others."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commons import keeping
from commons.access import acting, require
from commons.numbers import parse_number
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.posts import drafts as verbs
from knowledge.posts.forms import CaptureForm, NoteForm
from knowledge.posts.models import Draft, Post
from knowledge.subscriptions.private_mail import private_mail_address
from knowledge.views.drafting import area_names, chosen_in, keep, opened, said

SIGNED_OUT = "You are signed out. What you typed is kept in this browser; sign in, and it is saved."
# As a bookmark, it passes on the page that one reads: its title, what is selected there, its address
BOOKMARKLET = (
    "javascript:(()=>{const f=t=>String(t).replace(/\\s+/g,' ').replace(/[\\x00-\\x1f\\x7f-\\x9f]/g,'').slice(0,3000),"
    "a='%s?'+new URLSearchParams({title:f(document.title),text:f(getSelection()),url:location.href});"
    "open(a)||(location=a)})()"
)
GONE = "The draft was published or thrown away meanwhile. Your words are still here, to be copied."
NOT_YOURS = "That draft is gone, or not yours to write on any more. What you typed is kept as a draft of your own."


@never_cache
@login_required
@require_safe
def drafts(request: HttpRequest) -> HttpResponse:
    """Everything that a member and their organizations have begun, what was saved last first."""
    member = acting(request)
    found = Draft.objects.open_to(member).select_related("organization", "by", "saved_by", "note_by", "post__shown")
    found = found.annotate(comment_count=Count("comments"))
    rows = [(draft, verbs.can_finish(member, draft), verbs.can_discard(member, draft)) for draft in found[:500]]
    sent = [row for row in rows if row[0].proposed_at and row[1]]
    context = {
        "sent": sent,
        "own": [row for row in rows if row not in sent and row[0].by_id == member.pk],
        "others": [row for row in rows if row not in sent and row[0].by_id != member.pk],
        "mail_address": private_mail_address(member),
    }
    return render(request, "posts/drafts.html", context)


@never_cache
@require_POST
def save(request: HttpRequest) -> JsonResponse:
    """Save what is typed, while it is typed. The page's own script asks; each answer says what to tell the writer.

    200 with the draft and its edition; 409 where somebody saved something else meanwhile; 401 for who is signed out; 422 for
    what cannot be kept; 429 for many drafts begun in a short time. Nothing that was typed is lost by any of them: the browser
    keeps it until this says that it is saved.
    """
    if not request.user.is_authenticated:
        return JsonResponse({"words": SIGNED_OUT}, status=401)
    post = Post.objects.visible_to(request.user).filter(pk=parse_number(request.POST.get("post")) or 0).first()
    writing = opened(request, post)
    asked_for = request.POST.get("draft", "")
    try:
        saved = keep(request, writing)
    except verbs.SavedMeanwhile as meanwhile:
        return JsonResponse({"words": f"{meanwhile} Nothing is lost: look at both, and choose."}, status=409)
    except verbs.TooManyDrafts as many:
        return JsonResponse({"words": f"{many} What you typed is kept in this browser."}, status=422)
    except (TooOften, ValidationError) as refused:
        why = str(refused) if isinstance(refused, TooOften) else " ".join(refused.messages)
        answer = JsonResponse({"words": f"Not saved. {why}"}, status=422)
        return refused.mark(answer) if isinstance(refused, TooOften) else answer
    if saved is None:
        return JsonResponse({})
    told: dict[str, Any] = {"draft": saved.pk, "edition": saved.edition, "address": saved.get_absolute_url()}
    if asked_for and asked_for != str(saved.pk):
        told["words"] = NOT_YOURS
    return JsonResponse(told)


@never_cache
@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    member = acting(request)
    verbs.discard_draft(draft_of(request, pk), by=member)
    messages.success(request, "Thrown away.")
    return redirect("drafts")


@never_cache
@login_required
@require_safe
def editions(request: HttpRequest, pk: int) -> HttpResponse:
    """What a draft said before others, or other pages, wrote on."""
    draft = draft_of(request, pk)
    areas = area_names()
    rows = [
        (one, said(one.title, one.body, one.typed), chosen_in(one.typed, areas))
        for one in draft.editions.select_related("by")
    ]
    return render(request, "posts/editions.html", {"draft": draft, "editions": rows})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def give_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a draft back to who sent it, with a note."""
    draft = draft_of(request, pk)
    require(verbs.can_finish(acting(request), draft), "Owners and editors of the organization answer a draft.")
    form = NoteForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            verbs.return_draft(draft, form.cleaned_data["note"], by=acting(request))
        except Draft.DoesNotExist:
            form.add_error(None, GONE)
            status = 409
        else:
            messages.success(request, "Given back, with your note.")
            return redirect("drafts")
    return render(request, "posts/give_back.html", {"draft": draft, "form": form}, status=status)


# Noting something in a minute


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def capture(request: HttpRequest) -> HttpResponse:
    """A title and one box: what was seen becomes a draft. What another program passes on (title, text, url) stands there already."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)  # type: ignore[return-value]
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    form = CaptureForm(typed, initial={"key": fresh_key(), **CaptureForm.passed_on(request.GET)})
    if request.method == "POST" and form.is_valid():
        by, title, body = acting(request), form.cleaned_data["title"], form.cleaned_data["body"]
        try:
            pk, _ = once(
                form.cleaned_data["key"],
                by=by,
                form=form_of(request),
                act=lambda: verbs.capture_draft(by=by, title=title, body=body),
            )
        except verbs.TooManyDrafts as many:
            form.add_error(None, str(many))
        else:
            messages.success(request, "Kept as a draft. Nobody else sees it until you publish it.")
            made = Draft.objects.open_to(by).filter(pk=pk).first()
            return redirect(made.get_absolute_url() if made and request.POST.get("action") == "on" else "drafts")
    elif request.method != "POST" and typed is not None:
        form.errors.clear()
    context = {"form": form, "bookmarklet": BOOKMARKLET % f"{settings.SITE_URL}/capture/"}
    return render(request, "posts/capture.html", context, status=422 if form.errors else 200)


def draft_of(request: HttpRequest, pk: int) -> Draft:
    """A draft that the member writes on; 404 for any other."""
    return get_object_or_404(Draft.objects.open_to(acting(request)).select_related("organization", "by"), pk=pk)
