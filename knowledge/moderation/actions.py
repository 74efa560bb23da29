"""What a moderator does. Every act stands in the public log, with its reason."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, models, transaction

from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from knowledge.comments.actions import COMMENT, THREAD
from knowledge.comments.models import Comment, EarlierText
from knowledge.evidence.models import Evidence, ReportVersion, StillHolds
from knowledge.ladder.models import Lesson, RequestAnswer, Review, Vetting
from knowledge.moderation.models import Act, LogEntry
from knowledge.moderation.permissions import can_moderate
from knowledge.posts.actions import show
from knowledge.posts.attachments import erase
from knowledge.posts.listing import changed
from knowledge.posts.models import Attachment, CheckBack, Move, Post, Version
from knowledge.posts.pieces import BODY
from knowledge.stored.fragments import stale

if TYPE_CHECKING:
    from accounts.members.models import Member


class Text(NamedTuple):
    """A table whose texts can be taken out: which they are, and to which post a row belongs."""

    model: type[models.Model]
    columns: tuple[str, ...]
    post_of: Callable[[Any], int]


CASE = ("tried", "where_since", "seen", "seen_source", "change_mind")
# What there is to take out, by the name that the command takes
TEXTS = {
    "version": Text(Version, ("title", "takeaway", "body", "note", *CASE), lambda row: row.post_id),
    "move": Text(Move, ("why",), lambda row: row.post_id),
    "lesson": Text(Lesson, ("expected", "happened", "because", "next_time"), lambda row: row.move.post_id),
    "evidence": Text(Evidence, ("statement", "producer", "period", "withdrawn_why"), lambda row: row.post_id),
    "report": Text(
        ReportVersion,
        ("served", "account", "differently", "works_when", "struggled_when", "tell"),
        lambda row: row.report.post_id,
    ),
    "vetting": Text(Vetting, ("asks", "closed_why"), lambda row: row.post_id),
    "review": Text(Review, ("supports", "missing", "try_next", "rely", "interest"), lambda row: row.vetting.post_id),
    "answer": Text(RequestAnswer, ("words",), lambda row: row.review.vetting.post_id),
    "holds": Text(StillHolds, ("why",), lambda row: row.link.post_id),
    "checkback": Text(CheckBack, ("words",), lambda row: row.post_id),
    "comment": Text(Comment, ("body",), lambda row: row.post_id),
    "earlier": Text(EarlierText, ("body",), lambda row: row.comment.post_id),
    "attachment": Text(Attachment, ("file",), lambda row: row.post_id),
}


class NothingThere(Exception):
    """There is no such row, no such text of it, or it is blank already; the message says which."""


@transaction.atomic
def redact(kind: str, pk: int, column: str, *, by: "Member", reason: str) -> LogEntry:
    """Take out one text, or file, that the law or decency wants gone; its row, author and time stay. The reason stands in the
    public log.

    `kind` and `column` are those of TEXTS. Raises NothingThere.
    """
    require(can_moderate(by), "Moderators take texts out.")
    text = TEXTS.get(kind)
    if text is None:
        raise NothingThere(f"There is no “{kind}” to take a text out of. There are: {', '.join(TEXTS)}.")
    if column not in text.columns:
        raise NothingThere(f"A {kind} has no text “{column}”. It has: {', '.join(text.columns)}.")
    row = text.model._default_manager.filter(pk=pk).first()
    if row is None:
        raise NothingThere(f"There is no {kind} with the number {pk}.")
    if not getattr(row, column):
        raise NothingThere(f"The text “{column}” of {kind} {pk} is blank already.")
    if not reason.strip():
        raise NothingThere("Say why: the reason stands in the public log.")
    post = Post.objects.select_for_update(no_key=True).filter(pk=text.post_of(row)).first()
    if post is None:
        raise NothingThere(f"The {kind} {pk} is in no post: who added it throws it away.")
    if isinstance(row, Attachment):
        erase(row)
    with connection.cursor() as cursor:
        # Both names come from TEXTS; the setting lets an append-only row lose a text, and nothing else
        cursor.execute("SET LOCAL commons.redacting = 'on'")
        cursor.execute(f"UPDATE {text.model._meta.db_table} SET {column} = '' WHERE id = %s", [pk])  # noqa: S608
        cursor.execute("SET LOCAL commons.redacting = 'off'")
    entry = LogEntry.objects.create(
        act=Act.REDACTED, reason=reason, subject_kind=kind, subject_id=pk, detail=column, by=by
    )
    record(Verb.REDACTED, by=by, subject=post, kind=kind, row=pk, column=column)
    _made_anew(post, kind, pk)
    return entry


def _made_anew(post: Post, kind: str, pk: int) -> None:
    if kind == "version":
        stale(BODY, [pk])
    if kind == "comment":
        stale(COMMENT, [pk])
    stale(THREAD, [post.pk])
    if kind == "version" and post.shown_id == pk and post.is_public:
        show(post, Version.objects.get(pk=pk))  # search forgets it too
    else:
        changed(post)
