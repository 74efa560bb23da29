"""Comments on drafts: what somebody said who was shown one before it is published."""

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.members.limits import COMMENTS
from commons import markup
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.comments.models import DraftComment
from knowledge.posts.drafts import can_write
from knowledge.posts.models import Draft
from knowledge.stored.fragments import renderer

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.members.models import Member

COMMENTS_MOST = 200  # on one draft


class TooManyComments(Exception):
    """The draft has as many comments as one may have; the message says so, in words for who wrote another."""

    def __init__(self) -> None:
        super().__init__(f"It has {COMMENTS_MOST} comments already. Tell its writers in another way.")


@transaction.atomic
def comment_on_draft(draft: Draft, *, by: "Member", body: str, key: str | None = None) -> DraftComment:
    """Say something on a draft; who writes on it hears of it. Raises TooManyComments.

    `key` is the secret part of the address by which a member reads it who does not write on it. Raises PermissionDenied
    where that is none any more, and Draft.DoesNotExist when the draft is gone.
    """
    keep_pace(COMMENTS, by=by)
    held = Draft.objects.select_for_update(of=("self",)).select_related("organization").get(pk=draft.pk)
    require(
        by.is_active and (can_write(by, held) or (bool(key) and key == held.share_key)),
        "It is not shown to you any more.",
    )
    if held.comments.count() >= COMMENTS_MOST:
        raise TooManyComments
    made = DraftComment.objects.create(draft=held, by=by, body=body)
    record(Verb.COMMENTED_ON_DRAFT, by=by, subject=held, organization=held.organization)
    return made


def comments_on(draft: Draft) -> list[DraftComment]:
    """What was said on a draft, in order, each rendered: once, and anew where what renders it has changed."""
    said = list(draft.comments.select_related("by"))
    unmade = [one for one in said if one.renderer != renderer()]
    for one in unmade:
        rendered = markup.render(one.body, prefix=f"c{one.pk}-", top=3)
        one.html, one.renderer = rendered.html, renderer() if rendered.is_whole else ""  # the next time once more
    DraftComment.objects.bulk_update(unmade, ["html", "renderer"])
    for one in said:
        one.draft = draft
    return said


@transaction.atomic
def take_back(this: DraftComment, *, by: "Member") -> None:
    """Throw a comment on a draft away. Twice is once."""
    held = DraftComment.objects.select_related("draft").filter(pk=this.pk).first()
    if held is not None:
        require(can_take_back(by, held), "Who said it takes it back, and those who write on the draft.")
        held.delete()


def can_take_back(viewer: "Member | AnonymousUser", this: DraftComment) -> bool:
    """Who said it, and those who write on the draft."""
    return this.by_id == viewer.pk or can_write(viewer, this.draft)
