"""What can be done with evidence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.members.models import Member
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from knowledge.evidence.models import Evidence, Kind, Strength
from knowledge.evidence.permissions import can_add_evidence, can_withdraw_evidence
from knowledge.evidence.producers import is_outside
from knowledge.posts.attachments import Upload, attach
from knowledge.posts.listing import changed
from knowledge.posts.models import Post

if TYPE_CHECKING:
    import datetime as dt

    from accounts.organizations.models import Organization


@dataclass(frozen=True)
class Piece:
    """What somebody says of one piece of evidence, already through the gate. Without a producer it is the organization's own."""

    statement: str
    kind: str = Kind.OBSERVATION
    strength: str = Strength.ANECDOTAL
    producer: str = ""
    period: str = ""
    link: str = ""
    source: str = ""
    upload: Upload | None = None


class EvidenceIsGone(Exception):
    """The piece of evidence was withdrawn meanwhile."""


@transaction.atomic
def add_evidence(post: Post, piece: Piece, *, by: "Member", at: "dt.datetime | None" = None) -> Evidence:
    """Add a piece of evidence to a post: its organization's owners and editors."""
    post = Post.objects.select_for_update(of=("self",)).select_related("organization").get(pk=post.pk)
    require(can_add_evidence(by, post), "Owners and editors of the organization say what its posts rest on.")
    producer = piece.producer or post.organization.name[:120]
    made = Evidence.objects.create(
        post=post,
        kind=piece.kind,
        strength=piece.strength,
        statement=piece.statement,
        producer=producer,
        from_outside=is_outside(producer, _insiders(post.organization)),
        period=piece.period,
        link=piece.link,
        source=piece.source,
        attachment=attach(post, piece.upload, by=by) if piece.upload else None,
        by=by,
        at=at or timezone.now(),
    )
    Post.objects.filter(pk=post.pk).update(evidence_count=F("evidence_count") + 1)
    record(Verb.ADDED_EVIDENCE, by=by, subject=made, organization=post.organization, post=post.number)
    changed(post)
    return made


@transaction.atomic
def withdraw_evidence(evidence: Evidence, *, by: "Member", why: str) -> Evidence:
    """Take a piece of evidence back, with a reason. A marker stays; the rung it helped to earn stays too, and may be left by a move.

    Raises EvidenceIsGone when it was withdrawn already.
    """
    post = Post.objects.select_for_update(of=("self",)).select_related("organization").get(pk=evidence.post_id)
    evidence = Evidence.objects.select_for_update().get(pk=evidence.pk)
    evidence.post = post
    if evidence.withdrawn_at:
        raise EvidenceIsGone
    require(can_withdraw_evidence(by, evidence), "Owners and editors of the organization withdraw its evidence.")
    evidence.withdrawn_at, evidence.withdrawn_by, evidence.withdrawn_why = timezone.now(), by, why
    evidence.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why"])
    Post.objects.filter(pk=post.pk).update(evidence_count=F("evidence_count") - 1)
    record(Verb.WITHDREW_EVIDENCE, by=by, subject=evidence, organization=post.organization, post=post.number)
    changed(post)
    return evidence


def _insiders(organization: "Organization") -> list[str]:
    names = Member.objects.filter(memberships__organization=organization).values_list("name", flat=True)
    return [organization.name, *names]
