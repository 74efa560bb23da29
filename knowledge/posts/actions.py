"""What can be done with a post. Each verb is one transaction, asks whether it may, and records the fact."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from commons import markup
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from knowledge.posts.listing import relist
from knowledge.posts.models import Licence, Move, Post, PostAuthor, Version
from knowledge.posts.permissions import can_edit, can_publish, can_withdraw
from knowledge.posts.rungs import CASE_FIELDS, Rung, missing_case
from knowledge.words import write as words

if TYPE_CHECKING:
    import datetime as dt

    from accounts.members.models import Member
    from accounts.organizations.models import Organization
    from knowledge.topics.models import IssueArea, Place


@dataclass(frozen=True)
class Content:
    """What a version says: everything that the author types or chooses, already through the gate."""

    title: str
    body: str
    issue_areas: Sequence["IssueArea"]
    takeaway: str = ""
    case: dict[str, str] = field(default_factory=dict)
    tags: Sequence[str] = ()
    places: Sequence["Place"] = ()
    language: str = "en"
    licence: str = Licence.CC_BY


class NotReady(Exception):
    """A rung that the post has not earned; `missing` says what to add, by field."""

    def __init__(self, missing: dict[str, str]) -> None:
        super().__init__(" ".join(missing.values()))
        self.missing = missing


class ChangedMeanwhile(Exception):
    """Somebody published a newer version since this one was begun."""

    def __init__(self, newest: Version) -> None:
        super().__init__(f"{newest.by} published version {newest.number} meanwhile.")
        self.newest = newest


@transaction.atomic
def publish(
    content: Content,
    *,
    by: "Member",
    organization: "Organization",
    rung: Rung = Rung.HUNCH,
    why: str = "",
    authors: Sequence["Member"] = (),
    at: "dt.datetime | None" = None,
) -> Post:
    """Publish a new post: version 1, on the rung it begins on, by a move. The authors are `by` where none are named.

    `at` is when it was first published elsewhere (an import, the sample); now, where not given.
    Raises NotReady for an emerging approach whose case is not complete, and for a vetted finding always: that is earned.
    """
    require(can_publish(by, organization), "Only its owners and editors publish for an organization.")
    _must_be_ready(rung, content.case)
    at = at or timezone.now()
    post = Post.objects.create(organization=organization, rung=rung, published_at=at, moved_at=at)
    PostAuthor.objects.bulk_create(
        PostAuthor(post=post, member=member, position=place) for place, member in enumerate(authors or [by])
    )
    version = _write_version(post, content, number=1, by=by, at=at)
    put_on_rung(post, rung, by=by, why=why, version=version, at=at, first=True)
    record(Verb.PUBLISHED, by=by, subject=post, organization=organization, version=1)
    _show(post, version, content)
    return post


@transaction.atomic
def publish_version(
    post: Post, content: Content, *, by: "Member", note: str, base: int, at: "dt.datetime | None" = None
) -> Version:
    """Publish the next version of a post. `base` is the number of the version it was written from.

    Raises ChangedMeanwhile when that is no longer the newest: nobody's words are overwritten unseen. An emerging approach
    keeps a complete case (NotReady). Saying again what the newest version says, and nothing else, gives that version back.
    """
    post = Post.objects.select_for_update().get(pk=post.pk)
    require(can_edit(by, post), "Only owners and editors of the organization change its posts.")
    if post.rung >= Rung.EMERGING:
        _must_be_ready(Rung.EMERGING, content.case)
    newest = post.versions.select_related("by").latest("number")
    if newest.number != base:
        if newest.by_id == by.pk and newest.number == base + 1 and _says(newest, content):
            return newest  # the same sending, twice
        raise ChangedMeanwhile(newest)
    version = _write_version(post, content, number=newest.number + 1, by=by, note=note, at=at or timezone.now())
    record(Verb.PUBLISHED_VERSION, by=by, subject=post, organization=post.organization, version=version.number)
    _show(post, version, content)
    return version


@transaction.atomic
def withdraw(post: Post, *, by: "Member", at: "dt.datetime | None" = None) -> Post:
    """Take a post back: a marker stays at its address (410), its text and history only for the organization."""
    post = Post.objects.select_for_update().get(pk=post.pk)
    require(can_withdraw(by, post), "Only owners and editors of the organization withdraw its posts.")
    post.withdrawn_at = at or timezone.now()
    post.save(update_fields=["withdrawn_at"])
    words.drop("post", post.number)
    record(Verb.WITHDREW, by=by, subject=post, organization=post.organization)
    relist(post)
    return post


def put_on_rung(
    post: Post,
    rung: Rung,
    *,
    by: "Member",
    why: str,
    version: Version,
    at: "dt.datetime | None" = None,
    first: bool = False,
) -> Move:
    """Put a post on a rung, with its move. The only function that writes a rung; whether it is earned is asked by its callers."""
    move = Move.objects.create(
        post=post,
        version=version,
        from_rung=None if first else post.rung,
        to_rung=rung,
        why=why,
        by=by,
        at=at or timezone.now(),
    )
    post.rung, post.moved_at = rung, move.at
    post.save(update_fields=["rung", "moved_at"])
    record(Verb.MOVED, by=by, subject=post, organization=post.organization, move=move.pk, to=rung.slug)
    return move


def _must_be_ready(rung: Rung, case: dict[str, str]) -> None:
    if rung == Rung.VETTED:
        raise NotReady({"rung": "A vetted finding is earned: other organizations look at it first."})
    if rung == Rung.EMERGING and (missing := missing_case(case)):
        raise NotReady(missing)


def _write_version(
    post: Post, content: Content, *, number: int, by: "Member", at: "dt.datetime", note: str = ""
) -> Version:
    return Version.objects.create(
        post=post,
        number=number,
        title=content.title,
        takeaway=content.takeaway,
        body=content.body,
        issue_area_ids=[area.pk for area in content.issue_areas],
        tag_names=list(content.tags),
        place_ids=[place.pk for place in content.places],
        language=content.language,
        licence=content.licence,
        note=note,
        by=by,
        at=at,
        **{name: content.case.get(name, "") for name in CASE_FIELDS},
    )


def _says(version: Version, content: Content) -> bool:
    """Whether a version says just this."""
    return (
        version.title == content.title
        and version.takeaway == content.takeaway
        and version.body == content.body
        and version.issue_area_ids == [area.pk for area in content.issue_areas]
        and version.tag_names == list(content.tags)
        and version.place_ids == [place.pk for place in content.places]
        and all(getattr(version, name) == content.case.get(name, "") for name in CASE_FIELDS)
    )


def _show(post: Post, version: Version, content: Content) -> None:
    """Make a version the one that readers, lists, feeds and search use."""
    post.shown = version
    post.save(update_fields=["shown"])
    post.issue_areas.set(content.issue_areas)
    post.places.set(content.places)
    post.tags.set(content.tags)
    case = " ".join(content.case.get(name, "") for name in CASE_FIELDS)
    topics = " ".join([*content.tags, *(str(thing) for thing in (*content.issue_areas, *content.places))])
    words.put(
        "post",
        post.number,
        title=content.title,
        summary=content.takeaway,
        text=f"{topics} {case} {markup.render(content.body).words}",
        language=content.language,
    )
    relist(post)
