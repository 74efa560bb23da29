"""What a post builds on, and whether that has fallen since: set aside, stepped down, or tried where it did not work."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.evidence.models import FieldReport, Outcome, StillHolds
from knowledge.posts.models import Link, LinkKind, Move, MoveKind, Post


@dataclass(frozen=True)
class Shaken:
    """A link to a post that has fallen since: what happened there and when, and what the organization said, if it has."""

    link: Link
    words: str
    at: dt.datetime
    answer: StillHolds | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has said yet if the post still holds."""
        return self.answer is None


def shaken(links: Iterable[Link]) -> list[Shaken]:
    """Those of these `builds on` links whose other end has fallen since they were made. Three queries, whatever their number."""
    grounds = [link for link in links if link.kind == LinkKind.BUILDS_ON]
    if not grounds:
        return []
    falls: dict[int, list[tuple[dt.datetime, str]]] = {}
    posts = [link.to_id for link in grounds]
    for move in Move.objects.filter(post__in=posts, kind__in=[MoveKind.ASIDE, MoveKind.DOWN]).select_related("post"):
        if move.kind == MoveKind.DOWN:
            falls.setdefault(move.post_id, []).append(
                (move.at, f"stepped down to {move.get_to_rung_display().lower()}")
            )
        elif move.post.aside_at == move.at:
            falls.setdefault(move.post_id, []).append((move.at, "was set aside"))
    failed = FieldReport.objects.filter(post__in=posts, withdrawn_at=None, shown__outcome=Outcome.NO)
    for report in failed.select_related("organization", "shown"):
        words = f"did not work when {report.organization.name} tried it"
        falls.setdefault(report.post_id, []).append((report.shown.at, words))
    said = {
        each.link_id: each for each in StillHolds.objects.filter(link__in=grounds).select_related("by").order_by("pk")
    }
    found = []
    for link in grounds:
        since = [fall for fall in falls.get(link.to_id, []) if fall[0] > link.at]
        if since:
            at, words = max(since)
            answer = said.get(link.pk)
            found.append(Shaken(link, words, at, answer if answer and answer.at > at else None))
    return found


def ask_again(ground: Post) -> None:
    """A post has fallen, or stands again: ask those that build on it whether they still hold, or ask no longer.

    A part of the verbs by which it does; their last writing, since it reads what they wrote.
    """
    links = list(ground.linked_from.filter(kind=LinkKind.BUILDS_ON, ended_at=None).select_related("post"))
    if not links:
        return
    waits = {found.link.pk for found in shaken(links) if found.is_open}
    for link in links:
        link.awaits_id = link.post.organization_id if link.pk in waits else None
    Link.objects.bulk_update(links, ["awaits"], batch_size=500)
