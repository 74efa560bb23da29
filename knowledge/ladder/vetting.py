"""A vetting: opening it, reviewing, answering what is asked for, closing it. Each verb locks the post first.

Whether a finding is vetted is asked in one place, `_move_up_if_earned`, at the end of each verb that could have met the rule.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.members.limits import MOVES, REVIEWS
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.ladder.models import (
    Confirmation,
    Ending,
    Relation,
    RequestAnswer,
    RequestClosing,
    Review,
    Vetting,
)
from knowledge.ladder.permissions import (
    can_answer_request,
    can_close_request,
    can_confirm,
    can_decline,
    can_open_vetting,
    can_prolong,
    can_review,
    can_withdraw_vetting,
)
from knowledge.ladder.record import numbers, record_of
from knowledge.ladder.reviews import Judged, judged
from knowledge.ladder.rules import before_vetting, missing_for
from knowledge.posts.actions import ChangedMeanwhile, NotReady, put_on_rung, show
from knowledge.posts.listing import changed
from knowledge.posts.models import Move, Post, Version
from knowledge.posts.rungs import Rung

if TYPE_CHECKING:
    from accounts.members.models import Member
    from accounts.organizations.models import Organization

Moment = dt.datetime


class Closed(Exception):
    """The vetting, or the request, is not open any more; the message says so."""


class AlreadyReviewed(Exception):
    """The member has a verdict in this vetting already, and can change it."""


@dataclass(frozen=True)
class Opinion:
    """What a reviewer says, already through the gate."""

    verdict: str
    supports: str
    rely: str
    interest: str
    relation: str = Relation.NONE
    missing: str = ""
    try_next: str = ""


@transaction.atomic
def open_vetting(post: Post, *, by: "Member", asks: str, until: dt.date, at: Moment | None = None) -> Vetting:
    """Ask people outside whether the newest version holds up, until the end of a day. Raises NotReady while evidence is wanted."""
    keep_pace(MOVES, by=by)
    post = locked(post)
    require(can_open_vetting(by, post), "Owners and editors of the organization ask for a vetting, one at a time.")
    version = newest_of(post)
    if post.rung == Rung.VETTED and post.shown_id == version.pk:
        raise NotReady({"version": "This version is vetted already. Publish a newer one first."})
    told = record_of(post, version, [])
    missing = missing_for(Rung.EMERGING, told, numbers())
    missing |= {want.key: want.do for want in before_vetting(told, numbers()) if not want.met}
    if missing:
        raise NotReady(missing)
    made = Vetting.objects.create(
        post=post, version=version, asks=asks, until=until, opened_by=by, opened_at=at or timezone.now()
    )
    post.vetting_until = until
    post.save(update_fields=["vetting_until"])
    record(
        Verb.OPENED_VETTING,
        by=by,
        subject=made,
        organization=post.organization,
        at=at,
        post=post.number,
        version=version.number,
    )
    changed(post)
    return made


@transaction.atomic
def review(
    vetting: Vetting,
    opinion: Opinion,
    *,
    by: "Member",
    organization: "Organization | None",
    read: int,
    again: bool = False,
    at: Moment | None = None,
) -> Review:
    """Sign a verdict on the version of this number (`read`); `again` changes the verdict one has given before.

    With the last thing that the rule wants the post moves up, in this transaction. Raises Closed, ChangedMeanwhile when a
    newer version is out than was read, AlreadyReviewed, and, for `again`, NotReady where there is no verdict to change.
    """
    keep_pace(REVIEWS, by=by)
    post, vetting = _locked_vetting(vetting)
    speaks_for = organization.pk if organization else None
    require(
        can_review(by, post, speaks_for),
        "A review is by a member from outside the organization and its authors, for an organization of theirs.",
    )
    newest = newest_of(post)
    if newest.number != read:
        raise ChangedMeanwhile(newest)
    earlier = vetting.reviews.filter(by=by).exists()
    if earlier and not again:
        raise AlreadyReviewed
    if again and not earlier:
        raise NotReady({"verdict": "There is no verdict of yours here to change. Review it first."})
    made = Review.objects.create(
        vetting=vetting,
        version=newest,
        by=by,
        organization=organization,
        verdict=opinion.verdict,
        supports=opinion.supports,
        missing=opinion.missing,
        try_next=opinion.try_next,
        rely=opinion.rely,
        relation=opinion.relation,
        interest=opinion.interest,
        at=at or timezone.now(),
    )
    verb = Verb.CHANGED_VERDICT if earlier else Verb.REVIEWED
    record(verb, by=by, subject=made, organization=organization, at=at, post=post.number, verdict=str(opinion.verdict))
    if not _move_up_if_earned(post, vetting, newest, at=at):
        changed(post)
    return made


@transaction.atomic
def answer_request(review: Review, *, by: "Member", words: str, at: Moment | None = None) -> RequestAnswer:
    """Say that a version published since answers a request for more. It lapses when its reviewer is silent for some days.

    Raises Closed, and NotReady while no newer version is out.
    """
    keep_pace(MOVES, by=by)
    post, vetting = _locked_vetting(review.vetting)
    require(can_answer_request(by, post), "Owners and editors of the organization answer for it.")
    newest = newest_of(post)
    _open_request(post, vetting, newest, review)
    if review.version_id == newest.pk:
        raise NotReady({"version": "Publish a version that answers it first."})
    if RequestAnswer.objects.filter(review=review).exists():
        raise Closed("It was answered already, and waits for its reviewer.")
    at = at or timezone.now()
    made = RequestAnswer.objects.create(
        review=review,
        version=newest,
        words=words,
        by=by,
        at=at,
        lapses_at=at + dt.timedelta(days=settings.REQUEST_LAPSES_DAYS),
    )
    record(Verb.ANSWERED_REQUEST, by=by, subject=review, organization=post.organization, at=at, post=post.number)
    changed(post)
    return made


@transaction.atomic
def prolong(answer: RequestAnswer, *, by: "Member", until: Moment) -> RequestAnswer:
    """Give a reviewer more time before a request for more lapses: moderators. Raises Closed when it is open no longer."""
    post, vetting = _locked_vetting(answer.review.vetting)
    require(can_prolong(by), "Moderators give reviewers more time.")
    _open_request(post, vetting, newest_of(post), answer.review)
    answer.lapses_at = until
    answer.save(update_fields=["lapses_at"])
    record(Verb.PROLONGED_REQUEST, by=by, subject=answer.review, organization=post.organization, post=post.number)
    changed(post)
    return answer


@transaction.atomic
def close_request(review: Review, *, by: "Member | None", at: Moment | None = None) -> RequestClosing:
    """Close a request for more: its reviewer; or, with nobody's name, the schedule, when it has lapsed.

    Raises Closed when it is open no longer, or has not lapsed yet.
    """
    post, vetting = _locked_vetting(review.vetting)
    at = at or timezone.now()
    newest = newest_of(post)
    if by is not None:
        require(can_close_request(by, post, review), "The reviewer who asked for more says that it is there.")
    elif not RequestAnswer.objects.filter(review=review, lapses_at__lte=at).exists():
        raise Closed("It has not lapsed yet.")
    _open_request(post, vetting, newest, review)
    made = RequestClosing.objects.create(review=review, by=by, at=at)
    record(Verb.CLOSED_REQUEST, by=by, subject=review, organization=post.organization, at=at, post=post.number)
    if not _move_up_if_earned(post, vetting, newest, at=at):
        changed(post)
    return made


@transaction.atomic
def withdraw_vetting(vetting: Vetting, *, by: "Member", why: str = "", at: Moment | None = None) -> Vetting:
    """End a vetting without a verdict: the organization. Raises Closed."""
    post, vetting = _locked_vetting(vetting)
    require(can_withdraw_vetting(by, post), "Owners and editors of the organization withdraw its vettings.")
    close(post, vetting, Ending.WITHDRAWN, by=by, why=why, at=at)
    changed(post)
    return vetting


@transaction.atomic
def decline(vetting: Vetting, *, by: "Member | None", why: str = "", at: Moment | None = None) -> Vetting:
    """End a vetting that did not get what it wanted: a moderator; or, with nobody's name, the schedule, after its last day.

    Raises Closed when it was closed already, or its last day has not passed.
    """
    post, vetting = _locked_vetting(vetting)
    at = at or timezone.now()
    if by is not None:
        require(can_decline(by), "Moderators decline a vetting.")
    elif vetting.until >= at.date():
        raise Closed("Its last day has not passed.")
    close(post, vetting, Ending.DECLINED, by=by, why=why, at=at)
    changed(post)
    return vetting


@transaction.atomic
def confirm_editorial(version: Version, *, by: "Member") -> Confirmation:
    """Say, as one of those who vetted a post, that its newest version changes nothing of substance: readers see it from then on.

    Raises ChangedMeanwhile when a newer version is out, Closed when this one is what readers see already.
    """
    post = locked(version.post)
    newest = newest_of(post)
    if newest.pk != version.pk:
        raise ChangedMeanwhile(newest)
    if post.shown_id == version.pk:
        raise Closed("Readers see this version already.")
    require(can_confirm(by, post), "One of those who vetted it says that a change is editorial.")
    made = Confirmation.objects.create(version=version, vetted=post.shown, by=by)
    record(Verb.CONFIRMED_EDITORIAL, by=by, subject=post, organization=post.organization, version=version.number)
    show(post, version)
    return made


def close(
    post: Post, vetting: Vetting, ending: Ending, *, by: "Member | None", why: str = "", at: Moment | None = None
) -> None:
    """Close an open vetting of a locked post. Part of a verb: asks nothing, and leaves it to the verb to make pages anew."""
    vetting.ending, vetting.closed_by, vetting.closed_why = ending, by, why
    vetting.closed_at = at or timezone.now()
    vetting.save(update_fields=["ending", "closed_by", "closed_why", "closed_at"])
    post.vetting_until = None
    post.save(update_fields=["vetting_until"])
    record(
        Verb.CLOSED_VETTING,
        by=by,
        subject=vetting,
        organization=post.organization,
        at=at,
        post=post.number,
        ending=str(ending),
    )


def locked(post: Post) -> Post:
    """The post as it is now, held until this transaction ends."""
    return (
        Post.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization", "shown")
        .get(pk=post.pk)
    )


def newest_of(post: Post) -> Version:
    """The newest version of a locked post: what a vetting is about."""
    return post.versions.select_related("by").latest("number")


def _locked_vetting(vetting: Vetting) -> tuple[Post, Vetting]:
    post = (
        Post.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization", "shown")
        .get(pk=vetting.post_id)
    )
    vetting = Vetting.objects.get(pk=vetting.pk)
    if vetting.closed_at:
        raise Closed("This vetting is closed.")
    return post, vetting


def _open_request(post: Post, vetting: Vetting, newest: Version, review: Review) -> Judged:
    found = next((each for each in judged(vetting, post, newest) if each.review.pk == review.pk), None)
    if found is None or not found.is_open_request:
        raise Closed("This request for more is not open any more.")
    return found


def _move_up_if_earned(post: Post, vetting: Vetting, newest: Version, *, at: Moment | None) -> Move | None:
    """Put the post on the top rung where its record has earned that: with the last approver's name, and the vetting as cause."""
    reviews = judged(vetting, post, newest)
    if post.aside_at or missing_for(Rung.VETTED, record_of(post, newest, reviews), numbers()):
        return None
    approvals = [each.review for each in reviews if each.approves]
    names = dict.fromkeys(review.organization.name for review in approvals if review.organization)
    last = approvals[-1].by
    close(post, vetting, Ending.UP, by=last, at=at)
    why = f"Approved by {' and '.join(names)}."[: Move._meta.get_field("why").max_length]  # type: ignore[union-attr]
    move = put_on_rung(post, Rung.VETTED, by=last, why=why, version=newest, at=at, cause=vetting)
    show(post, newest)
    return move
