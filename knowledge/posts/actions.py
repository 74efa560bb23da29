"""What can be done with a post. Each verb is one transaction, asks whether it may, and records the fact."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.members.limits import MOVES, POSTS, VERSIONS
from commons import markup
from commons.access import require
from commons.activity.models import Verb
from commons.activity.record import record
from commons.pace import keep_pace
from knowledge.posts.attachments import bind
from knowledge.posts.lineage import one_writer, write_link
from knowledge.posts.listing import changed, relist, told_at_the_end
from knowledge.posts.models import CheckBack, Licence, LinkKind, Move, MoveKind, Post, PostAuthor, Version
from knowledge.posts.permissions import can_edit, can_publish, can_withdraw, may_edit
from knowledge.posts.reading import wrote
from knowledge.posts.rungs import CASE_FIELDS, Rung, missing_case
from knowledge.subscriptions.actions import follow_own
from knowledge.topics.models import IssueArea, Place
from knowledge.words import write as words

if TYPE_CHECKING:
    import datetime as dt

    from accounts.members.models import Member
    from accounts.organizations.models import Organization
    from knowledge.ladder.models import Vetting


@dataclass(frozen=True)
class Content:
    """What a version says: everything that the author types or chooses, already through the gate."""

    title: str
    body: str
    issue_areas: Sequence[IssueArea]
    takeaway: str = ""
    case: dict[str, str] = field(default_factory=dict)
    tags: Sequence[str] = ()
    places: Sequence[Place] = ()
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
    why: str = "",
    authors: Sequence["Member"] = (),
    check_back: "dt.date | None" = None,
    builds_on: Sequence[Post] = (),
    at: "dt.datetime | None" = None,
) -> Post:
    """Publish a new post as a hunch: version 1, and the move it begins with. The authors are `by` where none are named.

    `check_back` is when the organization expects to know more; `builds_on` are the posts it grew out of. `at` is when it
    was first published elsewhere (an import, the sample); now, where not given. Raises what `lineage.link` raises.
    """
    keep_pace(POSTS, by=by)
    with told_at_the_end():
        one_writer(builds_on)
        post = begin(content, Rung.HUNCH, by=by, organization=organization, why=why, authors=authors, at=at)
        if check_back:
            write_check_back(post, check_back, by=by, at=at)
        for ground in builds_on:
            write_link(post, ground, LinkKind.BUILDS_ON, by=by, at=at)
    return post


@transaction.atomic
def expect_more(
    post: Post, on: "dt.date", *, by: "Member", words: str = "", at: "dt.datetime | None" = None
) -> CheckBack:
    """Say when the organization expects to know more: it is asked then. A hunch that was quiet is so no longer."""
    keep_pace(MOVES, by=by)
    return write_check_back(post, on, by=by, words=words, at=at)


def write_check_back(
    post: Post, on: "dt.date", *, by: "Member", words: str = "", at: "dt.datetime | None" = None
) -> CheckBack:
    """The same, as a part of another verb, which keeps its own pace."""
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=post.pk)
    require(can_edit(by, post), "Owners and editors of the organization say when they expect to know more.")
    made = CheckBack.objects.create(post=post, on=on, words=words, by=by, at=at or timezone.now())
    post.check_back_on, post.quiet_since = on, None
    post.save(update_fields=["check_back_on", "quiet_since"])
    record(Verb.SET_CHECK_BACK, by=by, subject=post, organization=post.organization, at=at, on=on.isoformat())
    changed(post)
    return made


@transaction.atomic
def fall_quiet(post: Post, *, today: "dt.date") -> Post:
    """Say that a hunch's check-back date has passed unanswered. The schedule's verb; asked twice it does nothing."""
    post = Post.objects.select_for_update(of=("self",), no_key=True).select_related("organization").get(pk=post.pk)
    if waits_for_news(post) and post.check_back_on < today:  # type: ignore[operator]
        post.quiet_since = post.check_back_on
        post.save(update_fields=["quiet_since"])
        record(Verb.CHECK_BACK_PASSED, by=None, subject=post, organization=post.organization)
        changed(post)
    return post


def waits_for_news(post: Post) -> bool:
    """Whether a post has a check-back date that still means something: a hunch that is neither set aside nor gone, nor quiet."""
    return bool(
        post.check_back_on
        and post.quiet_since is None
        and post.rung == Rung.HUNCH
        and post.aside_at is None
        and post.withdrawn_at is None
        and post.hidden_at is None
    )


@transaction.atomic
def begin(
    content: Content,
    rung: Rung,
    *,
    by: "Member",
    organization: "Organization",
    why: str = "",
    authors: Sequence["Member"] = (),
    at: "dt.datetime | None" = None,
) -> Post:
    """Publish a new post on the rung it begins on. Whether that is earned is asked by the callers, as of `put_on_rung`."""
    require(can_publish(by, organization), "Only its owners and editors publish for an organization.")
    at = at or timezone.now()
    post = Post.objects.create(organization=organization, rung=rung, published_at=at, moved_at=at)
    PostAuthor.objects.bulk_create(
        PostAuthor(post=post, member=member, position=place) for place, member in enumerate(authors or [by])
    )
    version = _write_version(post, content, number=1, by=by, at=at)
    put_on_rung(post, rung, by=by, why=why, version=version, at=at, first=True)
    record(Verb.PUBLISHED, by=by, subject=post, organization=organization, at=at, version=1)
    follow_own(post.pk, authors or [by], at=at)
    show(post, version)
    return post


@transaction.atomic
def publish_version(
    post: Post, content: Content, *, by: "Member", note: str, base: int, at: "dt.datetime | None" = None
) -> Version:
    """Publish the next version of a post. `base` is the number of the version it was written from.

    Readers see it at once; of a vetted finding they go on seeing the vetted version. Raises ChangedMeanwhile when `base` is
    no longer the newest: nobody's words are overwritten unseen. Above a hunch the case stays complete (NotReady). Saying
    again what the newest version says, and nothing else, gives that version back.
    """
    keep_pace(VERSIONS, by=by)
    post = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
    require(can_edit(by, post), "Only owners and editors of the organization change its posts.")
    if post.rung >= Rung.EMERGING and (missing := missing_case(content.case)):
        raise NotReady(missing)
    newest = post.versions.select_related("by").latest("number")
    if newest.number != base:
        if newest.by_id == by.pk and newest.number == base + 1 and _says(newest, content):
            return newest  # the same sending, twice
        raise ChangedMeanwhile(newest)
    version = _write_version(post, content, number=newest.number + 1, by=by, note=note, at=at or timezone.now())
    wrote(by.pk, post.pk, version.number, version.at)
    record(
        Verb.PUBLISHED_VERSION,
        by=by,
        subject=post,
        organization=post.organization,
        at=at,
        version=version.number,
        vetting=post.vetting_until is not None,
    )
    if post.quiet_since:  # this is the news that was waited for
        post.quiet_since = post.check_back_on = None
        post.save(update_fields=["quiet_since", "check_back_on"])
    if post.rung == Rung.VETTED:
        changed(post)
    else:
        show(post, version)
    return version


@transaction.atomic
def withdraw(post: Post, *, by: "Member", at: "dt.datetime | None" = None) -> Post:
    """Take a post back: a marker stays at its address (410), its text and history only for the organization.

    Twice is once.
    """
    post = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
    if post.withdrawn_at and may_edit(by, post.organization_id):
        return post
    require(can_withdraw(by, post), "Only owners and editors of the organization withdraw its posts.")
    post.withdrawn_at = at or timezone.now()
    post.save(update_fields=["withdrawn_at"])
    words.drop("post", post.number)
    record(Verb.WITHDREW, by=by, subject=post, organization=post.organization, at=at)
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
    cause: "Vetting | None" = None,
) -> Move:
    """Put a post on a rung, with its move. The only function that writes a rung; whether it is earned is asked by its callers.

    `cause` is the vetting that ended with it.
    """
    kind = MoveKind.UP if rung > post.rung else MoveKind.DOWN if rung < post.rung else MoveKind.RENEWED
    from_rung = None if first else Rung(post.rung)
    post.rung = rung
    kind = MoveKind.BEGAN if first else kind
    return _move(post, kind, by=by, why=why, version=version, at=at, from_rung=from_rung, cause=cause)


def put_aside(post: Post, *, by: "Member", why: str, version: Version, at: "dt.datetime | None" = None) -> Move:
    """Set a post aside, or take one that was up again, with its move; its rung stays. Whether it may be is asked by the callers."""
    kind = MoveKind.TAKEN_UP if post.aside_at else MoveKind.ASIDE
    at = at or timezone.now()
    post.aside_at = at if kind == MoveKind.ASIDE else None
    return _move(post, kind, by=by, why=why, version=version, at=at, from_rung=Rung(post.rung))


def _move(
    post: Post,
    kind: MoveKind,
    *,
    by: "Member",
    why: str,
    version: Version,
    at: "dt.datetime | None",
    from_rung: Rung | None,
    cause: "Vetting | None" = None,
) -> Move:
    move = Move.objects.create(
        post=post,
        version=version,
        kind=kind,
        from_rung=from_rung,
        to_rung=post.rung,
        why=why,
        by=by,
        at=at or timezone.now(),
        cause=cause,
    )
    post.moved_at = move.at
    post.save(update_fields=["rung", "aside_at", "moved_at"])
    record(
        Verb.MOVED,
        by=by,
        subject=post,
        organization=post.organization,
        at=at,
        move=move.pk,
        kind=kind,
        to=post.standing.slug,
    )
    return move


def _write_version(
    post: Post, content: Content, *, number: int, by: "Member", at: "dt.datetime", note: str = ""
) -> Version:
    bind(post, content.body, by=by)
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


def show(post: Post, version: Version) -> None:
    """Make a version the one that readers, lists, feeds and search use."""
    post.shown = version
    post.save(update_fields=["shown"])
    post.issue_areas.set(version.issue_area_ids)
    post.places.set(version.place_ids)
    post.tags.set(version.tag_names)
    index_post(post, version)
    relist(post)


def index_post(post: Post, version: Version) -> None:
    """Write what search finds a post by: the words of this version, in place of those it was found by."""
    areas, places = IssueArea.objects.in_bulk(version.issue_area_ids), Place.objects.in_bulk(version.place_ids)
    topics = " ".join([*version.tag_names, *(str(thing) for thing in (*areas.values(), *places.values()))])
    case = " ".join(getattr(version, name) for name in CASE_FIELDS)
    words.put(
        "post",
        post.number,
        title=version.title,
        summary=version.takeaway,
        text=f"{topics} {case} {markup.render(version.body, at_leisure=True).words}",
        language=version.language,
    )
