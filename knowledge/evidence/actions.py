"""What can be done with evidence."""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.members.limits import EDITS, EVIDENCE, FIELD_REPORTS
from accounts.members.models import Member
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.evidence.grounds import ask_again
from knowledge.evidence.models import Evidence, FieldReport, Kind, ReportVersion, Strength
from knowledge.evidence.permissions import can_add_evidence, can_edit_report, can_report, can_withdraw_evidence
from knowledge.evidence.producers import is_outside
from knowledge.posts.attachments import Undrawn, Upload, attach
from knowledge.posts.conversions import begin_conversion
from knowledge.posts.listing import changed, neighbours
from knowledge.posts.models import ConversionKind, Post

if TYPE_CHECKING:
    import datetime as dt

    from accounts.organizations.models import Organization
    from knowledge.posts.models import Conversion
    from knowledge.topics.models import Place


MAY_NOT_ADD = "Owners and editors of the organization say what its posts rest on."


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


@dataclass(frozen=True)
class Account:
    """What a field report says, already through the gate."""

    place: "Place"
    began: "dt.date"
    ended: "dt.date | None"
    served: str
    account: str
    outcome: str
    differently: str = ""
    works_when: str = ""
    struggled_when: str = ""
    tell: str = ""


class EvidenceIsGone(Exception):
    """The piece of evidence was withdrawn meanwhile."""


@transaction.atomic
def add_evidence(post: Post, piece: Piece, *, by: "Member", at: "dt.datetime | None" = None) -> Evidence:
    """Add a piece of evidence to a post: its organization's owners and editors."""
    keep_pace(EVIDENCE, by=by)
    return write_evidence(post, piece, by=by, at=at)


def write_evidence(post: Post, piece: Piece, *, by: "Member", at: "dt.datetime | None" = None) -> Evidence:
    """Add a piece of evidence to a post. Part of a verb, which keeps its own pace."""
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=post.pk)
    require(can_add_evidence(by, post), MAY_NOT_ADD)
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
    record(Verb.ADDED_EVIDENCE, by=by, subject=made, organization=post.organization, at=at, post=post.number)
    changed(post)
    return made


@transaction.atomic
def add_evidence_later(post: Post, piece: Piece, picture: Undrawn, *, by: "Member") -> "Conversion":
    """Have the worker draw a picture anew, and then add the piece of evidence that it shows.

    Raises what `begin_conversion` raises.
    """
    keep_pace(EVIDENCE, by=by)
    require(can_add_evidence(by, post), MAY_NOT_ADD)
    typed = asdict(replace(piece, upload=None))
    del typed["upload"]
    return begin_conversion(ConversionKind.PICTURE, picture.file, by=by, post=post, typed=typed)


def add_waiting_evidence(conversion: "Conversion", upload: Upload) -> Evidence:
    """Add the piece of evidence that waited for its picture: as `add_evidence` does, where its member still may."""
    assert conversion.post is not None
    return add_evidence(conversion.post, Piece(**conversion.typed, upload=upload), by=conversion.by)


@transaction.atomic
def withdraw_evidence(evidence: Evidence, *, by: "Member", why: str) -> Evidence:
    """Take a piece of evidence back, with a reason. A marker stays; the rung it helped to earn stays too, and may be left by a move.

    Raises EvidenceIsGone when it was withdrawn already.
    """
    post = (
        Post.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=evidence.post_id)
    )
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


@transaction.atomic
def report(
    post: Post, account: Account, *, by: "Member", organization: "Organization", at: "dt.datetime | None" = None
) -> FieldReport:
    """Say how it went when another organization tried what a post says."""
    keep_pace(FIELD_REPORTS, by=by)
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=post.pk)
    require(can_report(by, post, organization.pk), "Field reports are for owners and editors of another organization.")
    at = at or timezone.now()
    made = FieldReport.objects.create(post=post, organization=organization, by=by, at=at)
    version = ReportVersion.objects.create(report=made, number=1, by=by, at=at, **_said(account))
    made.shown = version
    made.save(update_fields=["shown"])
    Post.objects.filter(pk=post.pk).update(report_count=F("report_count") + 1)
    record(
        Verb.REPORTED,
        by=by,
        subject=made,
        organization=organization,
        at=at,
        post=post.number,
        outcome=str(account.outcome),
    )
    ask_again(post)
    changed(post, around=neighbours(post))
    return made


@transaction.atomic
def edit_report(this: FieldReport, account: Account, *, by: "Member") -> FieldReport:
    """Publish the next version of a field report. Saying again just what it says makes none."""
    keep_pace(EDITS, by=by)
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=this.post_id)
    this = FieldReport.objects.select_for_update(of=("self",)).select_related("shown", "organization").get(pk=this.pk)
    this.post = post
    require(can_edit_report(by, this), "Owners and editors of the organization that tried it change a field report.")
    said = _said(account)
    if all(getattr(this.shown, name) == value for name, value in said.items()):
        return this
    this.shown = ReportVersion.objects.create(report=this, number=this.shown.number + 1, by=by, **said)
    this.save(update_fields=["shown"])
    record(
        Verb.EDITED_REPORT,
        by=by,
        subject=this,
        organization=this.organization,
        post=post.number,
        version=this.shown.number,
    )
    ask_again(post)
    changed(post, around=neighbours(post))
    return this


@transaction.atomic
def withdraw_report(this: FieldReport, *, by: "Member", why: str) -> FieldReport:
    """Take a field report back, with a reason: a marker stays. Raises EvidenceIsGone when it was withdrawn already."""
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=this.post_id)
    this = FieldReport.objects.select_for_update(of=("self",)).select_related("organization").get(pk=this.pk)
    this.post = post
    if this.withdrawn_at:
        raise EvidenceIsGone
    require(can_edit_report(by, this), "Owners and editors of the organization that tried it withdraw a field report.")
    this.withdrawn_at, this.withdrawn_why = timezone.now(), why
    this.save(update_fields=["withdrawn_at", "withdrawn_why"])
    Post.objects.filter(pk=post.pk).update(report_count=F("report_count") - 1)
    record(Verb.WITHDREW_REPORT, by=by, subject=this, organization=this.organization, post=post.number)
    ask_again(post)
    changed(post, around=neighbours(post))
    return this


def _said(account: Account) -> dict[str, object]:
    return {name: getattr(account, name) for name in Account.__dataclass_fields__}


def _insiders(organization: "Organization") -> list[str]:
    names = Member.objects.filter(memberships__organization=organization).values_list("name", flat=True)
    return [organization.name, *names]
