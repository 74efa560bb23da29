"""What changes a post's standing. Every verb locks the post first, so that two of them on one post happen one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from commons.access import require
from knowledge.evidence.actions import Piece, add_evidence
from knowledge.ladder.models import Ending, Lesson
from knowledge.ladder.permissions import can_move_up, can_set_aside, can_step_down, can_take_up
from knowledge.ladder.record import numbers, open_vetting_of, record_of
from knowledge.ladder.rules import Record, missing_for
from knowledge.ladder.vetting import close, locked, newest_of
from knowledge.posts.actions import Content, NotReady, begin, put_aside, put_on_rung, show
from knowledge.posts.listing import relist
from knowledge.posts.models import Move, Post
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
    at: "dt.datetime | None" = None,
) -> Post:
    """Publish a new post as an emerging approach, with its first evidence. Raises NotReady where its case is not complete."""
    missing = missing_for(Rung.EMERGING, Record(case=content.case, evidence=len(pieces)), numbers())
    if missing:
        raise NotReady(missing)
    post = begin(content, Rung.EMERGING, by=by, organization=organization, why=why, authors=authors, at=at)
    for piece in pieces:
        add_evidence(post, piece, by=by, at=at)
    return post


@transaction.atomic
def move_up(post: Post, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> Move:
    """Move a hunch up to emerging approach, if its case is complete (NotReady). Only a vetting moves further up."""
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
    post = locked(post)
    require(can_step_down(by, post), "The post's organization, and moderators, step it down.")
    if rung >= post.rung:
        raise NotReady({"rung": f"It stands on {Rung(post.rung).label} already. Choose a rung below."})
    version = newest_of(post)
    if rung == Rung.HUNCH:
        _end_vetting(post, by=by, why=why)
    move = put_on_rung(post, rung, by=by, why=why, version=version, at=at)
    show(post, version)
    return move


@transaction.atomic
def set_aside(post: Post, *, by: "Member", why: str, lesson: AfterAction, at: "dt.datetime | None" = None) -> Move:
    """Say that a post did not hold up, and what was learned. It stays readable, findable and citable, and keeps its rung."""
    post = locked(post)
    require(can_set_aside(by, post), "Owners and editors of the organization set its posts aside.")
    _end_vetting(post, by=by, why=why)
    move = put_aside(post, by=by, why=why, version=newest_of(post), at=at)
    Lesson.objects.create(
        move=move,
        expected=lesson.expected,
        happened=lesson.happened,
        because=lesson.because,
        next_time=lesson.next_time,
    )
    relist(post)
    return move


@transaction.atomic
def take_up(post: Post, *, by: "Member", why: str, at: "dt.datetime | None" = None) -> Move:
    """Take up again what was set aside, with a reason; it stands where it stood."""
    post = locked(post)
    require(can_take_up(by, post), "Owners and editors of the organization take its posts up again.")
    move = put_aside(post, by=by, why=why, version=newest_of(post), at=at)
    relist(post)
    return move


def _end_vetting(post: Post, *, by: "Member", why: str) -> None:
    """What is set aside, or back among the hunches, is not under review."""
    vetting = open_vetting_of(post)
    if vetting:
        ending = Ending.WITHDRAWN if can_edit(by, post) else Ending.DECLINED
        close(post, vetting, ending, by=by, why=why)
