"""The draft behind a form in which one writes: which one it is, what was typed, and saving it without losing anybody's words."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from commons import gate
from commons.access import acting
from commons.numbers import parse_number
from commons.once import fresh_key, is_done
from knowledge.ladder.forms import ComposeForm
from knowledge.posts.compare import Choice, Comparison, compare
from knowledge.posts.drafts import SavedMeanwhile, Words, begin_draft, save_draft
from knowledge.posts.forms import VersionForm
from knowledge.posts.models import Draft, Post, Version
from knowledge.posts.rungs import CASE_FIELDS
from knowledge.topics.models import IssueArea

if TYPE_CHECKING:
    from accounts.members.models import Member

# What a form sends beside what somebody typed, and what a draft keeps in a place of its own
ABOUT = ("csrfmiddlewaretoken", "action", "key", "draft", "edition", "sitting", "post", "organization", "title", "body")
GONE = "This draft was published or thrown away meanwhile. Look at what is there; your words are below, and can be published still."
# Other fields with words in them, which a version has elsewhere; called as their forms call them
FIELDS = {**ComposeForm.base_fields, **VersionForm.base_fields}
OTHERS = {name: str(FIELDS[name].label) for name in ("seen", "seen_source", "builds_on", "check_back", "note")}
PUBLISHED = "post_new"  # the form, as `once` calls it, by which what was typed is published
NOT_HERE = "This draft is not here: it was published or thrown away, or it is another’s. What you begin stands among your drafts."
VALUES_MOST = 200  # of all other fields together


@dataclass
class Writing:
    """The draft that a page writes on, if it is one already; the edition that the page shows, and the page's own name."""

    draft: Draft | None
    edition: int
    sitting: uuid.UUID
    post: Post | None = None
    is_gone: bool = False  # a draft was asked for that is none any more

    @property
    def initial(self) -> dict[str, Any]:
        """What the form begins with: what the draft says."""
        return initial_of(self.draft) if self.draft else {}


def opened(request: HttpRequest, post: Post | None = None) -> Writing:
    """What a page writes on. A form that was sent says itself; an address may name a draft (404 where it is not open to them).

    A draft that was published or thrown away meanwhile is none: what is sent then begins another.
    """
    sent = request.POST if request.method == "POST" else request.GET
    number = _number(sent.get("draft") or request.GET.get("draft", ""))
    drafts = Draft.objects.open_to(acting(request)).select_related("saved_by", "by", "note_by", "organization")
    draft = drafts.filter(pk=number, post=post).first() if number else None
    if request.method == "POST":
        sitting = _uuid(sent.get("sitting", "")) or fresh_key()
        if draft is None:  # the answer that named it may have been lost on the way
            draft = drafts.filter(by=acting(request), sitting=sitting, post=post).first()
        return Writing(draft, _number(sent.get("edition", "")), sitting, post, is_gone=bool(number) and draft is None)
    if number and draft is None:
        raise Http404(NOT_HERE)
    return Writing(draft, draft.edition if draft else 0, fresh_key(), post)


def _number(text: str) -> int:
    return parse_number(text) or 0


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text[:40])
    except ValueError:
        return None


def words_of(request: HttpRequest) -> Words:
    """What was typed, as a draft keeps it: unfinished or not. Raises ValidationError for what cannot be kept at all."""
    sent = request.POST
    title = gate.passed(sent.get("title", ""), limit=gate.BODY, lines=False)
    body = gate.passed(sent.get("body", ""), limit=gate.BODY, lines=True, what="a text")
    typed = {
        name[:80]: [gate.passed(value, limit=gate.BODY, lines=True) for value in values]
        for name, values in list(sent.lists())[:VALUES_MOST]
        if name not in ABOUT and any(values)
    }
    if len(title) > gate.TITLE:  # too long to be published; kept as it is until it is cut
        typed["title"] = [title]
        title = title[: gate.TITLE]
    return Words(title, body, typed, _number(sent.get("organization", "")) or None)


def keep(request: HttpRequest, writing: Writing) -> Draft | None:
    """Save what was typed: in the draft, or in a new one; nothing where nothing was typed yet.

    Raises SavedMeanwhile, TooManyDrafts, and ValidationError for what cannot be kept. Who may not write on the draft any more,
    or finds it gone, has what they typed kept in a draft of their own.
    """
    words, member = words_of(request), acting(request)
    if writing.draft is not None:
        try:
            return save_draft(writing.draft, words, by=member, base=writing.edition, sitting=writing.sitting)
        except (Draft.DoesNotExist, PermissionDenied):
            writing.draft = writing.post = None
    if not (words.title or words.body) or is_done(_uuid(request.POST.get("key", "")), by=member, form=PUBLISHED):
        return None
    return _begin(words, writing, member)


class Gone(Exception):
    """The draft that is to be published was published, or thrown away, meanwhile; the message says so in words."""


def finish(request: HttpRequest, writing: Writing) -> None:
    """Bring the draft that is about to be published up to what was typed, in the transaction that publishes it; `end` ends it.

    Raises SavedMeanwhile where somebody saved something else in it since the page was opened, and Gone where it is none any more.
    """
    by = acting(request)
    if writing.draft is None:
        if writing.is_gone:
            raise Gone(GONE)
        return
    try:
        save_draft(writing.draft, words_of(request), by=by, base=writing.edition, sitting=writing.sitting)
    except Draft.DoesNotExist:
        raise Gone(GONE) from None


def end(writing: Writing) -> None:
    """The draft that was published is none any more; its files are the post's by now."""
    if writing.draft is not None:
        Draft.objects.filter(pk=writing.draft.pk).delete()


def taken(response: HttpResponse, writing: Writing) -> HttpResponse:
    """The answer to a form whose words the site has taken: it tells the page's script, which kept them in the browser, once."""
    response.set_cookie(
        "taken", str(writing.sitting), max_age=60, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )  # read by static/js/drafts.js
    return response


def _begin(words: Words, writing: Writing, member: "Member") -> Draft:
    return begin_draft(
        by=member,
        title=words.title,
        body=words.body,
        typed=words.typed,
        organization=words.organization,
        post=writing.post,
        sitting=writing.sitting,
    )


def initial_of(draft: Draft) -> dict[str, Any]:
    """What a form begins with that writes on with this draft."""
    told = {name: values if name == "places" else values[0] for name, values in draft.typed.items() if values}
    told = {"title": draft.title, **told, "body": draft.body}
    return {**told, "organization": draft.organization_id} if draft.organization_id else told


def side_by_side(meanwhile: SavedMeanwhile, words: Words) -> Comparison:
    """What somebody saved meanwhile, beside what was typed here: their texts."""
    theirs = meanwhile.draft
    both = said(theirs.title, theirs.body, theirs.typed), said(words.title, words.body, words.typed)
    areas = area_names()
    chosen = chosen_in(theirs.typed, areas), chosen_in(words.typed, areas)
    choices = [Choice(name, chosen[0].get(name, []), chosen[1].get(name, [])) for name in {**chosen[0], **chosen[1]}]
    return Comparison(compare(*both).parts, choices)


def area_names() -> dict[str, str]:
    """The names of all issue areas, by what a form says of them."""
    return dict(IssueArea.objects.values_list("slug", "name"))


def chosen_in(typed: Mapping[str, Sequence[str]], areas: Mapping[str, str]) -> dict[str, list[str]]:
    """What was typed or chosen in a draft beside its texts, by the name of the field; what is empty is left out.

    `areas` are the names of issue areas.
    """
    texts = said("", "", typed)
    told = {
        "Issue areas": [areas.get(slug, slug) for slug in _all(typed, "area", "area_2", "area_3")],
        "Places": _all(typed, "places"),
        "Tags": [tag.strip() for tags in _all(typed, "tags") for tag in tags.split(",") if tag.strip()],
        "Language": [texts.get_language_display()] if _all(typed, "language") else [],
        "Licence": [texts.get_licence_display()] if _all(typed, "licence") else [],
        **{label: _all(typed, name) for name, label in OTHERS.items()},
    }
    return {label: values for label, values in told.items() if values}


def _all(typed: Mapping[str, Sequence[str]], *names: str) -> list[str]:
    return [value for name in names for value in typed.get(name, []) if value.strip()]


def said(title: str, body: str, typed: Any) -> Version:
    """A draft's texts in the shape of a version, to be compared; it is never saved."""
    others = {name: typed[name][0] for name in ("takeaway", "language", "licence", *CASE_FIELDS) if typed.get(name)}
    return Version(**{"title": title, "body": body, **others})
