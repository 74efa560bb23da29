"""A post: its page, its versions, writing one, changing one, taking one back."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commons import keeping, markup
from commons.access import acting, require
from commons.once import fresh_key, once
from knowledge.comments.actions import THREAD
from knowledge.comments.permissions import may_speak
from knowledge.comments.thread import blank_form, make_threads, own_comments
from knowledge.ladder.actions import publish_emerging
from knowledge.ladder.forms import ComposeForm
from knowledge.ladder.page import make_pages
from knowledge.posts import actions
from knowledge.posts.drafts import discard_draft
from knowledge.posts.forms import ContentForm, VersionForm, initial_of, initial_of_draft
from knowledge.posts.lineage import Unlinkable
from knowledge.posts.listing import PAGE, Key, visible
from knowledge.posts.models import Draft, Post, Version
from knowledge.posts.permissions import can_edit, can_withdraw, may_edit
from knowledge.posts.pieces import CUT, areas_of, bodies, personal, places_of
from knowledge.posts.rungs import Rung
from knowledge.stored import kept
from knowledge.stored.fragments import together
from knowledge.stored.stamps import stamp
from knowledge.subscriptions.button import cadence_of, choices_of, subscribe_at
from knowledge.subscriptions.models import Followable
from knowledge.views.asked import gone_or_missing
from knowledge.views.shared import shared_page

if TYPE_CHECKING:
    from accounts.members.models import Member
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
    address, organization, head, top, text, stands, about = drawn[PAGE].split(CUT)
    if request.path != address:
        return redirect(address, permanent=True)
    filled = {"head": head, "top": top, "text": text, "stands": stands, "about": about, "discussion": drawn[THREAD]}
    edits, speaks = may_edit(request.user, int(organization)), may_speak(request.user)
    cadence = cadence_of(request.user, Followable.POST, number)
    if request.user.is_authenticated:
        ours = int(organization) in request.user.roles
        filled |= {name: personal(filled[name], ours=ours, edits=edits) for name in ("top", "text")}
        filled["discussion"] = own_comments(drawn[THREAD], request.user, number, answers=edits)
        filled["blank"] = blank_form(address, get_token(request)) if speaks else ""

    return shared_page(
        request,
        "posts/post.html",
        (edits, speaks, cadence),
        lambda: {"can_edit": edits, "can_comment": speaks, **choices_of(cadence)},
        {
            **{name: mark_safe(html) for name, html in filled.items()},  # noqa: S308 - drawn by our own templates
            "address": address,
            "subscribe_at": subscribe_at(Followable.POST, number),
            "feed_at": f"{address}feed.atom",
        },
    )


@require_safe
def version(request: HttpRequest, number: int, slug: str, version: int) -> HttpResponseBase:
    """A version as it was published. Its address stays for as long as the commons does."""
    stamped = stamp(Key("post", number).stamp)

    def made() -> HttpResponse:
        found = Post.objects.visible_to(request.user).select_related("shown", "organization").filter(pk=number).first()
        if found is None:
            own = Post.objects.known_to(request.user).select_related("organization").filter(pk=number).first()
            if not (own and request.user.is_authenticated and request.user.belongs_to(own.organization)):
                return gone_or_missing(request, number)
            found = own
        this = get_object_or_404(Version.objects.select_related("by"), post=found, number=version)
        if request.path != this.get_absolute_url():
            return redirect(this, permanent=True)
        return render(
            request,
            "posts/version.html",
            {
                "post": found,
                "version": this,
                "body": bodies([this])[this.pk],
                "areas": areas_of(this),
                "places": places_of(this),
                "is_shown": found.shown_id == this.pk,
                "is_unseen": found.shown is not None and this.number > found.shown.number,
            },
        )

    return kept.answer(request, stamped, made)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Write a new post and publish it, or look at how it will read."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    if not request.user.organization_ids:
        if request.method == "POST":
            keeping.keep(request)
        messages.info(request, "First, who is publishing? Add your organization; then share what you are learning.")
        return redirect(f"{reverse('organization_new')}?next={reverse('post_new')}")
    draft = _draft_of(request)
    initial = {"key": fresh_key(), **_context_of(request), **(initial_of_draft(draft) if draft else {})}
    form = ComposeForm(typed, member=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        organization = form.cleaned_data["organization"]
        if request.POST.get("action") != "preview":
            try:
                number, _ = once(
                    form.cleaned_data["key"],
                    by=acting(request),
                    act=lambda: _published(form, by=acting(request), organization=organization, draft=draft),
                )
            except Unlinkable as refused:
                form.add_error("builds_on", str(refused))
            else:
                messages.success(request, f"Published. Your {form.chosen_rung.label.lower()} is out.")
                return redirect(Post.objects.select_related("shown").get(pk=number))
    elif request.method != "POST" and typed is not None:
        form.errors.clear()  # what was kept is shown again as it was, not marked before it is sent
    return _compose(request, form, "posts/new.html", {"draft": draft})


def _draft_of(request: HttpRequest) -> Draft | None:
    """The member's own draft that the form is to write on with. One that was published or thrown away meanwhile is no draft."""
    number = request.GET.get("draft", "")
    if not (number.isdecimal() and len(number) < 16):
        return None
    draft = Draft.objects.filter(by=acting(request), pk=int(number)).first()
    if draft is None and request.method != "POST":
        raise Http404
    return draft


def _context_of(request: HttpRequest) -> dict[str, Any]:
    """What "Build on this" carries over from the post it was pressed on: the link, issue areas, tags and places."""
    number = request.GET.get("builds_on", "")
    if not (number.isdecimal() and len(number) < 16):
        return {}
    found = Post.objects.visible_to(request.user).select_related("shown").filter(pk=int(number)).first()
    if found is None or found.shown is None:
        return {}
    told = initial_of(found.shown, areas_of(found.shown), places_of(found.shown))
    carried = {name: told[name] for name in ("area", "area_2", "area_3", "tags", "places")}
    return {**carried, "builds_on": f"{settings.SITE_URL}{found.get_absolute_url()}"}


def _published(form: ComposeForm, *, by: "Member", organization: "Organization", draft: Draft | None) -> Post:
    """The post, published; and the draft it was, if it was one, is gone with the same transaction."""
    if draft:
        discard_draft(draft, by=by)
    content = form.content(organization)
    grounds = form.cleaned_data["builds_on"]
    if form.chosen_rung == Rung.EMERGING:
        return publish_emerging(content, form.pieces(), by=by, organization=organization, builds_on=grounds)
    check_back = form.cleaned_data["check_back"]
    return actions.publish(content, by=by, organization=organization, check_back=check_back, builds_on=grounds)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """Write and publish a post's next version."""
    if not request.user.is_authenticated:
        return keeping.to_sign_in(request)
    found = get_object_or_404(Post.objects.visible_to(request.user).select_related("shown", "organization"), pk=number)
    require(can_edit(request.user, found), "Only owners and editors of the organization change its posts.")
    newest = found.versions.select_related("by").latest("number")
    typed = request.POST if request.method == "POST" else keeping.taken_back(request)
    form = VersionForm(typed, rung=Rung(found.rung), initial=initial_of(newest, areas_of(newest), places_of(newest)))
    meanwhile = None
    if request.method == "POST" and form.is_valid() and request.POST.get("action") != "preview":
        try:
            made = actions.publish_version(
                found,
                form.content(found.organization),
                by=acting(request),
                note=form.cleaned_data["note"],
                base=form.cleaned_data["base"],
            )
        except actions.ChangedMeanwhile as change:
            meanwhile = change.newest
            form.data = request.POST.copy()
            form.data["base"] = str(meanwhile.number)  # type: ignore[index]
        else:
            messages.success(request, f"Published version {made.number}.")
            return redirect(Post.objects.select_related("shown").get(pk=number))
    elif request.method != "POST" and typed is not None:
        form.errors.clear()
    return _compose(
        request, form, "posts/edit.html", {"post": found, "meanwhile": meanwhile}, 409 if meanwhile else 200
    )


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
