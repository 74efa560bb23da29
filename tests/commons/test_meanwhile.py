"""Two act at the same moment on one thing: each gets an answer, the thing is done once, and nobody a 500."""

import threading
import time
from collections.abc import Callable

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Model

from commons.activity.models import Activity
from knowledge.comments.models import Comment, Kind
from knowledge.comments.on_drafts import comment_on_draft
from knowledge.evidence.models import Evidence, FieldReport
from knowledge.ladder.vetting import open_vetting
from knowledge.posts.drafts import begin_draft, propose_draft, share_draft
from knowledge.posts.lineage import link
from knowledge.posts.models import Draft, LinkKind, Post
from knowledge.subscriptions.models import Subscription
from tests.make import make_comment, make_post, make_ready, make_report

THROWN_AWAY_WHILE = {
    "share/change/": {"action": "share"},
    "share/change/?": {"action": "end"},
    "give-back/": {"note": "Say when."},
    "comments/": {"body": "Yes."},
    "discard/": {},
}
LESSON = {"why": "It did not hold.", "expected": "a", "happened": "b", "because": "c", "next_time": "d"}


@pytest.fixture
def at_once(signed_in) -> Callable[..., list[int]]:
    """Send two forms so that both have looked for their thing before either writes: its row is held until both wait for it."""

    def run(held: Model, *asks: tuple[object, str, dict]) -> list[int]:
        answers: list[int] = [0] * len(asks)
        browsers = [signed_in(member) for member, _, _ in asks]

        def one(place: int) -> None:
            try:
                answers[place] = browsers[place].post(asks[place][1], asks[place][2]).status_code
            except Exception as fault:  # noqa: BLE001 - what would be a 500
                answers[place] = repr(fault)  # type: ignore[call-overload]
            finally:
                connections.close_all()

        threads = [threading.Thread(target=one, args=[place]) for place in range(len(asks))]
        with transaction.atomic():
            type(held)._default_manager.select_for_update().get(pk=held.pk)
            for thread in threads:
                thread.start()
            until = time.monotonic() + 4  # less than a lock is waited for
            while waiting() < len(asks) and time.monotonic() < until:
                time.sleep(0.02)
        for thread in threads:
            thread.join(30)
        return answers

    return run


def waiting() -> int:
    """How many of this database's connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def facts(verb: str, subject: Model) -> int:
    return Activity.objects.filter(verb=verb, subject_id=subject.pk).count()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    @pytest.fixture(autouse=True)
    def _there(self, committed, organization, alice, bob, charlie, at_once):
        self.alice, self.bob, self.charlie, self.at_once = alice, bob, charlie, at_once
        self.organization = organization

    def test_each_gets_an_answer_and_it_is_done_once(self):
        self.withdraw_evidence()
        self.withdraw_a_field_report()
        self.withdraw_a_post()
        self.withdraw_a_comment()
        self.answer_a_challenge_that_is_withdrawn()
        self.take_a_link_away()
        self.verbs_of_a_post_that_is_withdrawn()
        self.a_vetting_is_withdrawn_twice()
        self.follow_and_stop()

    def test_so_it_is_with_drafts(self):
        self.a_draft_is_thrown_away()
        self.a_draft_is_thrown_away_while_it_is_written_on()
        self.a_draft_is_commented_on_by_its_secret_address_while_it_is_thrown_away()

    def withdraw_evidence(self):
        post = make_ready(self.alice)
        piece = post.evidence.first()
        form = f"{post.get_absolute_url()}evidence/{piece.pk}/withdraw/", {"why": "It was counted twice."}
        assert self.at_once(post, (self.alice, *form), (self.bob, *form)) == [302, 302]
        assert Evidence.objects.exclude(withdrawn_at=None).count() == 1
        post.refresh_from_db()
        assert post.evidence_count == 1

    def withdraw_a_field_report(self):
        post = make_post(self.alice)
        report = make_report(post, self.charlie)
        form = f"/field-reports/{report.pk}/withdraw/", {"why": "It was another programme."}
        assert self.at_once(post, (self.charlie, *form), (self.charlie, *form)) == [302, 302]
        assert FieldReport.objects.exclude(withdrawn_at=None).count() == 1
        post.refresh_from_db()
        assert post.report_count == 0

    def withdraw_a_post(self):
        post = make_post(self.alice)
        form = f"{post.get_absolute_url()}withdraw/", {}
        assert self.at_once(post, (self.alice, *form), (self.bob, *form)) == [302, 302]
        assert facts("withdrew", post) == 1

    def a_draft_is_thrown_away(self):
        for act, sent in THROWN_AWAY_WHILE.items():
            draft = begin_draft(by=self.alice, title="Keys", body="x", organization=self.organization.pk)
            propose_draft(draft, by=self.alice)
            base = f"/drafts/{draft.pk}/"
            answers = self.at_once(draft, (self.alice, f"{base}discard/", {}), (self.bob, f"{base}{act}", sent))
            assert set(answers) <= {302, 404, 409, 422}
            assert 302 in answers
            assert not Draft.objects.exists()

    def a_draft_is_thrown_away_while_it_is_written_on(self):
        for action in ["save", "propose", "theirs", "publish"]:
            draft = begin_draft(by=self.alice, title="Keys", body="x", organization=self.organization.pk)
            typed = {"title": "Keys", "body": "Nine in ten.", "draft": draft.pk, "edition": 1, "action": action}
            typed |= {"area": "homelessness", "language": "en", "rung": "hunch", "organization": draft.organization_id}
            answers = self.at_once(
                draft, (self.alice, f"/drafts/{draft.pk}/discard/", {}), (self.bob, "/posts/new/", typed)
            )
            assert set(answers) <= {302, 404, 409, 422}

    def a_draft_is_commented_on_by_its_secret_address_while_it_is_thrown_away(self):
        draft = share_draft(begin_draft(by=self.alice, title="Keys", body="x"), by=self.alice)
        said = comment_on_draft(draft, by=self.charlie, body="Yes.", key=draft.share_key)
        shared = f"/drafts/shared/{draft.share_key}/"
        answers = self.at_once(
            draft,
            (self.alice, f"/drafts/{draft.pk}/discard/", {}),
            (self.charlie, shared, {"body": "When?"}),
            (self.charlie, f"{shared}{said.pk}/discard/", {}),
        )
        assert set(answers) <= {302, 404, 409, 422}

    def withdraw_a_comment(self):
        for other in ["edit", "withdraw"]:
            comment = make_comment(make_post(self.alice), self.charlie)
            base = f"/comments/{comment.pk}/"
            answers = self.at_once(
                comment, (self.charlie, f"{base}withdraw/", {}), (self.charlie, f"{base}{other}/", {"body": "No."})
            )
            assert set(answers) <= {302, 403, 409}
            assert facts("withdrew_comment", comment) <= 1

    def answer_a_challenge_that_is_withdrawn(self):
        post = make_post(self.alice)
        challenge = make_comment(post, self.charlie, kind=Kind.CHALLENGE)
        base = f"/comments/{challenge.pk}/"
        answers = self.at_once(
            challenge,
            (self.charlie, f"{base}withdraw/", {}),
            (self.alice, f"{base}answer/", {"body": "We counted again."}),
            (self.charlie, f"{post.get_absolute_url()}comments/{challenge.pk}/", {"body": "And?"}),
        )
        assert set(answers) <= {302, 409, 422}
        assert Comment.objects.filter(withdrawn_at=None, parent=challenge).count() <= 2

    def take_a_link_away(self):
        post, ground = make_post(self.alice), make_post(self.alice, "Another title")
        this = link(post, ground, LinkKind.BUILDS_ON, by=self.alice)
        form = f"{post.get_absolute_url()}lineage/", {"end": str(this.pk)}
        assert self.at_once(post, (self.alice, *form), (self.bob, *form)) == [302, 302]
        assert facts("unlinked", this) == 1

    def verbs_of_a_post_that_is_withdrawn(self):
        post = make_ready(self.alice)
        base = post.get_absolute_url()
        answers = self.at_once(
            post,
            (self.alice, f"{base}withdraw/", {}),
            (self.bob, f"{base}step-down/", {"rung": "hunch", "why": "Too early."}),
            (self.bob, f"{base}set-aside/", LESSON),
            (self.charlie, f"{base}comment/", {"body": "Yes."}),
        )  # fmt: skip
        assert set(answers) <= {302, 403, 409, 410, 422}

    def a_vetting_is_withdrawn_twice(self):
        post = make_ready(self.alice)
        open_vetting(post, by=self.alice, until=(post.published_at.date()).replace(year=2100), asks="The months.")
        form = f"{post.get_absolute_url()}vetting/withdraw/", {"why": "We rewrite it."}
        answers = self.at_once(post, (self.alice, *form), (self.bob, *form))
        assert set(answers) <= {302, 422}

    def follow_and_stop(self):
        post = make_post(self.alice)
        at = f"/subscribe/post/{post.pk}/"
        answers = self.at_once(
            self.charlie, *((self.charlie, at, {"cadence": cadence}) for cadence in ("daily", "weekly", "daily")),
            (self.charlie, at, {"action": "stop"}), (self.charlie, at, {"action": "mute"}),
        )  # fmt: skip
        assert set(answers) == {302}
        assert Subscription.objects.filter(member=self.charlie, kind="post", object_id=post.pk).count() <= 1


# What no view says better


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [Post.DoesNotExist("gone"), ObjectDoesNotExist()])
def test_what_was_typed_comes_back(signed_in, alice, post, monkeypatch, fault):
    def gone(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("knowledge.comments.actions.comment", gone)
    words = "We see this in Leeds too, since the winter, and the landlords know it."
    answer = signed_in(alice).post(f"{post.get_absolute_url()}comment/", {"body": words})
    assert answer.status_code == 409
    assert "no-store" in answer["Cache-Control"]
    html = answer.content.decode()
    assert "It changed meanwhile" in html
    assert words in html


@pytest.mark.django_db
def test_a_value_that_the_database_refuses_is_a_fault_of_ours(signed_in, alice, post, monkeypatch):
    def wrong(*_: object, **__: object) -> None:
        raise IntegrityError("a check")

    monkeypatch.setattr("knowledge.comments.actions.comment", wrong)
    with pytest.raises(IntegrityError):
        signed_in(alice).post(f"{post.get_absolute_url()}comment/", {"body": "Yes."})
