"""The page of a file that waits in line: how far it has come, and on to what came of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commons import keeping
from commons.access import acting
from knowledge.documents.actions import LEFT_OUT
from knowledge.posts.conversions import files_before
from knowledge.posts.models import Attachment, Conversion, ConversionKind, ConversionState

SIGN_IN = "You are signed out. Your text is still here: sign in in another tab, then add the file again."
EVIDENCE_ADDED = "Added. It stands under the evidence now."
# Seconds from one loading of the page to the next, by how many its file has waited already
RELOAD = ((5, 1), (30, 2), (120, 5))
RELOAD_SLOWEST = 15


def accepts_json(request: HttpRequest) -> bool:
    """Whether it is a script that asks."""
    return request.headers.get("Accept", "").startswith("application/json")


def begun(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Answer that a file waits now, and where one sees how far it has come: 202 for scripts, else 303."""
    mine = get_object_or_404(Conversion.objects.visible_to(request.user), pk=pk)
    if accepts_json(request):
        return _waits(mine)
    return HttpResponse(status=303, headers={"Location": mine.get_absolute_url()})


@never_cache
@require_safe
def conversion(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show how far a file of one's own has come; once it is read, lead on to what came of it. Scripts get that as JSON."""
    wants_json = accepts_json(request)
    if not request.user.is_authenticated:
        return JsonResponse({"error": SIGN_IN}, status=401) if wants_json else keeping.to_sign_in(request)
    found = get_object_or_404(
        Conversion.objects.visible_to(acting(request)).select_related(
            "attachment", "draft", "post__shown", "post__organization"
        ),
        pk=pk,
    )
    if found.state == ConversionState.DONE:
        return JsonResponse(_result(found)) if wants_json else _lead_on(request, found)
    if wants_json:
        return (
            JsonResponse({"error": found.refused}, status=422)
            if found.state == ConversionState.REFUSED
            else _waits(found)
        )
    context = {"conversion": found, "words": _words(found), "reload": _reload(found), "again": _again(found)}
    return render(request, "conversions/conversion.html", context)


def in_json(attachment: Attachment) -> dict[str, object]:
    """What a script needs to put a file into a text."""
    address = attachment.get_absolute_url()
    shown = {"src": address, "alt": attachment.words}
    return {
        **(shown if attachment.is_picture else {"href": address, "words": attachment.words}),
        "markdown": attachment.markdown,
        "address": address,
        "name": attachment.name,
        "width": attachment.width,
        "height": attachment.height,
    }


def _waits(found: Conversion) -> HttpResponse:
    address = found.get_absolute_url()
    answer = JsonResponse({"state": found.state, "address": address, "words": _words(found)}, status=202)
    answer["Location"] = address
    answer["Retry-After"] = str(_reload(found))
    return answer


def _result(found: Conversion) -> dict[str, object]:
    if found.attachment is not None and found.post_id is None:
        return in_json(found.attachment)
    return {"address": _leads_to(found)}


def _leads_to(found: Conversion) -> str:
    if found.kind == ConversionKind.DOCUMENT:
        return found.draft.get_absolute_url() if found.draft else reverse("drafts")
    if found.post is not None:
        return f"{found.post.get_absolute_url()}#evidence"
    return f"{reverse('attachments')}#file-{found.attachment_id}"


def _lead_on(request: HttpRequest, found: Conversion) -> HttpResponseBase:
    if found.kind == ConversionKind.DOCUMENT:
        missing = found.draft.body.count(LEFT_OUT) if found.draft else 0
        if missing:
            pictures = "One picture" if missing == 1 else f"{missing} pictures"
            messages.warning(request, f"{pictures} could not be opened; the text says where. The rest is here.")
        elif found.draft:
            messages.success(request, "Opened. Look it over; then publish it.")
    elif found.post_id is not None:
        messages.success(request, EVIDENCE_ADDED)
    else:
        messages.success(request, "Added. Copy its line into your text, where it is to stand.")
    return redirect(_leads_to(found))


def _words(found: Conversion) -> str:
    """How far a file has come, in words for who sent it."""
    thing = "document" if found.kind == ConversionKind.DOCUMENT else "picture"
    if found.state == ConversionState.RUNNING:
        return f"Your {thing} is being read."
    if found.lease_until:
        return f"Files cannot be read at this moment. Your {thing} is kept, and tried again every minute."
    before = files_before(found)
    if not before:
        return f"Your {thing} waits to be read. It is the next."
    return f"Your {thing} waits to be read. {before} {'is' if before == 1 else 'are'} before it."


def _again(found: Conversion) -> str:
    """Where another file may be sent instead; what was typed beside this one stands in that form."""
    if found.kind == ConversionKind.DOCUMENT:
        return reverse("draft_open")
    if found.post is not None:
        address = reverse("evidence_add", args=[found.post.number, found.post.slug])
        return f"{address}?conversion={found.pk}"
    return reverse("attachments")


def _reload(found: Conversion) -> int:
    waited = (timezone.now() - found.created_at).total_seconds()
    return next((seconds for most, seconds in RELOAD if waited < most), RELOAD_SLOWEST)
