"""The whole ladder in any order, by anybody: what is vetted has earned it, and what was written once stays as it was.

The rule is said here a second time, from plain rows: nothing below asks the ladder what counts. Hypothesis makes up the stories
and tells the shortest one that breaks a rule.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, ClassVar, NamedTuple

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, models, transaction
from django.utils import timezone
from hypothesis import HealthCheck, event, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.members.models import Member
from accounts.organizations.actions import verify
from accounts.organizations.models import Membership, Organization, Role
from commons.activity.models import Activity, Verb
from knowledge.evidence.actions import (
    EvidenceIsGone,
    Piece,
    add_evidence,
    report,
    withdraw_evidence,
    withdraw_report,
)
from knowledge.evidence.models import Evidence, FieldReport, ReportVersion
from knowledge.ladder.actions import AfterAction, move_up, publish_emerging, set_aside, step_down, take_up
from knowledge.ladder.models import Confirmation, Lesson, RequestAnswer, RequestClosing, Review, Vetting
from knowledge.ladder.vetting import (
    AlreadyReviewed,
    Closed,
    answer_request,
    close_request,
    confirm_editorial,
    decline,
    open_vetting,
    prolong,
    review,
    withdraw_vetting,
)
from knowledge.posts.actions import ChangedMeanwhile, NotReady, publish, publish_version, withdraw
from knowledge.posts.lineage import Unlinkable
from knowledge.posts.models import Link, Listing, Move, Post, PostAuthor, Version
from knowledge.posts.rungs import Rung
from knowledge.stored.models import Fragment, Stamp
from knowledge.words.models import Words
from tests.make import CASE, PIECE, account, content, join, make_member, make_organization, opinion

Row = dict[str, Any]
Facts = dict[type[models.Model], dict[int, Row]]  # every row there is, by its table and its key

REFUSALS = (PermissionDenied, NotReady, Closed, AlreadyReviewed, ChangedMeanwhile, EvidenceIsGone, Unlinkable)
WRITTEN_ONCE = (Move, Review, Version, Lesson, Activity, RequestClosing, Confirmation, ReportVersion)
ALL = (
    *WRITTEN_ONCE,
    *(Post, PostAuthor, Evidence, FieldReport, Vetting, RequestAnswer, Link, Listing, Words, Stamp, Fragment),
    *(Member, Organization, Membership),
)
LESSON = AfterAction("Fewer evictions.", "As many as before.", "The court was quicker.", "Ask the court first.")
OUTSIDER = "Millrace Evaluations"


# What is there


def facts_now() -> Facts:
    """All rows of the tables that the ladder reads or writes. One query."""
    each = [
        f"SELECT coalesce(jsonb_object_agg(t.{model._meta.pk.column}, to_jsonb(t)), '{{}}')::text"
        f" FROM {model._meta.db_table} t"
        for model in ALL
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        found = [json.loads(text) for (text,) in cursor.fetchall()]
    return {
        model: {(int(pk) if pk.isdigit() else pk): row for pk, row in rows.items()}
        for model, rows in zip(ALL, found, strict=True)
    }


def of(facts: Facts, model: type[models.Model], **wanted: Any) -> list[Row]:
    """The rows of a table with these values, oldest first."""
    rows = sorted(facts[model].items())
    return [row for _, row in rows if all(row[name] == value for name, value in wanted.items())]


def newest_of(facts: Facts, post: int) -> Row:
    return max(of(facts, Version, post_id=post), key=lambda version: version["number"])


def open_vetting_of(facts: Facts, post: int) -> Row | None:
    return next(iter(of(facts, Vetting, post_id=post, closed_at=None)), None)


def is_public(post: Row) -> bool:
    return not (post["withdrawn_at"] or post["hidden_at"] or post["held_at"])


def last_verdicts(facts: Facts, vetting: int) -> list[Row]:
    """The last review of each reviewer, in their order."""
    last = {each["by_id"]: each for each in of(facts, Review, vetting_id=vetting)}
    return sorted(last.values(), key=lambda each: each["id"])


# The rule, as the domain says it


class Earned(NamedTuple):
    """Whether a post has earned to be vetted, by the rows: what is lacking, and the approvals that count, in their order."""

    lacking: list[str]
    approvals: list[Row]


def earned(facts: Facts, vetting: Row) -> Earned:
    post = facts[Post][vetting["post_id"]]
    number, publisher = post["number"], post["organization_id"]
    newest = newest_of(facts, number)
    verified = {row["id"] for row in facts[Organization].values() if row["verified_at"]}
    pieces = of(facts, Evidence, post_id=number, withdrawn_at=None)
    reports = [
        each
        for each in of(facts, FieldReport, post_id=number, withdrawn_at=None)
        if each["organization_id"] in verified
    ]
    from_outside = [piece for piece in pieces if piece["producer"] == OUTSIDER]
    roles = {(place["member_id"], place["organization_id"]): place["role"] for place in facts[Membership].values()}
    insiders = {member for member, organization in roles if organization == publisher}
    authors = {authorship["member_id"] for authorship in of(facts, PostAuthor, post_id=number)}
    active = {member["id"] for member in facts[Member].values() if member["is_active"]}
    last = last_verdicts(facts, vetting["id"])
    approvals = [
        each
        for each in last
        if each["verdict"] == "approve"
        and each["version_id"] == newest["id"]
        and each["relation"] == "none"
        and each["by_id"] in active - insiders - authors
        and each["organization_id"] in verified - {publisher}
        and roles.get((each["by_id"], each["organization_id"])) in {"owner", "editor"}
    ]
    closed = {closing["review_id"] for closing in facts[RequestClosing].values()}
    requests = [each for each in last if each["verdict"] == "more" and each["id"] not in closed]
    holds = {
        "case": all(newest[part].strip() for part in ("tried", "where_since", "change_mind")),
        "evidence": len(pieces) + len(reports) >= 2,
        "outside": len(from_outside) + len(reports) >= 1,
        "approvals": len({each["organization_id"] for each in approvals}) >= 2,
        "requests": not requests,
    }
    return Earned([name for name, is_there in holds.items() if not is_there], approvals)


# What always holds


def only_grew(before: Facts, after: Facts) -> None:
    for model in WRITTEN_ONCE:
        for pk, row in before[model].items():
            assert after[model].get(pk) == row, f"{model.__name__} {pk} was {row}"


def vetted_as_earned(before: Facts, after: Facts) -> list[str]:
    """Check each post that came to be vetted between two looks; gives back how."""
    fresh = [move for pk, move in sorted(after[Move].items()) if pk not in before[Move]]
    arrived = [move for move in fresh if move["to_rung"] == Rung.VETTED and move["kind"] not in {"aside", "taken_up"}]
    for move in arrived:
        post, was = after[Post][move["post_id"]], before[Post][move["post_id"]]
        vetting = after[Vetting][move["cause_id"]]
        told = earned(after, vetting)
        assert not told.lacking
        assert [each for each in fresh if each["post_id"] == post["number"]] == [move]
        assert before[Vetting][vetting["id"]]["closed_at"] is None
        assert (vetting["ending"], vetting["post_id"], vetting["closed_by_id"]) == ("up", post["number"], move["by_id"])
        assert move["kind"] == ("renewed" if was["rung"] == Rung.VETTED else "up")
        assert move["by_id"] == told.approvals[-1]["by_id"]
        assert move["version_id"] == post["shown_id"] == newest_of(after, post["number"])["id"]
        assert was["aside_at"] is None
        facts_told = [each["verb"] for pk, each in after[Activity].items() if pk not in before[Activity]]
        assert facts_told.count(Verb.MOVED) == facts_told.count(Verb.CLOSED_VETTING) == 1
    return [move["kind"] for move in arrived]


def vetted_at_once(before: Facts, after: Facts) -> None:
    """A verdict, or the closing of a request, with which the rule has all it wants leaves no vetting open."""
    said = [each["vetting_id"] for pk, each in after[Review].items() if pk not in before[Review]]
    said += [
        after[Review][each["review_id"]]["vetting_id"]
        for pk, each in after[RequestClosing].items()
        if pk not in before[RequestClosing]
    ]
    for pk in said:
        vetting = after[Vetting][pk]
        if vetting["closed_at"] is None and is_public(after[Post][vetting["post_id"]]):
            assert earned(after, vetting).lacking, "All that is wanted is there, and the post was not moved up"


def confirmed_by_a_reviewer(before: Facts, after: Facts) -> int:
    """Check each version that was confirmed as editorial between two looks."""
    fresh = [each for pk, each in after[Confirmation].items() if pk not in before[Confirmation]]
    for each in fresh:
        version, vetted = after[Version][each["version_id"]], after[Version][each["vetted_id"]]
        post = before[Post][version["post_id"]]
        assert post["rung"] == Rung.VETTED
        assert vetted["post_id"] == version["post_id"]
        assert vetted["id"] == post["shown_id"]
        assert vetted["number"] < version["number"] == newest_of(before, post["number"])["number"]
        last_vetted = [move for move in of(before, Move, post_id=post["number"]) if move["cause_id"]][-1]
        said = {one["by_id"]: one for one in last_verdicts(before, last_vetted["cause_id"])}[each["by_id"]]
        assert (said["verdict"], said["relation"]) == ("approve", "none")
        assert before[Member][each["by_id"]]["is_active"]
        assert not of(before, Membership, member_id=each["by_id"], organization_id=post["organization_id"])
        assert not of(before, PostAuthor, member_id=each["by_id"], post_id=post["number"])
    return len(fresh)


def stands_where_its_moves_say(facts: Facts) -> None:
    for number, post in facts[Post].items():
        moves = of(facts, Move, post_id=number)
        assert post["rung"] == moves[-1]["to_rung"]
        assert [move["from_rung"] for move in moves] == [None, *(move["to_rung"] for move in moves[:-1])]
        aside = [move["kind"] for move in moves if move["kind"] in {"aside", "taken_up"}]
        assert aside == ["aside", "taken_up"] * (len(aside) // 2) + ["aside"] * (len(aside) % 2)
        assert bool(post["aside_at"]) == (aside[-1:] == ["aside"])
        assert post["moved_at"] == moves[-1]["at"]


def vetted_only_by_a_vetting(facts: Facts) -> None:
    causes = [move["cause_id"] for move in facts[Move].values() if move["cause_id"]]
    assert sorted(causes) == [vetting["id"] for vetting in of(facts, Vetting, ending="up")]
    for move in facts[Move].values():
        assert bool(move["cause_id"]) == (move["kind"] in {"up", "renewed"} and move["to_rung"] == Rung.VETTED)


def one_vetting_at_a_time(facts: Facts) -> None:
    for number, post in facts[Post].items():
        waiting = of(facts, Vetting, post_id=number, closed_at=None)
        assert [post["vetting_until"]] == ([vetting["until"] for vetting in waiting] or [None])
        if waiting:
            assert post["rung"] > Rung.HUNCH
            assert post["aside_at"] is None


def shows_what_was_vetted(facts: Facts) -> None:
    confirmed = {each["version_id"] for each in facts[Confirmation].values()}
    for number, post in facts[Post].items():
        shown = newest_of(facts, number)
        if post["rung"] == Rung.VETTED:
            shown = facts[Version][
                [move for move in of(facts, Move, post_id=number) if move["cause_id"]][-1]["version_id"]
            ]
            for version in of(facts, Version, post_id=number):
                if version["id"] in confirmed and version["number"] > shown["number"]:
                    shown = version
        assert post["shown_id"] == shown["id"]


def counts_what_stands(facts: Facts) -> None:
    for number, post in facts[Post].items():
        assert post["evidence_count"] == len(of(facts, Evidence, post_id=number, withdrawn_at=None))
        assert post["report_count"] == len(of(facts, FieldReport, post_id=number, withdrawn_at=None))


def listed_where_it_stands(facts: Facts) -> None:
    for number, post in facts[Post].items():
        standing = 0 if post["aside_at"] else post["rung"]
        rows = of(facts, Listing, post_id=number)
        assert bool(rows) == is_public(post)
        assert {row["standing"] for row in rows} <= {standing}
        assert {row["moved_at"] for row in rows} <= {post["moved_at"]}
        assert [row["object_id"] for row in rows if row["kind"] == "standing"] == [standing] * is_public(post)
    listed = Counter(
        row["kind"] if row["kind"] == "home" else f"{row['kind']}-{row['object_id']}" for row in facts[Listing].values()
    )
    assert {name: row["posts"] for name, row in facts[Stamp].items() if row["posts"]} == listed


def found_while_it_is_public(facts: Facts) -> None:
    found = {row["object_id"] for row in of(facts, Words, kind="post")}
    assert found == {number for number, post in facts[Post].items() if is_public(post)}


ALWAYS = (
    stands_where_its_moves_say,
    vetted_only_by_a_vetting,
    one_vetting_at_a_time,
    shows_what_was_vetted,
    counts_what_stands,
    listed_where_it_stands,
    found_while_it_is_public,
)


# The people

ORGANIZATIONS = {"harbor": True, "quayside": True, "millrace": True, "larkfield": True, "newfold": False}  # is verified
PEOPLE: dict[str, dict[str, str]] = {
    "alice": {"harbor": Role.OWNER},
    "bob": {"harbor": Role.EDITOR},
    "carla": {"harbor": Role.CONTRIBUTOR},
    "charlie": {"quayside": Role.OWNER},
    "mira": {"millrace": Role.EDITOR},
    "lena": {"larkfield": Role.EDITOR},
    "tom": {"larkfield": Role.CONTRIBUTOR},
    "dora": {"quayside": Role.EDITOR, "millrace": Role.EDITOR},
    "nils": {"newfold": Role.OWNER},
    "otto": {"larkfield": Role.EDITOR},  # an author from outside, of some posts
    "mona": {},  # moderates
    "stan": {},
}
ANYBODY = st.sampled_from(list(PEOPLE))
PUBLISHERS = st.sampled_from(["alice"] * 5 + ["bob"] * 3 + ["carla", "charlie", "mona"])
REVIEWERS = st.sampled_from(
    ["charlie", "mira", "lena"] * 3 + ["dora", "dora", "nils", "tom", "otto", "stan", "mona", "bob"]
)
PAIRS = st.sampled_from([("charlie", "mira"), ("mira", "lena"), ("lena", "dora"), ("dora", "charlie")])
MODERATORS = st.sampled_from(["mona"] * 3 + ["alice", "charlie"])
AUTHORS = st.sampled_from([(), (), ("alice", "otto"), ("otto",)])
PIECES = {
    "own": PIECE,
    "insider": Piece("We heard it twice.", producer="Alice Adeyemi", source="Notes"),
    "outside": Piece("Two of five kept nine in ten.", producer=OUTSIDER, source="Report, page 14"),
}
SEVERAL = st.lists(st.sampled_from(list(PIECES)), max_size=3)
CASES = st.sampled_from([CASE, CASE, CASE, {**CASE, "change_mind": " "}])
WHICH = st.integers(0, 5)  # one of those there are
RARELY = st.integers(0, 5).map(lambda number: number == 5)
DAYS = st.sampled_from([1, 13, 15, 40])
DEEP = ("vetted", "renewed", "confirmed", "stepped down", "lapsed", "taken up", "withdrawn", "vetted by close_request")


@pytest.fixture
def cast(db):
    """The keys of the members, and of the organizations, by name."""
    organizations = {
        name: make_organization(name=name.title(), slug=name, verified_at=timezone.now() if is_verified else None)
        for name, is_verified in ORGANIZATIONS.items()
    }
    members = {}
    for name, places in PEOPLE.items():
        full = "Alice Adeyemi" if name == "alice" else name.title()
        members[name] = make_member(full, handle=name, is_moderator=name == "mona")
        for organization, role in places.items():
            join(members[name], organizations[organization], role)
    return {name: thing.pk for name, thing in {**members, **organizations}.items()}


class Ladder(RuleBasedStateMachine):
    """Anything that anybody could do with up to three posts. Things are handed to the verbs as they were when first seen."""

    cast: ClassVar[dict[str, int]]
    reached: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.seen: dict[tuple[type[models.Model], int], Any] = {}
        self.states: set[str] = set()
        self.facts = facts_now()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)
        self.reached.update(self.states)

    # How a step is done

    def attempt(self, verb: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do it and look at every row; a refusal leaves all as it was."""
        before = self.facts
        try:
            made = verb(*args, **options)
        except REFUSALS as refusal:
            self.facts = facts_now()
            assert self.facts == before, f"{verb.__name__} was refused, and left something behind"
            event(f"{verb.__name__}: {type(refusal).__name__}")
            return None
        self.look()
        for kind in vetted_as_earned(before, self.facts):
            self.states |= {"vetted" if kind == "up" else kind, f"vetted by {verb.__name__}"}
        if confirmed_by_a_reviewer(before, self.facts):
            self.states.add("confirmed")
        vetted_at_once(before, self.facts)
        event(f"{verb.__name__}: done")
        return made

    def look(self) -> None:
        """See what is there now, and whether it is as it always is."""
        before, self.facts = self.facts, facts_now()
        only_grew(before, self.facts)
        for check in ALWAYS:
            check(self.facts)

    def thing(self, model: type[models.Model], pk: int) -> Any:
        """A thing as it was when it was first seen: verbs look for themselves."""
        if (model, pk) not in self.seen:
            self.seen[model, pk] = model._default_manager.get(pk=pk)
        return self.seen[model, pk]

    def one_of(self, model: type[models.Model], which: int, rows: Iterable[Row] | None = None) -> Any:
        """One of these rows, as a thing; the newest for 0."""
        keys = sorted(row[model._meta.pk.column] for row in (self.facts[model].values() if rows is None else rows))
        return self.thing(model, keys[-1 - which % len(keys)]) if keys else None

    def post(self, which: int) -> Post:
        """One of the posts, most often the first."""
        return self.thing(Post, sorted(self.facts[Post])[max(0, which - 3) % len(self.facts[Post])])

    def member(self, name: str) -> Member:
        """A member as a request has them: as they are now, with their roles."""
        return self.acting(self.cast[name])

    def acting(self, pk: int) -> Member:
        member = copy(self.thing(Member, pk))
        member.is_active = self.facts[Member][pk]["is_active"]
        member.roles = {row["organization_id"]: row["role"] for row in of(self.facts, Membership, member_id=pk)}
        return member

    def organization(self, name: str) -> Organization:
        return self.thing(Organization, self.cast[name])

    def places(self, name: str) -> list[Organization]:
        """The organizations of a member, the first joined first."""
        return [
            self.thing(Organization, row["organization_id"])
            for row in of(self.facts, Membership, member_id=self.cast[name])
        ]

    def vetting(self, which: int) -> Vetting | None:
        """An open vetting, most often; else the last that was closed."""
        waiting = of(self.facts, Vetting, closed_at=None)
        return self.one_of(Vetting, which, waiting if which < 5 and waiting else None)

    def request(self, which: int) -> Review | None:
        """One that asks for more, open or not."""
        return self.one_of(Review, which, of(self.facts, Review, verdict="more"))

    def until(self) -> dt.date:
        return timezone.now().date() + dt.timedelta(days=14)

    # Publishing

    @initialize(far=st.integers(0, 7), authors=AUTHORS, pair=PAIRS)
    def first_post(self, far, authors, pair):
        """A post that could be vetted, and how far it has come when the story begins."""
        first, second = pair
        post = self.attempt(
            publish_emerging,
            content(case=CASE),
            [PIECES["own"], PIECES["outside"]],
            by=self.member("alice"),
            organization=self.organization("harbor"),
            authors=[self.member(name) for name in authors],
        )
        if far >= 1:
            vetting = self.made_ready(post, "alice")
            self.approve(vetting, first)
        if far in {2, 3}:
            self.says(vetting, "stan", "more")
        if far == 3:
            self.next_version(post, "alice", CASE)
            self.attempt(answer_request, self.request(0), by=self.member("bob"), words="In the table.")
            self.approve(vetting, first, second)
        if far >= 4:
            self.approve(vetting, second)
        if far >= 5:
            self.next_version(post, "alice", CASE)
        if far >= 6:
            self.approve(self.made_ready(post, "alice"), first)

    @precondition(lambda self: len(self.facts[Post]) < 3)
    @rule(by=PUBLISHERS, authors=AUTHORS, case=CASES, pieces=st.none() | SEVERAL, elsewhere=RARELY)
    def another_post(self, by, authors, case, pieces, elsewhere):
        options = {
            "by": self.member(by),
            "organization": self.organization("quayside" if elsewhere else "harbor"),
            "authors": [self.member(name) for name in authors],
        }
        if pieces is None:
            self.attempt(publish, content("Another", case=case), **options)
        else:
            said = content("Another", case=case)
            self.attempt(publish_emerging, said, [PIECES[name] for name in pieces], **options)

    @rule(which=WHICH, by=PUBLISHERS, case=CASES, behind=RARELY)
    def publish_version(self, which, by, case, behind):
        self.next_version(self.post(which), by, case, behind)

    def next_version(self, post, by, case, behind=False):
        newest = newest_of(self.facts, post.pk)["number"]
        said = content(case=case, body=f"What version {newest + 1} says.")
        self.attempt(publish_version, post, said, by=self.member(by), note="", base=newest - behind)

    @rule(which=WHICH, by=PUBLISHERS, sure=RARELY)
    def withdraw(self, which, by, sure):
        if sure and self.attempt(withdraw, self.post(which), by=self.member(by)):
            self.states.add("withdrawn")

    # Evidence

    @rule(which=WHICH, by=PUBLISHERS, piece=st.sampled_from(list(PIECES)))
    def add_evidence(self, which, by, piece):
        self.attempt(add_evidence, self.post(which), PIECES[piece], by=self.member(by))

    @precondition(lambda self: self.facts[Evidence])
    @rule(which=WHICH, by=PUBLISHERS)
    def withdraw_evidence(self, which, by):
        self.attempt(withdraw_evidence, self.one_of(Evidence, which), by=self.member(by), why="Another programme.")

    @rule(which=WHICH, by=REVIEWERS)
    def report(self, which, by):
        for organization in self.places(by)[:1]:
            self.attempt(report, self.post(which), account(), by=self.member(by), organization=organization)

    @precondition(lambda self: self.facts[FieldReport])
    @rule(which=WHICH, by=ANYBODY, its_own=st.booleans())
    def withdraw_report(self, which, by, its_own):
        this = self.one_of(FieldReport, which)
        who = self.acting(this.by_id) if its_own else self.member(by)
        self.attempt(withdraw_report, this, by=who, why="It was another programme.")

    # Standing

    @precondition(lambda self: of(self.facts, Post, rung=Rung.HUNCH))
    @rule(which=WHICH, by=PUBLISHERS)
    def move_up(self, which, by):
        self.attempt(move_up, self.post(which), by=self.member(by), why="Two cities saw it.")

    @rule(which=WHICH, by=PUBLISHERS, rung=st.sampled_from([Rung.EMERGING, Rung.HUNCH, Rung.EMERGING, Rung.VETTED]))
    def step_down(self, which, by, rung):
        post = self.post(which)
        was = self.facts[Post][post.pk]["rung"]
        if (
            self.attempt(step_down, post, rung, by=self.member(by), why="A county saw otherwise.")
            and was == Rung.VETTED
        ):
            self.states.add("stepped down")

    @rule(which=WHICH, by=PUBLISHERS, instead=st.sampled_from(["lesson", "lesson", "post", ""]))
    def set_aside(self, which, by, instead):
        self.attempt(
            set_aside,
            self.post(which),
            by=self.member(by),
            why="It did not hold up.",
            lesson=LESSON if instead == "lesson" else None,
            superseded_by=self.post(which + 1) if instead == "post" else None,
        )

    @precondition(lambda self: any(post["aside_at"] for post in self.facts[Post].values()))
    @rule(which=WHICH, by=PUBLISHERS)
    def take_up(self, which, by):
        if self.attempt(take_up, self.post(which), by=self.member(by), why="The court is slower again."):
            self.states.add("taken up")

    # A vetting

    @rule(which=WHICH, by=PUBLISHERS)
    def open_vetting(self, which, by):
        self.attempt(open_vetting, self.post(which), by=self.member(by), asks="The months.", until=self.until())

    def made_ready(self, post, by, newer=False):
        """All that the organization can do so that a vetting opens."""
        member = self.member(by)
        if self.facts[Post][post.pk]["aside_at"]:
            self.attempt(take_up, post, by=member, why="We try again.")
        if newer or not newest_of(self.facts, post.pk)["change_mind"].strip():
            self.next_version(post, by, CASE)
        if not of(self.facts, Evidence, post_id=post.pk, producer=OUTSIDER, withdrawn_at=None):
            self.attempt(add_evidence, post, PIECES["outside"], by=member)
        if self.facts[Post][post.pk]["evidence_count"] < 2:
            self.attempt(add_evidence, post, PIECES["own"], by=member)
        if self.facts[Post][post.pk]["rung"] == Rung.HUNCH:
            self.attempt(move_up, post, by=member, why="Two cities saw it.")
        if not open_vetting_of(self.facts, post.pk):
            self.attempt(open_vetting, post, by=member, asks="The months.", until=self.until())
        return self.one_of(Vetting, 0, of(self.facts, Vetting, post_id=post.pk))

    def says(self, vetting, by, verdict="approve", relation="none", organization=None, behind=False, mistaken=False):
        """A verdict; on the version before the newest one where `behind`, as if it were a first one or again where `mistaken`."""
        newest = newest_of(self.facts, vetting.post_id)["number"]
        earlier = bool(of(self.facts, Review, vetting_id=vetting.pk, by_id=self.cast[by]))
        self.attempt(
            review,
            vetting,
            opinion(verdict, relation=relation),
            by=self.member(by),
            organization=organization,
            read=newest - behind,
            again=earlier != mistaken,
        )

    @precondition(lambda self: of(self.facts, Vetting, closed_at=None))
    @rule(
        which=WHICH,
        by=REVIEWERS,
        verdict=st.sampled_from(["approve", "approve", "approve", "more"]),
        relation=st.sampled_from(["none", "none", "none", "none", "funding", "partner"]),
        place=st.sampled_from([0, 0, 0, 1, 1, None, "another"]),
        behind=RARELY,
        mistaken=RARELY,
    )
    def review(self, which, by, verdict, relation, place, behind, mistaken):
        places = self.places(by)
        organization = None
        if place == "another":
            organization = self.organization("millrace")
        elif place is not None and places:
            organization = places[place % len(places)]
        self.says(self.vetting(which), by, verdict, relation, organization, behind, mistaken)

    def approve(self, vetting, *names):
        for by in names:
            self.says(vetting, by, organization=next(iter(self.places(by)), None))

    @precondition(lambda self: of(self.facts, Vetting, closed_at=None))
    @rule(which=st.integers(0, 4), pair=PAIRS)
    def two_approve(self, which, pair):
        self.approve(self.vetting(which), *pair)

    @rule(which=WHICH, newer=st.booleans(), pair=PAIRS, all_as_before=st.booleans())
    def goes_all_the_way(self, which, newer, pair, all_as_before):
        if all_as_before:
            self.everybody_is_back()
        if vetting := self.made_ready(self.post(which), "alice", newer):
            self.approve(vetting, *pair)

    @rule(which=WHICH, pair=PAIRS, by=REVIEWERS)
    def more_is_wanted_and_answered(self, which, pair, by):
        """Nothing but a request for more keeps it off the rung: an answered one."""
        if vetting := self.made_ready(self.post(which), "alice"):
            self.says(vetting, by, "more")
            self.next_version(self.thing(Post, vetting.post_id), "alice", CASE)
            for request in of(self.facts, Review, vetting_id=vetting.pk, verdict="more"):
                self.attempt(answer_request, self.thing(Review, request["id"]), by=self.member("bob"), words="In it.")
            self.approve(vetting, *(name for name in pair if name != by))

    @precondition(lambda self: of(self.facts, Review, verdict="more"))
    @rule(which=WHICH, by=PUBLISHERS, with_a_version=st.booleans())
    def answer_request(self, which, by, with_a_version):
        request = self.request(which)
        if with_a_version:
            self.next_version(self.thing(Post, request.vetting.post_id), by, CASE)
        self.attempt(answer_request, request, by=self.member(by), words="In the table.")

    @precondition(lambda self: of(self.facts, Review, verdict="more"))
    @rule(which=WHICH, by=ANYBODY, its_own=st.booleans())
    def close_request(self, which, by, its_own):
        request = self.request(which)
        who = self.acting(request.by_id) if its_own else self.member(by)
        self.attempt(close_request, request, by=who)

    @precondition(lambda self: self.facts[RequestAnswer])
    @rule(which=WHICH, days=DAYS)
    def request_lapses(self, which, days):
        answer = self.one_of(RequestAnswer, which)
        request = self.thing(Review, answer.review_id)
        if self.attempt(close_request, request, by=None, at=timezone.now() + dt.timedelta(days=days)):
            self.states.add("lapsed")

    @precondition(lambda self: self.facts[RequestAnswer])
    @rule(which=WHICH, by=MODERATORS, days=DAYS)
    def prolong(self, which, by, days):
        answer = self.one_of(RequestAnswer, which)
        self.attempt(prolong, answer, by=self.member(by), until=timezone.now() + dt.timedelta(days=days))

    @precondition(lambda self: self.facts[Vetting])
    @rule(which=WHICH, by=ANYBODY, how=st.sampled_from(["its day", "its day", "declined", "withdrawn"]), days=DAYS)
    def vetting_ends(self, which, by, how, days):
        vetting, at = self.vetting(which), timezone.now() + dt.timedelta(days=days)
        if how == "its day":
            self.attempt(decline, vetting, by=None, at=at)
        elif how == "declined":
            self.attempt(decline, vetting, by=self.member("mona" if days < 15 else by), why="Nobody came.")
        else:
            self.attempt(withdraw_vetting, vetting, by=self.member("bob" if days < 15 else by), why="A mistake.")

    def changed_since_vetted(self):
        return [
            post
            for post in of(self.facts, Post, rung=Rung.VETTED)
            if newest_of(self.facts, post["number"])["id"] != post["shown_id"]
        ]

    @precondition(lambda self: of(self.facts, Post, rung=Rung.VETTED))
    @rule(which=WHICH, by=REVIEWERS, is_approver=st.booleans(), behind=RARELY)
    def confirm_editorial(self, which, by, is_approver, behind):
        """Of what changed since it was vetted, if there is any; by one who approved it some time, or by anybody."""
        post = self.one_of(Post, which, self.changed_since_vetted() or of(self.facts, Post, rung=Rung.VETTED))
        approvers = {each["by_id"] for each in of(self.facts, Review, verdict="approve")}
        names = [name for name in PEOPLE if self.cast[name] in approvers] if is_approver else [by]
        versions = of(self.facts, Version, post_id=post.pk)
        version = self.one_of(Version, int(behind), versions)
        self.attempt(confirm_editorial, version, by=self.member(names[which % len(names)]))

    # Who belongs where

    @rule(
        what=st.sampled_from(["place", "place", "place", "suspended", "verified"]),
        who=st.sampled_from(["charlie", "mira", "lena", "dora", "bob", "stan", "tom"]),
        where=st.sampled_from(["harbor", "quayside", "millrace", "larkfield", "newfold"]),
        role=st.sampled_from([Role.CONTRIBUTOR, Role.EDITOR, Role.OWNER, None]),
        by=MODERATORS,
    )
    def somebody_changes(self, what, who, where, role, by):
        member, organization = self.cast[who], self.cast[where]
        is_active = self.facts[Member][member]["is_active"]
        is_verified = self.facts[Organization][organization]["verified_at"]
        if what == "verified" and not is_verified:
            self.attempt(verify, self.organization(where), by=self.member(by))
        elif what == "verified":
            Organization.objects.filter(pk=organization).update(verified_at=None)
        elif what == "suspended":
            Member.objects.filter(pk=member).update(is_active=not is_active)
        else:
            self.belongs(member, organization, role)
        self.look()

    def belongs(self, member, organization, role):
        if role is None:
            Membership.objects.filter(member=member, organization=organization).delete()
        else:
            Membership.objects.update_or_create(member_id=member, organization_id=organization, defaults={"role": role})

    def everybody_is_back(self):
        """The cast as it was at first."""
        Member.objects.filter(is_active=False).update(is_active=True)
        for name, is_verified in ORGANIZATIONS.items():
            if is_verified and not self.facts[Organization][self.cast[name]]["verified_at"]:
                self.attempt(verify, self.organization(name), by=self.member("mona"))
        for place in list(self.facts[Membership].values()):
            self.belongs(place["member_id"], place["organization_id"], None)
        for name, places in PEOPLE.items():
            for organization, role in places.items():
                self.belongs(self.cast[name], self.cast[organization], role)
        self.look()


# Of ten stories each: after ten, Hypothesis goes on with variations that all end alike, so each round begins afresh
ROUNDS = range(20, 26)


def test_whatever_anybody_does_what_is_vetted_has_earned_it(cast):
    """The rounds are the same in each run, and so what they reach does not change by chance; other ROUNDS tell other stories."""
    Ladder.cast, Ladder.reached = cast, Counter()
    for number in ROUNDS:
        run_state_machine_as_test(
            seed(number)(Ladder),
            settings=settings(
                max_examples=10,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert [state for state in DEEP if not Ladder.reached[state]] == [], "The stories have become too shallow"
