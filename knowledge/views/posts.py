"""A post: its page, writing one, changing one, taking one back."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commons import keeping, markup
from commons.access import acting, require
from commons.headers import NEVER_STORED
from commons.numbers import parse_number
from commons.once import form_of, fresh_key, once
from commons.pace import TooOften
from knowledge.comments.actions import THREAD
from knowledge.comments.permissions import may_speak
from knowledge.comments.thread import blank_form, make_threads, own_comments
from knowledge.ladder.actions import publish_emerging
from knowledge.ladder.forms import ComposeForm
from knowledge.ladder.page import make_pages
from knowledge.posts import actions
from knowledge.posts.drafts import (
    SavedMeanwhile,
    TooManyDrafts,
    keep_aside,
    propose_draft,
)
from knowledge.posts.forms import ContentForm, VersionForm, initial_of
from knowledge.posts.lineage import Unlinkable
from knowledge.posts.listing import PAGE, Key, visible
from knowledge.posts.models import Draft, Post
from knowledge.posts.permissions import can_draft, can_edit, can_withdraw, may_edit
from knowledge.posts.pieces import CUT, areas_of, personal, places_of
from knowledge.posts.reading import Reading, Since, read, reading_of
from knowledge.posts.rungs import Rung
from knowledge.stored import kept
from knowledge.stored.fragments import together
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.button import choices_of, subscribe_at
from knowledge.subscriptions.models import Followable
from knowledge.views.asked import gone_or_missing
from knowledge.views.drafting import GONE, Gone, Writing, end, finish, keep, opened, side_by_side, taken, words_of
from knowledge.views.shared import shared_page

if TYPE_CHECKING:
    from accounts.organizations.models import Organization


@require_safe
def post(request: HttpRequest, number: int, slug: str = "") -> HttpResponseBase:
    """A post's page. Any slug leads to it; the address with the shown title's is the one that stays."""
    stamped = stamp(Key("post", number).stamp)
    return kept.answer(request, stamped, lambda: _post_page(request, number))


def _post_page(request: HttpRequest, number: int) -> HttpResponse:
    drawn = together(number, {PAGE: make_pages, THREAD: make_threads}, where=visible(request.user, number))
    if drawn is None:
        return gone_or_missing(request, number)
    address, organization, shown, head, top, text, stands, about = drawn[PAGE].split(CUT)
    if request.path != address:
        return redirect(address, permanent=True)
    filled = {"head": head, "top": top, "text": text, "stands": stands, "about": about, "discussion": drawn[THREAD]}
    edits, speaks = may_edit(request.user, int(organization)), may_speak(request.user)
    reading, since = Reading(), None
    if request.user.is_authenticated:
        reading = reading_of(request.user, number)
        since = read(request.user.pk, number, int(shown), reading) if _is_read(request) else None
        ours = int(organization) in request.user.roles
        filled |= {name: personal(filled[name], ours=ours, edits=edits) for name in ("top", "text")}
        filled["discussion"] = own_comments(drawn[THREAD], request.user, number, answers=edits)
        filled["blank"] = blank_form(address, get_token(request)) if speaks else ""
        filled["since"] = _changed_since(address, since, int(shown)) if since else ""

    page = shared_page(
        request,
        "posts/post.html",
        (edits, speaks, reading.cadence),
        lambda: {"can_edit": edits, "can_comment": speaks, **choices_of(reading.cadence)},
        {
            **{name: mark_safe(html) for name, html in filled.items()},  # noqa: S308 - drawn by our own templates
            "address": address,
            "subscribe_at": subscribe_at(Followable.POST, number),
            "feed_at": f"{address}feed.atom",
        },
    )
    if since:
        page["Cache-Control"] = NEVER_STORED  # what it says of this visit is not to be shown again on another
    return page


def _is_read(request: HttpRequest) -> bool:
    """Whether somebody reads what is asked for now: a browser that fetches a page in advance says so."""
    return request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")


def _changed_since(address: str, since: Since, shown: int) -> str:
    changes = {"since": since, "changes_at": f"{address}versions/{since.number}/compare/{shown}/"}
    return render_to_string("posts/changed_since.html", changes)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Write a new post and publish it, or look at how it will read."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    if not request.user.organization_ids:
        messages.info(request, "First, who is publishing? Add your organization; then share what you are learning.")
        onward = redirect(f"{reverse('organization_new')}?next={reverse('post_new')}")
        return keeping.away_and_back(request, onward, "Add your organization")
    writing = opened(request)
    initial = {"key": fresh_key(), **_context_of(request), **writing.initial}
    form = ComposeForm(typed, member=request.user, initial=initial)
    page, too_often = {"writing": writing, "may_publish": bool(form.publishers)}, None
    if request.method == "POST" and request.POST.get("action") in DRAFT_ACTIONS:
        return _kept(request, form, writing, "posts/new.html", page)
    if request.method == "POST" and form.is_valid() and form.may_publish():
        organization = form.cleaned_data["organization"]
        if request.POST.get("action") != "preview":
            try:
                number, _ = once(
                    form.cleaned_data["key"],
                    by=acting(request),
                    form=form_of(request),
                    act=lambda: _published(request, form, writing, organization=organization),
                )
            except Unlinkable as refused:
                form.add_error("builds_on", str(refused))
            except Gone as gone:
                form.add_error(None, str(gone))
            except SavedMeanwhile as meanwhile:
                return _both(request, form, meanwhile, "posts/new.html", page)
            except TooOften as refused:
                form.add_error(None, str(refused))
                too_often = refused
            else:
                messages.success(request, f"Published. Your {form.chosen_rung.label.lower()} is out.")
                return taken(_to_post(request, number), writing)
    elif request.method != "POST" and typed is not None:
        form.errors.clear()  # what was kept is shown again as it was, not marked before it is sent
    response = _compose(request, form, "posts/new.html", page)
    return too_often.mark(response) if too_often else response


def _to_post(request: HttpRequest, number: int) -> HttpResponse:
    """To a post that was published; by its number alone where this reader may not see it any more."""
    post = Post.objects.visible_to(request.user).select_related("shown").filter(pk=number).first()
    return redirect(post or reverse("post_short", args=[number]))


DRAFT_ACTIONS = ("save", "propose", "theirs")


def _kept(
    request: HttpRequest, form: ContentForm, writing: Writing, template: str, page: dict[str, object]
) -> HttpResponse:
    """Keep what was typed as a draft, unfinished as it may be; and send it to an editor, where that is asked."""
    action = request.POST.get("action")
    try:
        if action == "theirs" and writing.draft:
            keep_aside(writing.draft, words_of(request), by=acting(request))
            messages.success(request, "This is what was saved meanwhile. What you had typed stands among its editions.")
            return taken(redirect(writing.draft.get_absolute_url()), writing)
        draft = keep(request, writing)
        if draft is not None and action == "propose":
            propose_draft(draft, by=acting(request))
    except SavedMeanwhile as meanwhile:
        return _both(request, form, meanwhile, template, page)
    except TooManyDrafts as many:
        form.add_error(None, str(many))
    except TooOften as refused:
        return _too_often(request, form, refused, template, page)
    except ValidationError as refused:
        form.add_error(None, refused)
    except Draft.DoesNotExist:
        form.errors.clear()
        form.add_error(None, GONE)
    else:
        if draft is None:
            form.errors.clear()
            form.add_error("title", "Nothing is typed yet. Begin with a title.")
        else:
            sent = f"Sent to those who publish for {draft.organization}." if action == "propose" else "Saved."
            messages.success(request, sent)
            return taken(redirect("drafts" if action == "propose" else draft.get_absolute_url()), writing)
    return _compose(request, form, template, page)


def _both(
    request: HttpRequest, form: ContentForm, meanwhile: SavedMeanwhile, template: str, page: dict[str, object]
) -> HttpResponse:
    """What somebody saved meanwhile beside what was typed here; what is sent from here on stands on both."""
    form.errors.clear()
    writing = page["writing"]
    assert isinstance(writing, Writing)
    writing.draft, writing.edition = meanwhile.draft, meanwhile.draft.edition
    both = {
        "meanwhile_saved": meanwhile.draft,
        "changes": side_by_side(meanwhile, words_of(request)),
        "meanwhile_newer": {"language": "en"},
    }
    return render(request, template, {"form": form, **page, **both}, status=409)


def _context_of(request: HttpRequest) -> dict[str, Any]:
    """What "Build on this" carries over from the post it was pressed on: the link, issue areas, tags and places."""
    if not (number := parse_number(request.GET.get("builds_on"))):
        return {}
    found = Post.objects.visible_to(request.user).select_related("shown").filter(pk=number).first()
    if found is None or found.shown is None:
        return {}
    told = initial_of(found.shown, areas_of(found.shown), places_of(found.shown))
    carried = {name: told[name] for name in ("area", "area_2", "area_3", "tags", "places")}
    return {**carried, "builds_on": f"{settings.SITE_URL}{found.get_absolute_url()}"}


@transaction.atomic
def _published(request: HttpRequest, form: ComposeForm, writing: Writing, *, organization: "Organization") -> Post:
    """The post, published; and the draft it was, if it was one, is gone with the same transaction.

    Raises SavedMeanwhile, and Gone, from `finish`.
    """
    by = acting(request)
    finish(request, writing)
    content = form.content(organization)
    grounds = form.cleaned_data["builds_on"]
    if form.chosen_rung == Rung.EMERGING:
        made = publish_emerging(content, form.pieces(), by=by, organization=organization, builds_on=grounds)
    else:
        check_back = form.cleaned_data["check_back"]
        made = actions.publish(content, by=by, organization=organization, check_back=check_back, builds_on=grounds)
    end(writing)
    return made


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """Write and publish a post's next version."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    found = get_object_or_404(Post.objects.visible_to(request.user).select_related("shown", "organization"), pk=number)
    require(can_draft(request.user, found), "Only members of the organization write its posts.")
    newest = found.versions.select_related("by").latest("number")
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    writing = opened(request, found)
    initial = {**initial_of(newest, areas_of(newest), places_of(newest)), **writing.initial}
    form = VersionForm(typed, rung=Rung(found.rung), initial=initial)
    page: dict[str, object] = {
        "post": found,
        "writing": writing,
        "may_publish": can_edit(request.user, found),
        "begun": None if writing.draft or form.is_bound else _begun(request, found),
    }
    if request.method == "POST" and request.POST.get("action") in DRAFT_ACTIONS:
        return _kept(request, form, writing, "posts/edit.html", page)
    meanwhile = None
    if request.method == "POST" and form.is_valid() and request.POST.get("action") != "preview":
        try:
            with transaction.atomic():
                finish(request, writing)
                made = actions.publish_version(
                    found,
                    form.content(found.organization),
                    by=acting(request),
                    note=form.cleaned_data["note"],
                    base=form.cleaned_data["base"],
                )
                end(writing)
        except Gone as gone:
            form.add_error(None, str(gone))
        except SavedMeanwhile as saved:
            return _both(request, form, saved, "posts/edit.html", page)
        except TooOften as refused:
            return _too_often(request, form, refused, "posts/edit.html", page)
        except actions.ChangedMeanwhile as change:
            meanwhile = change.newest
            form.data = request.POST.copy()
            form.data["base"] = str(meanwhile.number)  # type: ignore[index]
        else:
            messages.success(request, f"Published version {made.number}.")
            return taken(_to_post(request, number), writing)
    elif request.method != "POST" and typed is not None:
        form.errors.clear()
    return _compose(request, form, "posts/edit.html", {**page, "meanwhile": meanwhile}, 409 if meanwhile else 200)


def _too_often(
    request: HttpRequest, form: ContentForm, refused: TooOften, template: str, page: dict[str, object]
) -> HttpResponse:
    """The form with what was typed, and until when it waits."""
    form.add_error(None, str(refused))
    return refused.mark(_compose(request, form, template, page))


def _begun(request: HttpRequest, post: Post) -> Draft | None:
    """The draft of its next version that the organization has begun, to be written on."""
    return Draft.objects.open_to(acting(request)).filter(post=post).select_related("by", "saved_by").first()


def _compose(
    request: HttpRequest, form: ContentForm, template: str, context: dict[str, object], status: int = 200
) -> HttpResponse:
    preview = None
    if request.method == "POST":
        preview = markup.render(request.POST.get("body", "")[:200_000]).html
        if not form.is_valid():
            status = 422
    return render(request, template, {"form": form, "preview": preview, **context}, status=status)


@never_cache
@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """How a text will read: a piece of a page, asked for as one types."""
    html = markup.render(request.POST.get("body", "")[:200_000]).html
    return render(request, "posts/preview.html", {"preview": html})


@never_cache
@login_required
@require_POST
def reads_alike(request: HttpRequest) -> HttpResponse:
    """Whether two texts become the same page: asked before a text is opened in the visual editor."""
    one, other = (request.POST.get(name, "")[:200_000] for name in ("one", "other"))
    return JsonResponse({"alike": markup.reads_alike(one, other)})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """Take a post back, after being told what that means."""
    found = get_object_or_404(Post.objects.known_to(request.user).select_related("shown", "organization"), pk=number)
    if found.withdrawn_at:
        return redirect(found)
    get_object_or_404(Post.objects.visible_to(request.user), pk=number)
    require(can_withdraw(request.user, found), "Only owners and editors of the organization withdraw its posts.")
    if request.method == "POST":
        actions.withdraw(found, by=acting(request))
        messages.success(request, "Withdrawn. A marker stays at its address; your organization still has the history.")
        return redirect(found.organization)
    return render(request, "posts/withdraw.html", {"post": found})
