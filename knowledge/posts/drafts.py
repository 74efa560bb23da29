"""Drafts of new posts: begun, by mail or on the site, and kept for their author alone until they are published or thrown away."""

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.organizations.permissions import can_publish_for
from commons.access import require
from knowledge.posts.models import Draft

if TYPE_CHECKING:
    from accounts.members.models import Member

DRAFTS_MOST = 200  # of one member at a time


class TooManyDrafts(Exception):
    """The member has as many drafts as one may have at a time."""


@transaction.atomic
def begin_draft(*, by: "Member", title: str, body: str, from_mail: bool = False) -> Draft:
    """Keep a draft for a member, for the organization they publish for, where it is one. Raises TooManyDrafts."""
    require(by.is_active)
    if Draft.objects.filter(by=by).count() >= DRAFTS_MOST:
        raise TooManyDrafts
    publishing = [organization for organization in by.organization_ids if can_publish_for(by, organization)]
    own = publishing[0] if len(publishing) == 1 else None
    return Draft.objects.create(by=by, organization_id=own, title=title, body=body, from_mail=from_mail)


@transaction.atomic
def discard_draft(draft: Draft, *, by: "Member") -> None:
    """Throw a draft away: its author does, or its publication. Twice is once."""
    require(draft.by_id == by.pk, "Only its author has anything to do with a draft.")
    Draft.objects.filter(pk=draft.pk).delete()
