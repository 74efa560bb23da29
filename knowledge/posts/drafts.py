"""Drafts of posts and of their next versions: begun, saved as one types, finished by a colleague, sent to an editor, shared.

Whoever saves what stands on an older edition than the newest is shown both, and nobody's words are lost: what a draft said
before somebody else wrote on stays among its editions.
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from accounts.members.limits import DRAFTS, EDITS, MOVES
from accounts.members.models import Member
from accounts.organizations.permissions import can_draft_for, can_publish_for
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.posts.attachments import hold
from knowledge.posts.models import Draft, DraftEdition, Post

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

DRAFTS_MOST = 200  # of one member at a time
SAME_NOTE = dt.timedelta(hours=1)  # for which a note with the same words is the one that was sent already
EDITIONS_MOST = 100  # of one draft; the oldest go first
SITTING_MOST = dt.timedelta(minutes=10)  # what one page saves within so long is one edition


class TooManyDrafts(Exception):
    """The member has as many drafts as one may have at a time; the message says so, in words for them."""

    def __init__(self) -> None:
        super().__init__(f"You have {DRAFTS_MOST} drafts. Publish some, or throw some away.")


class SavedMeanwhile(Exception):
    """Somebody, or another page, saved the draft since this one was opened; `draft` is as it stands now."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(f"{draft.saved_by or draft.by} saved it meanwhile.")
        self.draft = draft


@dataclass(frozen=True)
class Words:
    """What a draft says: title and text, and the other fields of its form as they were typed, by name."""

    title: str = ""
    body: str = ""
    typed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    organization: int | None = None

    def same_as(self, draft: Draft) -> bool:
        """Whether a draft says this already."""
        held = (draft.title, draft.body, draft.typed, draft.organization_id)
        return held == (
            self.title,
            self.body,
            {name: list(values) for name, values in self.typed.items()},
            self.organization,
        )


def require_room_for_draft(member: "Member") -> None:
    """Go on when a member may have another draft; else raise TooManyDrafts."""
    if Draft.objects.filter(by=member).count() >= DRAFTS_MOST:
        raise TooManyDrafts


def begin_draft(
    *,
    by: "Member",
    title: str,
    body: str,
    from_mail: bool = False,
    typed: Mapping[str, Sequence[str]] | None = None,
    organization: int | None = None,
    post: Post | None = None,
    sitting: uuid.UUID | None = None,
) -> Draft:
    """Keep a draft for a member, for the organization they publish for, where it is one. Raises TooManyDrafts.

    With `post` it is of that post's next version, which members of its organization write. A page (`sitting`) begins one draft,
    however many of its savings come at once: what came later is saved in it.
    """
    require(by.is_active)
    words = Words(title, body, typed or {}, organization)
    with transaction.atomic():
        Member.objects.select_for_update(no_key=True).get(
            pk=by.pk
        )  # who comes at the same moment waits, and is counted
        begun = Draft.objects.filter(by=by, sitting=sitting, post=post).first() if sitting else None
        if begun is None:
            keep_pace(DRAFTS, by=by)
            require_room_for_draft(by)
            return _begun(by, words, post, sitting, from_mail=from_mail)
    # In a transaction of its own: whoever publishes holds the draft before they wait for the member
    return save_draft(begun, words, by=by, base=begun.edition, sitting=sitting)


def _begun(by: "Member", words: Words, post: Post | None, sitting: uuid.UUID | None, *, from_mail: bool) -> Draft:
    organization = words.organization
    if post is not None:
        require(can_draft_for(by, post.organization_id), "Members of its organization write a post's next version.")
        organization = post.organization_id
    elif organization is None or not can_draft_for(by, organization):
        publishing = [own for own in by.organization_ids if can_publish_for(by, own)]
        organization = publishing[0] if len(publishing) == 1 else None
    made = Draft.objects.create(
        by=by, saved_by=by, organization_id=organization, post=post, title=words.title, body=words.body,
        typed={name: list(values) for name, values in words.typed.items()}, from_mail=from_mail, sitting=sitting,
    )  # fmt: skip
    _keep_edition(made, by)
    hold(made, by=by)
    return made


@transaction.atomic
def capture_draft(*, by: "Member", title: str, body: str) -> Draft:
    """Keep a note as a draft. The same words sent again within `SAME_NOTE` are the same draft. Raises TooManyDrafts.

    The form for it stands on pages that browsers keep, which hold no key of their own.
    """
    get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)  # two at once: one after the other
    since = timezone.now() - SAME_NOTE
    same = Draft.objects.filter(by=by, post=None, title=title, body=body, made_at__gte=since).order_by("pk").first()
    return same or begin_draft(by=by, title=title, body=body)


@transaction.atomic
def save_draft(draft: Draft, words: Words, *, by: "Member", base: int, sitting: uuid.UUID | None) -> Draft:
    """Save what was typed in a draft. `base` is the edition it stands on, `sitting` the page it was typed in.

    The same page may save again although its last answer was lost on the way. Raises SavedMeanwhile where another page saved
    something else since; PermissionDenied for who may not write on it; Draft.DoesNotExist when it is gone.
    """
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    require(can_write(by, held), "You may not write on this draft any more.")
    if held.post_id or words.organization is None or not can_draft_for(by, words.organization):
        words = Words(words.title, words.body, words.typed, held.organization_id)
    if words.same_as(held):
        return held
    if held.edition != base and (sitting is None or held.sitting != sitting):
        raise SavedMeanwhile(held)
    held.title, held.body, held.organization_id = words.title, words.body, words.organization
    held.typed = {name: list(values) for name, values in words.typed.items()}
    another_page = held.sitting != sitting
    held.edition, held.sitting, held.saved_by, held.saved_at = held.edition + 1, sitting, by, timezone.now()
    held.save()
    _keep_edition(held, by, anew=another_page)
    hold(held, by=by)
    return held


@transaction.atomic
def keep_aside(draft: Draft, words: Words, *, by: "Member") -> None:
    """Keep words that are not to take the place of what a draft says: they stand among its editions."""
    keep_pace(EDITS, by=by)
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    require(can_write(by, held), "You may not write on this draft any more.")
    typed = {name: list(values) for name, values in words.typed.items()}
    DraftEdition.objects.create(draft=held, by=by, number=held.edition, title=words.title, body=words.body, typed=typed)
    _trim_editions(held)


def _keep_edition(draft: Draft, by: "Member", *, anew: bool = True) -> None:
    """Keep what a draft says now: in place of what the same page saved a moment ago, or beside it."""
    told = {"title": draft.title, "body": draft.body, "typed": draft.typed, "number": draft.edition}
    # What it said before: the first of that number, since what was kept aside beside it came later
    last = draft.editions.filter(number=draft.edition - 1).last()
    if not anew and last and last.by_id == by.pk and draft.saved_at - last.at < SITTING_MOST:
        DraftEdition.objects.filter(pk=last.pk).update(**told)
        return
    DraftEdition.objects.create(draft=draft, by=by, at=draft.saved_at, **told)
    _trim_editions(draft)


def _trim_editions(draft: Draft) -> None:
    kept = draft.editions.values_list("pk", flat=True)[:EDITIONS_MOST]
    draft.editions.exclude(pk__in=list(kept)).delete()


@transaction.atomic
def discard_draft(draft: Draft, *, by: "Member") -> None:
    """Throw a draft away: who may write on it does, or its publication. Twice is once."""
    held = Draft.objects.select_for_update().filter(pk=draft.pk).first()
    if held is not None:
        require(can_discard(by, held), "Who began a draft, and those who publish for its organization, throw it away.")
        held.delete()


# Sent to an editor, and back


@transaction.atomic
def propose_draft(draft: Draft, *, by: "Member") -> Draft:
    """Send a draft to those who publish for its organization. Twice is once."""
    keep_pace(MOVES, by=by)
    held = Draft.objects.select_for_update(of=("self",)).select_related("organization").get(pk=draft.pk)
    require(can_write(by, held), "You may not write on this draft any more.")
    require(held.organization is not None, "Say which organization it is for.")
    if held.proposed_at is None:
        held.proposed_at, held.proposed_by, held.note, held.note_by = timezone.now(), by, "", None
        held.save()
        record(Verb.PROPOSED_DRAFT, by=by, subject=held, organization=held.organization)
    return held


@transaction.atomic
def return_draft(draft: Draft, note: str, *, by: "Member") -> Draft:
    """Give a draft back to the colleague who sent it, with a note."""
    held = Draft.objects.select_for_update(of=("self",)).select_related("organization").get(pk=draft.pk)
    require(can_finish(by, held), "Owners and editors of the organization answer a draft that was sent to them.")
    if held.proposed_at is not None:
        held.proposed_at, held.note, held.note_by = None, note, by
        held.save()
        record(Verb.RETURNED_DRAFT, by=by, subject=held, organization=held.organization)
    return held


# Shown before it is published


@transaction.atomic
def share_draft(draft: Draft, *, by: "Member", on: bool = True) -> Draft:
    """Let whoever knows its secret address read a draft; another address than before, where it had one. Or nobody, again."""
    held = Draft.objects.select_for_update().get(pk=draft.pk)
    require(can_write(by, held), "You may not write on this draft any more.")
    held.share_key = secrets.token_urlsafe(24) if on else None
    held.save(update_fields=["share_key"])
    return held


# Who may


def can_write(viewer: "Member | AnonymousUser", draft: Draft) -> bool:
    """Who began it, while it is of no organization; else the members of its organization."""
    if draft.organization_id is None:
        return viewer.is_authenticated and viewer.is_active and draft.by_id == viewer.pk
    return can_draft_for(viewer, draft.organization_id)


def can_finish(viewer: "Member | AnonymousUser", draft: Draft) -> bool:
    """Those who may publish it: the owners and editors of its organization."""
    return draft.organization_id is not None and can_publish_for(viewer, draft.organization_id)


def can_discard(viewer: "Member | AnonymousUser", draft: Draft) -> bool:
    """Who began it, and those who may publish it."""
    return can_write(viewer, draft) and (draft.by_id == viewer.pk or can_finish(viewer, draft))
