"""A post's page as everybody may read it, in pieces: what the post says, what it rests on, and where it stands."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.template.loader import get_template

from commons import markup
from knowledge.comments.models import Comment
from knowledge.evidence.grounds import shaken
from knowledge.evidence.models import Evidence, FieldReport, Outcome, StillHolds
from knowledge.ladder.models import Confirmation, Review, Vetting
from knowledge.ladder.record import numbers, record_of
from knowledge.ladder.reviews import TOLD, Judged, judged
from knowledge.ladder.rules import Record, Want, before_vetting, wants
from knowledge.posts.lineage import lineage_of
from knowledge.posts.models import LinkKind, Move, MoveKind, Post, PostAuthor, Version
from knowledge.posts.pieces import CUT, bodies, drawn
from knowledge.posts.rungs import Rung

VERSIONS = 5  # the newest, beside a post; all of them have a page of their own
REVIEWS = Review.objects.select_related(*TOLD)
OPEN_CHALLENGES = (
    Comment.objects.open_challenges()
    .filter(post=OuterRef("pk"))
    .values("post")
    .annotate(open=Count("pk"))
    .values("open")
)


def make_pages(posts: list[int]) -> Mapping[int, str]:
    """The pages of the posts of these numbers, each in pieces parted by CUT.

    They are: address, key of the organization, <head>, the post's own head, its text, where it stands, what else is known.
    """
    template = get_template("posts/pieces.html").template  # type: ignore[attr-defined]
    found = list(
        Post.objects.filter(pk__in=posts)
        .for_cards()
        .annotate(open_challenges=Subquery(OPEN_CHALLENGES))
        .prefetch_related(
            Prefetch("moves", Move.objects.select_related("by", "version", "lesson")),
            Prefetch("versions", Version.objects.defer("body").select_related("by", "confirmation__by")),
            Prefetch("vettings", Vetting.objects.select_related("version")),
            Prefetch("vettings__reviews", REVIEWS),
            Prefetch("reports", FieldReport.objects.select_related("shown__place", "organization", "by")),
            Prefetch("evidence", Evidence.objects.select_related("attachment", "withdrawn_by")),
        )
    )
    html = bodies(post.shown for post in found)
    return {post.number: drawn(template, **_context(post, html[post.shown.pk])) for post in found}


def _context(post: Post, body: str) -> dict[str, object]:
    moves = list(post.moves.all())
    evidence = list(post.evidence.all())
    newest = newest_of(post)
    told = [_told(vetting, post, newest) for vetting in sorted(post.vettings.all(), key=lambda vetting: -vetting.pk)]
    under_review: list[Judged] = next((each["reviews"] for each in told if each["vetting"].closed_at is None), [])
    record = record_of(post, newest, under_review)
    lineage = lineage_of(post)
    standing = [piece for piece in evidence if piece.withdrawn_at is None]
    return {
        "post": post,
        "version": post.shown,
        "standing": post.standing,
        "body": body,
        "description": markup.describe(post.shown.takeaway or markup.render(post.shown.body).words),
        "moves": moves,
        "aside": next((move for move in moves if move.kind == MoveKind.ASIDE), None) if post.aside_at else None,
        "versions": sorted(post.versions.all(), key=lambda version: -version.number)[:VERSIONS],
        "evidence": evidence,
        "outside": sum(piece.from_outside for piece in standing),
        "reports_counted": record.reports,
        **_reports(post),
        "vettings": told,
        "newest": newest,
        "unseen": newest if newest.pk != post.shown_id else None,
        "fallen": _fallen(post, record),
        "lineage": {"all": list(lineage.items()), "superseded": lineage.get(LinkKind.SUPERSEDES.seen_from_there, [])},
        "shaken": shaken(kin.link for kin in lineage.get(LinkKind.BUILDS_ON.label, [])),
        "open_challenges": post.open_challenges,  # type: ignore[attr-defined]
        "check_back": next(iter(post.check_backs.order_by("-pk")[:1]), None) if post.check_back_on else None,
        "ladder": ladder_of(post, moves, record),
        "cut": CUT,
    }


def _reports(post: Post) -> dict[str, object]:
    """The field reports, newest first; how often each outcome; what they say of when it works and when it struggled."""
    reports = sorted(post.reports.all(), key=lambda report: report.shown.at, reverse=True)
    there = [report for report in reports if report.withdrawn_at is None]
    counted = Counter(report.shown.outcome for report in there)
    return {
        "reports": reports,
        "outcomes": [
            {"word": outcome.label.lower(), "count": counted[outcome]} for outcome in Outcome if counted[outcome]
        ],
        "works_when": [report for report in there if report.shown.works_when],
        "struggled_when": [report for report in there if report.shown.struggled_when],
    }


def pages_naming_member(pk: int) -> set[int]:
    """The numbers of the posts on whose pages a member's name stands, for whatever they did there."""
    named = (
        PostAuthor.objects.filter(member=pk).values_list("post"),
        Version.objects.filter(by=pk).values_list("post"),
        Move.objects.filter(by=pk).values_list("post"),
        Evidence.objects.filter(withdrawn_by=pk).values_list("post"),
        Review.objects.filter(by=pk).values_list("vetting__post"),
        StillHolds.objects.filter(by=pk).values_list("link__post"),
        Confirmation.objects.filter(by=pk).values_list("version__post"),
    )
    return {number for found in named for (number,) in found}


def pages_naming_organization(pk: int) -> set[int]:
    """The numbers of the posts on whose pages an organization's name stands: its own, and those it reviewed or tried."""
    named = (
        Post.objects.filter(organization=pk).values_list("pk"),
        Review.objects.filter(organization=pk).values_list("vetting__post"),
        FieldReport.objects.filter(organization=pk).values_list("post"),
    )
    return {number for found in named for (number,) in found}


def _told(vetting: Vetting, post: Post, newest: Version) -> dict[str, Any]:
    """A vetting with its reviews: as they count today while it is open, as they were written once it is closed."""
    if vetting.closed_at is None:
        return {"vetting": vetting, "reviews": judged(vetting, post, newest)}
    reviews = sorted(vetting.reviews.all(), key=lambda review: review.pk)
    last = {review.by_id: review.pk for review in reviews}
    return {
        "vetting": vetting,
        "reviews": [Judged(review, stands=last[review.by_id] == review.pk, why_not="") for review in reviews],
    }


def _fallen(post: Post, record: Record) -> list[Want]:
    """What the rung it stands on wanted and is there no longer. A rung is not recomputed: people read it and decide."""
    wanted = numbers()
    found = wants(Rung.EMERGING, record, wanted) if post.rung >= Rung.EMERGING else []
    found += before_vetting(record, wanted) if post.rung == Rung.VETTED else []
    return [want for want in found if not want.met]


def ladder_of(post: Post, moves: Iterable[Move] | None = None, record: Record | None = None) -> list[dict[str, object]]:
    """The three rungs, top first: which is here, which lie ahead, since when it stands or stood on each, and what the next wants."""
    since: dict[int, object] = {}
    for move in sorted(post.moves.all() if moves is None else moves, key=lambda move: move.pk):
        if move.kind in (MoveKind.BEGAN, MoveKind.UP, MoveKind.DOWN):
            since[move.to_rung] = move.at
    record, wanted = record or record_of(post, newest_of(post)), numbers()
    return [
        {
            "rung": rung,
            "here": rung == post.rung,
            "ahead": rung > post.rung,
            "wants": wants(rung, record, wanted) if rung == post.rung + 1 else [],
            "since": since.get(rung),
        }
        for rung in sorted(Rung, reverse=True)
    ]


def newest_of(post: Post) -> Version:
    """The newest version of a post, looked at or not."""
    return max(post.versions.all(), key=lambda version: version.number)
