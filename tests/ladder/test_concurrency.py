"""Two at once, on real connections in real threads: the post moves exactly once, and nothing is lost."""

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections

from knowledge.comments.actions import CommentIsGone, answer_challenge
from knowledge.evidence.actions import withdraw_evidence
from knowledge.ladder.actions import AfterAction, move_up, set_aside
from knowledge.ladder.models import Ending, Review
from knowledge.ladder.vetting import AlreadyReviewed, Closed, withdraw_vetting
from knowledge.posts.actions import ChangedMeanwhile, NotReady, publish_version, withdraw
from knowledge.posts.lineage import Unlinkable, link
from knowledge.posts.models import Link, LinkKind, Move, MoveKind, Post
from knowledge.posts.rungs import Rung
from tests.make import CASE, content, make_comment, make_post, make_ready, make_review, make_reviewer, make_vetting

REFUSALS = (
    AlreadyReviewed, ChangedMeanwhile, Closed, CommentIsGone, NotReady, PermissionDenied, Unlinkable,
)  # fmt: skip
ROUNDS = 2
LESSON = AfterAction("a", "b", "c", "d")


@pytest.fixture
def at_once() -> Callable[..., list[object]]:
    """Does several things at the same moment, each on a connection of its own; gives what each gave, or its refusal."""

    def run(*acts: Callable[[], object]) -> list[object]:
        together = threading.Barrier(len(acts))
        answers: list[object] = [None] * len(acts)

        def one(place: int) -> None:
            try:
                together.wait(10)
                answers[place] = acts[place]()
            except REFUSALS as refused:
                answers[place] = refused
            finally:
                connections.close_all()

        threads = [threading.Thread(target=one, args=[place]) for place in range(len(acts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert None not in answers, "one of them failed, or waits for ever"
        return answers

    return run


def refused(answers: list[object]) -> list[type]:
    return sorted((type(answer) for answer in answers if isinstance(answer, Exception)), key=str)


def vetted_once(post: Post) -> bool:
    """Whether it stands on the top rung, by one move that one closed vetting caused; or not at all."""
    post.refresh_from_db()
    moves = Move.objects.filter(post=post, to_rung=Rung.VETTED, kind=MoveKind.UP)
    up = post.vettings.filter(ending=Ending.UP)
    assert len(moves) == len(up) == (post.rung == Rung.VETTED)
    if moves:
        assert moves[0].cause == up[0]
        assert post.shown == moves[0].version
        assert post.vetting_until is None
    return post.rung == Rung.VETTED


@pytest.mark.slow
@pytest.mark.parametrize("time", range(ROUNDS))
class TestAVetting:
    @pytest.fixture(autouse=True)
    def _open(self, committed, organization, alice, bob):
        self.alice, self.bob = alice, bob
        self.first, self.second = make_reviewer(), make_reviewer()
        self.post = make_ready(alice)
        self.vetting = make_vetting(self.post, alice)

    def approve(self, reviewer, **fields):
        return lambda: make_review(self.vetting, reviewer, **fields)

    def test_two_last_approvals(self, at_once, time):
        answers = at_once(self.approve(self.first), self.approve(self.second))
        assert refused(answers) == []
        assert vetted_once(self.post)

    def test_three_approvals_where_two_are_enough(self, at_once, time):
        answers = at_once(*(self.approve(who) for who in (self.first, self.second, make_reviewer())))
        assert refused(answers) in ([], [Closed])
        assert vetted_once(self.post)

    def test_an_approval_against_withdrawing_the_vetting(self, at_once, time):
        make_review(self.vetting, self.first)
        answers = at_once(self.approve(self.second), lambda: withdraw_vetting(self.vetting, by=self.alice, why="No."))
        assert refused(answers) == [Closed]
        assert vetted_once(self.post) == isinstance(answers[1], Closed)

    def test_an_approval_against_withdrawing_the_post(self, at_once, time):
        make_review(self.vetting, self.first)
        answers = at_once(self.approve(self.second), lambda: withdraw(self.post, by=self.alice))
        assert refused(answers) in ([], [PermissionDenied])
        assert vetted_once(self.post) == (refused(answers) == [])
        assert self.post.withdrawn_at
        assert not self.post.listings.exists()

    def test_an_approval_against_a_new_version(self, at_once, time):
        make_review(self.vetting, self.first)

        def publish():
            return publish_version(self.post, content(case=CASE, body="Newer."), by=self.alice, note="", base=1)

        answers = at_once(self.approve(self.second, read=1), publish)
        assert refused(answers) in ([], [ChangedMeanwhile])
        assert vetted_once(self.post) == (refused(answers) == [])
        assert self.post.versions.count() == 2
        assert self.post.shown.number == (1 if self.post.rung == Rung.VETTED else 2)

    def test_an_approval_against_withdrawing_evidence(self, at_once, time):
        make_review(self.vetting, self.first)
        piece = self.post.evidence.get(from_outside=True)
        at_once(self.approve(self.second), lambda: withdraw_evidence(piece, by=self.bob, why="Another programme."))
        vetted_once(self.post)
        assert Review.objects.count() == 2
        assert self.post.evidence_count == 1

    def test_one_member_reviews_twice(self, at_once, time):
        answers = at_once(self.approve(self.first), self.approve(self.first))
        assert refused(answers) == [AlreadyReviewed]
        assert Review.objects.count() == 1

    def test_a_vetting_opened_twice(self, at_once, time):
        other = make_ready(self.alice, title="Another")
        answers = at_once(lambda: make_vetting(other, self.alice), lambda: make_vetting(other, self.bob))
        assert refused(answers) == [PermissionDenied]
        assert other.vettings.count() == 1

    def test_an_approval_against_setting_aside(self, at_once, time):
        make_review(self.vetting, self.first)
        answers = at_once(
            self.approve(self.second), lambda: set_aside(self.post, by=self.alice, why="It fell.", lesson=LESSON)
        )
        assert refused(answers) in ([], [Closed])
        assert vetted_once(self.post) == (refused(answers) == [])
        assert self.post.aside_at
        assert self.post.vetting_until is None


@pytest.mark.slow
@pytest.mark.parametrize("time", range(ROUNDS))
def test_a_hunch_moves_up_once(committed, at_once, alice, bob, time):
    from knowledge.evidence.actions import add_evidence
    from tests.make import PIECE

    post = make_post(alice, case=CASE)
    add_evidence(post, PIECE, by=alice)
    answers = at_once(lambda: move_up(post, by=alice, why="Now."), lambda: move_up(post, by=bob, why="Now."))
    assert refused(answers) == [PermissionDenied]
    assert post.moves.count() == 2


@pytest.mark.slow
@pytest.mark.parametrize("time", range(ROUNDS))
def test_two_colleagues_answer_a_challenge_once(committed, at_once, alice, bob, charlie, time):
    post = make_post(alice)
    challenge = make_comment(post, charlie, "Of how many?", kind="challenge")
    answers = at_once(
        lambda: answer_challenge(challenge, by=alice, body="Eleven."),
        lambda: answer_challenge(challenge, by=bob, body="Twelve."),
        lambda: make_comment(post, charlie, "And when?", parent=challenge),
    )
    assert refused(answers) == [CommentIsGone]
    post.refresh_from_db()
    assert post.comment_count == post.comments.count() == 3


@pytest.mark.slow
@pytest.mark.parametrize("time", range(ROUNDS))
def test_no_circle_is_closed_from_two_ends(committed, at_once, alice, charlie, time):
    one, other = make_post(alice), make_post(charlie, "Another")
    answers = at_once(
        lambda: link(one, other, LinkKind.BUILDS_ON, by=alice),
        lambda: link(other, one, LinkKind.SUPERSEDES, by=charlie),
    )
    assert refused(answers) == [Unlinkable]
    assert Link.objects.count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("time", range(ROUNDS))
def test_building_on_a_post_while_others_speak_on_it(committed, at_once, alice, bob, charlie, organization, time):
    ground = make_post(charlie, "Ground")
    answers = at_once(
        lambda: make_post(alice, "One", builds_on=[ground]),
        lambda: make_post(bob, "Two", builds_on=[ground]),
        lambda: make_comment(ground, charlie, "Go on."),
        lambda: set_aside(ground, by=charlie, why="It fell.", lesson=LESSON),
    )
    assert refused(answers) == []
    assert ground.linked_from.count() == 2
