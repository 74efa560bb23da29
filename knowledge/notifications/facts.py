"""What happened, for those who hear of it: which post it is about, what of it, and whom it concerns themselves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from accounts.members.models import Member
from accounts.organizations.models import PUBLISHING_ROLES, Membership, Role
from commons import markup
from commons.activity.models import Activity, Verb
from knowledge.comments.models import Comment
from knowledge.evidence.models import FieldReport
from knowledge.ladder.models import Review, Vetting
from knowledge.moderation.actions import TEXTS
from knowledge.notifications.models import Why
from knowledge.posts.listing import Key, keys_of
from knowledge.posts.models import Draft, Link, Move, MoveKind, Post, Version
from knowledge.posts.rungs import Rung
from knowledge.subscriptions.models import Followable, What

FOLLOWABLE = frozenset(Followable.values)
MENTIONS_MOST = 20  # members that one text can call by name


@dataclass
class Fact:
    """One activity as its hearers hear of it.

    `post` is the post whose readers alone may hear; `keys` the things whose subscribers do; `direct` whom it concerns
    themselves, and why.
    """

    activity: Activity
    post: Post | None = None
    what: str = ""
    keys: set[Key] = field(default_factory=set)
    direct: dict[int, Why] = field(default_factory=dict)

    def concerns(self, members: Iterable[int | None], why: Why) -> None:
        """The fact is told to these members for this reason, where there was none yet."""
        for member in members:
            if member is not None:
                self.direct.setdefault(member, why)


def fact_of(activity: Activity) -> Fact | None:
    """What an activity is to those who hear of it; None where nobody does."""
    teller = TELLERS.get(Verb(activity.verb))
    if teller is None:
        return None
    number = activity.data.get("post") or (activity.subject_id if activity.subject_kind == "post" else None)
    fact = Fact(activity)
    if number is not None:
        fact.post = Post.objects.select_related("shown", "organization").filter(pk=number).first()
        if fact.post is None or fact.post.shown is None:
            return None
        fact.keys = {key for key in keys_of(fact.post) if key.kind in FOLLOWABLE} | {Key(Followable.POST, number)}
    return fact if teller(fact) is not False else None


class NotWhole(Exception):
    """A text took longer to read than it may, so that it is not known whom it mentions."""


Teller = Callable[[Fact], Any]  # says what a fact is; False where it is not told
TELLERS: dict[Verb, Teller] = {}


def _tells(*verbs: Verb) -> Callable[[Teller], Teller]:
    def keep(teller: Teller) -> Teller:
        TELLERS.update(dict.fromkeys(verbs, teller))
        return teller

    return keep


def _post(fact: Fact) -> Post:
    assert fact.post is not None
    return fact.post


def _authors(post: Post) -> list[int]:
    return list(post.authorships.values_list("member", flat=True))


def _mentioned(text: str) -> list[int]:
    handles = _handles(text)[:MENTIONS_MOST]
    return list(Member.objects.filter(handle__in=handles).values_list("pk", flat=True)) if handles else []


@_tells(Verb.PUBLISHED)
def _published(fact: Fact) -> None:
    post = _post(fact)
    began = post.moves.filter(kind=MoveKind.BEGAN).first()
    fact.what = What.NEW if began is None or began.to_rung == Rung.HUNCH else What.MOVES
    first = Version.objects.get(post=post, number=1)
    fact.concerns(_mentioned(first.body), Why.MENTION)


@_tells(Verb.PUBLISHED_VERSION)
def _published_version(fact: Fact) -> None:
    post = _post(fact)
    fact.what = What.VERSIONS
    number = fact.activity.data["version"]
    texts = dict(post.versions.filter(number__in=[number - 1, number]).values_list("number", "body"))
    before = set(_handles(texts.get(number - 1, "")))
    fact.concerns(
        _mentioned(" ".join(f"@{name}" for name in _handles(texts[number]) if name not in before)), Why.MENTION
    )
    # Their verdict was of the version before: they are asked to look again
    vetting = post.vettings.filter(closed_at=None).first() if post.vetting_until else _earned_by(post)
    if vetting:
        fact.concerns(_reviewers(vetting), Why.ASKED)


def _handles(text: str) -> tuple[str, ...]:
    """Return whom a text mentions. Raises NotWhole where that could not be read in time: the job is done again later."""
    rendered = markup.render(text)
    if not rendered.is_whole:
        raise NotWhole
    return rendered.handles


def _earned_by(post: Post) -> Vetting | None:
    """The vetting that a vetted post stands on."""
    move = post.moves.filter(cause__isnull=False).order_by("-pk").first() if post.rung == Rung.VETTED else None
    return move.cause if move else None


def _reviewers(vetting: Vetting) -> list[int]:
    return list(vetting.reviews.values_list("by", flat=True).distinct().order_by("by"))


@_tells(Verb.MOVED)
def _moved(fact: Fact) -> bool:
    post = _post(fact)
    move = Move.objects.get(pk=fact.activity.data["move"])
    if move.kind == MoveKind.BEGAN:
        return False  # told when it was published
    fact.what = What.ASIDE if move.kind in (MoveKind.ASIDE, MoveKind.TAKEN_UP) else What.MOVES
    fact.concerns(_authors(post), Why.OWN)
    if move.cause:
        fact.concerns(_reviewers(move.cause), Why.REPLY)
    if move.kind in (MoveKind.ASIDE, MoveKind.DOWN):
        fact.concerns(_who_builds_on(post), Why.ASKED)
    return True


def _who_builds_on(post: Post) -> list[int]:
    """The authors of posts that build on this one, and have not said yet whether they still hold."""
    links = Link.objects.filter(to=post, awaits__isnull=False, ended_at=None)
    return list(
        links.values_list("post__authorships__member", flat=True).distinct().order_by("post__authorships__member")
    )


@_tells(Verb.REPORTED, Verb.EDITED_REPORT, Verb.WITHDREW_REPORT)
def _reported(fact: Fact) -> None:
    post = _post(fact)
    fact.what = What.REPORTS
    fact.concerns(_authors(post), Why.OWN)
    if fact.activity.verb != Verb.REPORTED:
        fact.keys = set()
    elif FieldReport.objects.filter(pk=fact.activity.subject_id, shown__outcome="no").exists():
        fact.concerns(_who_builds_on(post), Why.ASKED)


@_tells(Verb.OPENED_VETTING)
def _opened(fact: Fact) -> None:
    fact.what = What.VETTINGS


@_tells(Verb.CLOSED_VETTING)
def _closed(fact: Fact) -> bool:
    if fact.activity.data.get("ending") == "up":
        return False  # the move tells it
    fact.what = What.VETTINGS
    vetting = Vetting.objects.get(pk=fact.activity.subject_id)
    fact.concerns([vetting.opened_by_id], Why.OWN)
    fact.concerns(_reviewers(vetting), Why.REPLY)
    return True


@_tells(Verb.REVIEWED, Verb.CHANGED_VERDICT)
def _reviewed(fact: Fact) -> None:
    fact.what = What.VETTINGS
    review = Review.objects.select_related("vetting").get(pk=fact.activity.subject_id)
    fact.concerns([*_authors(_post(fact)), review.vetting.opened_by_id], Why.OWN)


@_tells(Verb.ANSWERED_REQUEST, Verb.PROLONGED_REQUEST)
def _answered(fact: Fact) -> None:
    """Said to the reviewer alone; others hear of the version that answers, and of the verdict that follows."""
    fact.what = What.VETTINGS
    fact.keys = set()
    review = Review.objects.get(pk=fact.activity.subject_id)
    fact.concerns([review.by_id], Why.ASKED)


@_tells(Verb.CLOSED_REQUEST)
def _request_closed(fact: Fact) -> None:
    fact.what = What.VETTINGS
    review = Review.objects.get(pk=fact.activity.subject_id)
    fact.concerns(_authors(_post(fact)), Why.OWN)
    fact.concerns([review.by_id], Why.REPLY)


@_tells(Verb.CONFIRMED_EDITORIAL)
def _confirmed(fact: Fact) -> None:
    fact.what = What.VERSIONS
    fact.concerns(_authors(_post(fact)), Why.OWN)
    fact.keys = set()


@_tells(Verb.ADDED_EVIDENCE, Verb.WITHDREW_EVIDENCE, Verb.SAID_IT_HOLDS)
def _evidence(fact: Fact) -> None:
    fact.what = What.VERSIONS


@_tells(Verb.LINKED)
def _linked(fact: Fact) -> bool:
    """That a post builds on another concerns those who wrote and follow the other."""
    ground = Post.objects.filter(pk=fact.activity.data["to"]).first()
    link = Link.objects.filter(pk=fact.activity.subject_id).first()
    if ground is None or link is None or link.cause_id:
        return False  # a post that supersedes another came with the move that says so
    fact.what = What.VERSIONS
    fact.keys = {Key(Followable.POST, ground.pk)}
    fact.concerns(_authors(ground), Why.OWN)
    return True


@_tells(Verb.CHECK_BACK_PASSED)
def _check_back(fact: Fact) -> None:
    fact.what = What.VERSIONS
    fact.keys = set()
    fact.concerns(_publishers(_post(fact).organization_id), Why.ASKED)


def _publishers(organization: int) -> list[int]:
    members = Membership.objects.filter(organization=organization, role__in=PUBLISHING_ROLES)
    return list(members.values_list("member", flat=True))


@_tells(Verb.COMMENTED)
def _commented(fact: Fact) -> bool:
    comment = Comment.objects.select_related("parent").filter(pk=fact.activity.subject_id).first()
    if comment is None or comment.withdrawn_at:
        return False
    fact.what = What.COMMENTS
    fact.concerns(_mentioned(comment.body), Why.MENTION)
    if comment.parent:
        fact.concerns([comment.parent.by_id], Why.REPLY)
    fact.concerns(_authors(_post(fact)), Why.OWN)
    return True


@_tells(Verb.ACCEPTED_ANSWER)
def _accepted(fact: Fact) -> None:
    fact.what = What.COMMENTS
    fact.keys = set()
    challenge = Comment.objects.select_related("answer").get(pk=fact.activity.subject_id)
    fact.concerns([challenge.answer.by_id if challenge.answer else None], Why.REPLY)


@_tells(Verb.REDACTED)
def _redacted(fact: Fact) -> None:
    """What a moderator took out concerns whose words they were."""
    fact.what = What.VERSIONS
    fact.keys = set()
    told = fact.activity.data
    row = TEXTS[told["kind"]].model._default_manager.filter(pk=told["row"]).first()
    fact.concerns([getattr(row, "by_id", None), *_authors(_post(fact))], Why.OWN)


@_tells(Verb.CHANGED_ORGANIZATION)
def _verified(fact: Fact) -> bool:
    """That an organization is verified concerns its owners."""
    if not fact.activity.data.get("verified"):
        return False
    fact.what = What.MOVES
    owners = Membership.objects.filter(organization=fact.activity.organization_id, role=Role.OWNER)
    fact.concerns(owners.values_list("member", flat=True), Why.OWN)
    return True


@_tells(Verb.PROPOSED_DRAFT)
def _proposed(fact: Fact) -> None:
    fact.what = What.NEW
    if fact.activity.organization_id:
        fact.concerns(_publishers(fact.activity.organization_id), Why.ASKED)


@_tells(Verb.RETURNED_DRAFT)
def _returned(fact: Fact) -> None:
    fact.what = What.NEW
    proposed = Activity.objects.filter(
        verb=Verb.PROPOSED_DRAFT, subject_kind="draft", subject_id=fact.activity.subject_id
    )
    fact.concerns(proposed.order_by("-pk").values_list("by", flat=True)[:1], Why.REPLY)


@_tells(Verb.COMMENTED_ON_DRAFT)
def _commented_on_draft(fact: Fact) -> None:
    """A comment on a draft concerns those who wrote on it."""
    fact.what = What.COMMENTS
    draft = Draft.objects.filter(pk=fact.activity.subject_id).first()
    if draft is not None:
        fact.concerns([draft.by_id, *draft.editions.values_list("by", flat=True)], Why.OWN)
