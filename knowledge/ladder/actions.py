"""What changes a post's standing. Every verb locks the post first, so that two of them on one post happen one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.members.limits import MOVES, POSTS
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.evidence.actions import Piece, write_evidence
from knowledge.evidence.grounds import ask_again
from knowledge.evidence.models import StillHolds
from knowledge.ladder.models import Ending, Lesson
from knowledge.ladder.permissions import can_move_up, can_set_aside, can_step_down, can_take_up
from knowledge.ladder.record import numbers, open_vetting_of, record_of
from knowledge.ladder.rules import Record, missing_for
from knowledge.ladder.vetting import close, locked, newest_of
from knowledge.posts.actions import Content, NotReady, begin, put_aside, put_on_rung, show
from knowledge.posts.lineage import end_link, make_link, one_writer, write_link
from knowledge.posts.listing import changed, relist, told_at_the_end
from knowledge.posts.models import Link, LinkKind, Move, Post
from knowledge.posts.permissions import can_edit
from knowledge.posts.rungs import Rung

if TYPE_CHECKING:
    import datetime as dt

    from accounts.members.models import Member
    from accounts.organizations.models import Organization


@dataclass(frozen=True)
class AfterAction:
    """The four answers of an after-action review, already through the gate."""

    expected: str
    happened: str
    because: str
    next_time: str


@transaction.atomic
def publish_emerging(
    content: Content,
    pieces: Sequence[Piece],
    *,
    by: "Member",
    organization: "Organization",
    why: str = "",
    authors: Sequence["Member"] = (),
    builds_on: Sequence[Post] = (),
    at: "dt.datetime | None" = None,
) -> Post:
    """Publish a new post as an emerging approach, with its first evidence and what it grew out of.

    Raises NotReady where its case is not complete, and what `lineage.link` raises.
    """
    missing = missing_for(Rung.EMERGING, Record(case=content.case, evidence=len(pieces)), numbers())
    if missing:
        raise NotReady(missing)
    keep_pace(POSTS, by=by)
    with told_at_the_end():
        one_writer(builds_on)
        post = begin(content, Rung.EMERGING, by=by, organization=organization, why=why, authors=authors, at=at)
        for piece in pieces:
            write_evidence(post, piece, by=by, at=at)
        for ground in builds_on:
            write_link(post, ground, LinkKind.BUILDS_ON, by=by, at=at)
    return post


@transaction.atomic
def move_up(post: Post, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> Move:
    """Move a hunch up to emerging approach, if its case is complete (NotReady). Only a vetting moves further up."""
    keep_pace(MOVES, by=by)
    post = locked(post)
    require(can_move_up(by, post), "Owners and editors of the organization move its hunches up.")
    version = newest_of(post)
    if missing := missing_for(Rung.EMERGING, record_of(post, version), numbers()):
        raise NotReady(missing)
    move = put_on_rung(post, Rung.EMERGING, by=by, why=why, version=version, at=at)
    relist(post)
    return move


@transaction.atomic
def step_down(post: Post, rung: Rung, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> Move:
    """Move a post down to a lower rung, with a reason. Readers then see its newest version. Raises NotReady for a rung not below."""
    keep_pace(MOVES, by=by)
    post = locked(post)
    require(can_step_down(by, post), "The post's organization, and moderators, step it down.")
    if rung >= post.rung:
        raise NotReady({"rung": f"It stands on {Rung(post.rung).label} already. Choose a rung below."})
    version = newest_of(post)
    if rung == Rung.HUNCH:
        _end_vetting(post, by=by, why=why, at=at)
    move = put_on_rung(post, rung, by=by, why=why, version=version, at=at)
    show(post, version)
    ask_again(post)
    return move


@transaction.atomic
def set_aside(
    post: Post,
    *,
    by: "Member",
    why: str,
    lesson: AfterAction | None = None,
    superseded_by: Post | None = None,
    at: "dt.datetime | None" = None,
) -> Move:
    """Say that a post did not hold up: what was learned, or which post supersedes it. It stays readable, and keeps its rung.

    Raises NotReady without either, and Unlinkable for a post that cannot supersede it.
    """
    keep_pace(MOVES, by=by)
    post = locked(post)
    require(can_set_aside(by, post), "Owners and editors of the organization set its posts aside.")
    if lesson is None and superseded_by is None:
        raise NotReady({"expected": "Say what was learned, or name the post that supersedes it."})
    _end_vetting(post, by=by, why=why, at=at)
    move = put_aside(post, by=by, why=why, version=newest_of(post), at=at)
    if lesson:
        Lesson.objects.create(
            move=move,
            expected=lesson.expected,
            happened=lesson.happened,
            because=lesson.because,
            next_time=lesson.next_time,
        )
    with told_at_the_end():
        if superseded_by:
            _superseded(post, superseded_by, move, by=by, at=at)
        relist(post)
    ask_again(post)
    return move


@transaction.atomic
def take_up(post: Post, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> Move:
    """Take up again what was set aside, with a reason; it stands where it stood."""
    keep_pace(MOVES, by=by)
    post = locked(post)
    require(can_take_up(by, post), "Owners and editors of the organization take its posts up again.")
    for superseding in post.linked_from.filter(cause__isnull=False, ended_at=None):
        end_link(superseding, post, by=by, at=at)
    move = put_aside(post, by=by, why=why, version=newest_of(post), at=at)
    relist(post)
    ask_again(post)
    return move


@transaction.atomic
def still_holds(ground: Link, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> StillHolds:
    """Say that a post still holds, though what it builds on was set aside, stepped down, or did not work elsewhere; and why."""
    keep_pace(MOVES, by=by)
    post = locked(ground.post)
    require(can_edit(by, post), "Owners and editors of the organization say whether its posts still hold.")
    made = StillHolds.objects.create(link=ground, why=why, by=by, at=at or timezone.now())
    Link.objects.filter(pk=ground.pk).update(awaits=None)
    record(
        Verb.SAID_IT_HOLDS,
        by=by,
        subject=made,
        organization=post.organization,
        at=at,
        post=post.number,
        to=ground.to_id,
    )
    changed(post)
    return made


def _superseded(post: Post, by_post: Post, move: Move, *, by: "Member", at: "dt.datetime | None") -> None:
    """The one `supersedes` link of a post that is set aside; from the other post, whoever published that."""
    other = Post.objects.select_related("organization").get(pk=by_post.pk)
    made = make_link(other, post, LinkKind.SUPERSEDES, by=by, at=at, cause=move)
    if made.cause_id is None:  # it was said there before
        made.cause = move
        made.save(update_fields=["cause"])


def _end_vetting(post: Post, *, by: "Member", why: str, at: "dt.datetime | None") -> None:
    """What is set aside, or back among the hunches, is not under review."""
    vetting = open_vetting_of(post)
    if vetting:
        ending = Ending.WITHDRAWN if can_edit(by, post) else Ending.DECLINED
        close(post, vetting, ending, by=by, why=why, at=at)
