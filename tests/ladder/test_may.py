"""Every may-question of the ladder, in one table of roles and states: Y for yes."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts.organizations.models import Role
from knowledge.comments.actions import answer_challenge
from knowledge.comments.permissions import can_accept, can_answer, can_comment
from knowledge.evidence.permissions import can_add_evidence, can_edit_report, can_report, can_withdraw_evidence
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.ladder.permissions import (
    can_answer_request,
    can_close_request,
    can_confirm,
    can_decline,
    can_move_up,
    can_open_vetting,
    can_prolong,
    can_review,
    can_set_aside,
    can_step_down,
    can_take_up,
    can_withdraw_vetting,
)
from knowledge.ladder.vetting import withdraw_vetting
from knowledge.moderation.permissions import can_moderate
from knowledge.posts.permissions import can_edit, can_withdraw
from knowledge.posts.rungs import Rung
from tests.make import (
    CASE,
    join,
    make_comment,
    make_member,
    make_organization,
    make_post,
    make_ready,
    make_report,
    make_review,
    make_vetting,
)  # fmt: skip

pytestmark = pytest.mark.django_db

WHO = ("owner", "editor", "contributor", "author", "reviewer", "moderator", "suspended", "anonymous")
STATES = ("hunch", "emerging", "vetted", "aside", "held", "hidden", "withdrawn")
# Of a post in each state, by: owner, editor, contributor, an author from outside, an editor elsewhere (who reviewed it, tried it
# and challenged it), a moderator, a suspended editor of its organization, somebody without an account
EXPECTED = {
    "edit":       {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "withdraw":   {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "evidence":   {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "take_back":  {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "move_up":    {"hunch": "YY......"},
    "step_down":  {"emerging": "YY...Y..", "vetted": "YY...Y..", "held": "YY......"},
    "set_aside":  {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "held": "YY......"},
    "take_up":    {"aside": "YY......"},
    "open":       {"emerging": "YY......", "vetted": "YY......", "held": "YY......"},
    "end":        {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "answer_for": {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "review":     {"hunch": "....YY..", "emerging": "....YY..", "vetted": "....YY..", "aside": "....YY.."},
    "close":      {"hunch": "....Y...", "emerging": "....Y...", "vetted": "....Y...", "aside": "....Y..."},
    "confirm":    {"vetted": "....Y..."},
    "report":     {"hunch": "...YY...", "emerging": "...YY...", "vetted": "...YY...", "aside": "...YY..."},
    "re_report":  {"hunch": "....Y...", "emerging": "....Y...", "vetted": "....Y...", "aside": "....Y..."},
    "comment":    {"hunch": "YYYYYY..", "emerging": "YYYYYY..", "vetted": "YYYYYY..", "aside": "YYYYYY..", "held": "YYY....."},
    "reply_to":   {"hunch": "YY......", "emerging": "YY......", "vetted": "YY......", "aside": "YY......", "held": "YY......"},
    "accept":     {"hunch": "....Y...", "emerging": "....Y...", "vetted": "....Y...", "aside": "....Y..."},
    "decline":    dict.fromkeys(STATES, ".....Y.."),
    "prolong":    dict.fromkeys(STATES, ".....Y.."),
    "moderate":   dict.fromkeys(STATES, ".....Y.."),
}  # fmt: skip


@pytest.fixture
def cast(organization, alice, bob, carla, mona):
    author, reviewer, suspended = make_member(), make_member(), make_member()
    for member in (author, reviewer):
        join(member, make_organization(verified_at=timezone.now()), Role.EDITOR)
    join(suspended, organization, Role.EDITOR)
    suspended.is_active = False
    suspended.save()
    people = (alice, bob, carla, author, reviewer, mona, suspended, AnonymousUser())
    return dict(zip(WHO, people, strict=True))


def in_state(state: str, cast):
    """A post in this state, with what the questions are about: evidence, a report, challenges, and, once vetted, its reviews."""
    alice, author, reviewer = cast["owner"], cast["author"], cast["reviewer"]
    authors = [alice, author]
    post = make_post(alice, case=CASE, authors=authors) if state == "hunch" else make_ready(alice, authors=authors)
    report = make_report(post, reviewer)
    answered = make_comment(post, reviewer, "Of how many?", kind="challenge")
    still_open = make_comment(post, reviewer, "And when?", kind="challenge")
    answer_challenge(answered, by=alice, body="Eleven.")
    asked = None
    if state != "hunch":
        vetting = make_vetting(post, alice)
        asked = make_review(vetting, reviewer)
        if state == "vetted":
            other = make_member()
            join(other, make_organization(verified_at=timezone.now()), Role.EDITOR)
            make_review(vetting, other)
        else:
            withdraw_vetting(vetting, by=alice, why="Not now.")
    post.refresh_from_db()
    if state == "aside":
        set_aside(post, by=alice, why="It fell.", lesson=AfterAction("a", "b", "c", "d"))
    elif state in ("held", "hidden", "withdrawn"):
        setattr(post, f"{state}_at", timezone.now())
        post.save()
    post.refresh_from_db()
    for thing in (report, answered, still_open):
        thing.refresh_from_db()
        thing.post = post
    return post, report, answered, still_open, asked


@pytest.mark.parametrize("state", STATES)
def test_who_may_do_what(cast, state):
    post, report, answered, still_open, asked = in_state(state, cast)
    piece = post.evidence.first()
    if piece:
        piece.post = post

    def organization_of(who):
        return next(iter(who.roles), 0) if who.is_authenticated else 0

    questions = {
        "edit": lambda who: can_edit(who, post),
        "withdraw": lambda who: can_withdraw(who, post),
        "evidence": lambda who: can_add_evidence(who, post),
        "take_back": lambda who: can_withdraw_evidence(who, piece) if piece else can_add_evidence(who, post),
        "move_up": lambda who: can_move_up(who, post),
        "step_down": lambda who: can_step_down(who, post),
        "set_aside": lambda who: can_set_aside(who, post),
        "take_up": lambda who: can_take_up(who, post),
        "open": lambda who: can_open_vetting(who, post),
        "end": lambda who: can_withdraw_vetting(who, post),
        "answer_for": lambda who: can_answer_request(who, post),
        "review": lambda who: can_review(who, post),
        "close": lambda who: can_close_request(who, post, asked) if asked else who is cast["reviewer"],
        "confirm": lambda who: can_confirm(who, post),
        "report": lambda who: can_report(who, post, organization_of(who)),
        "re_report": lambda who: can_edit_report(who, report),
        "comment": lambda who: can_comment(who, post.pk),
        "reply_to": lambda who: can_answer(who, still_open),
        "accept": lambda who: can_accept(who, answered),
        "decline": can_decline,
        "prolong": can_prolong,
        "moderate": can_moderate,
    }
    found = {name: "".join("Y" if asks(cast[who]) else "." for who in WHO) for name, asks in questions.items()}
    assert found == {name: row.get(state, "........") for name, row in EXPECTED.items()}
    assert Rung(post.rung) == {"hunch": Rung.HUNCH, "vetted": Rung.VETTED}.get(state, Rung.EMERGING)
