"""A challenge is open, at the top, until the organization answers it; the challenger may accept the answer."""

import pytest
from django.core.exceptions import PermissionDenied

from commons.activity.models import Activity, Verb
from knowledge.comments.actions import CommentIsGone, accept_answer, answer_challenge, withdraw_comment
from knowledge.comments.models import Comment
from tests.make import make_comment


@pytest.fixture
def challenge(post, charlie):
    make_comment(post, charlie, "Where was this?", kind="question")
    return make_comment(post, charlie, "This leaves out those who never came.", kind="challenge")


def page_of(client, post) -> str:
    return client.get(post.get_absolute_url()).content.decode()


def test_an_open_challenge_stands_at_the_top(client, post, challenge):
    page = page_of(client, post)
    assert "1 challenge open" in page
    assert "Waiting for Harbor Street Housing Desk" in page
    assert page.index("This leaves out") < page.index("Where was this?")


def test_an_open_challenge_within_a_thread_is_named_at_the_top(client, post, charlie, alice):
    asked = make_comment(post, alice, "Sixty-four moves.")
    deeper = make_comment(post, charlie, "Of how many?", kind="challenge", parent=asked)
    assert f'<a href="#comment-{deeper.pk}"><svg class="i"' in page_of(client, post)
    assert "An open challenge by Charlie Chen" in page_of(client, post)


def test_an_answer_closes_it(client, signed_in, post, challenge, bob):
    path = f"/comments/{challenge.pk}/answer/"
    assert path in page_of(signed_in(bob), post)
    answer = signed_in(bob).post(path, {"body": "Eleven families, in the table now."})
    made = Comment.objects.get(parent=challenge)
    assert answer["Location"] == f"{post.get_absolute_url()}#comment-{made.pk}"
    page = page_of(client, post)
    assert "challenge open" not in page
    assert f'<a href="#comment-{made.pk}">Answered</a>' in page
    assert path not in page_of(signed_in(bob), post)
    assert Activity.objects.filter(verb=Verb.ANSWERED_CHALLENGE, by=bob).count() == 1


@pytest.mark.parametrize(
    ("who", "code"), [("alice", 302), ("bob", 302), ("carla", 403), ("charlie", 403), ("mona", 403)]
)
def test_who_may_answer(signed_in, request, challenge, who, code):
    member = request.getfixturevalue(who)
    answer = signed_in(member).post(f"/comments/{challenge.pk}/answer/", {"body": "Eleven."})
    assert answer.status_code == code
    if code == 403:
        with pytest.raises(PermissionDenied):
            answer_challenge(challenge, by=member, body="Eleven.")


def test_an_ordinary_reply_leaves_it_open(client, post, challenge, alice):
    make_comment(post, alice, "Good question.", parent=challenge)
    assert "1 challenge open" in page_of(client, post)


def test_the_challenger_accepts_the_answer(client, signed_in, post, challenge, alice, charlie):
    answer_challenge(challenge, by=alice, body="Eleven.")
    path = f"/comments/{challenge.pk}/accept/"
    assert path in page_of(signed_in(charlie), post)
    assert path not in page_of(signed_in(alice), post)
    assert signed_in(alice).post(path).status_code == 403
    assert signed_in(charlie).post(path).status_code == 302
    assert signed_in(charlie).post(path).status_code == 302
    assert "settled for Charlie Chen" in page_of(client, post)
    assert Activity.objects.filter(verb=Verb.ACCEPTED_ANSWER).count() == 1


def test_nobody_accepts_what_was_not_answered(challenge, charlie):
    with pytest.raises(PermissionDenied):
        accept_answer(challenge, by=charlie)


def test_an_answer_taken_back_opens_it_again(client, post, challenge, alice):
    made = answer_challenge(challenge, by=alice, body="Eleven.")
    withdraw_comment(made, by=alice)
    assert "1 challenge open" in page_of(client, post)
    answer_challenge(challenge, by=alice, body="Twelve.")
    assert "challenge open" not in page_of(client, post)


def test_two_colleagues_answer_once(signed_in, challenge, alice, bob):
    answer_challenge(challenge, by=alice, body="Eleven.")
    with pytest.raises(CommentIsGone):
        answer_challenge(challenge, by=bob, body="Twelve.")
    assert Comment.objects.filter(parent=challenge).count() == 1
    assert signed_in(bob).post(f"/comments/{challenge.pk}/answer/", {"body": "Twelve."}).status_code == 302
    assert Comment.objects.filter(parent=challenge).count() == 1


def test_a_withdrawn_challenge_waits_for_nobody(client, signed_in, post, challenge, alice, charlie):
    withdraw_comment(challenge, by=charlie)
    assert "challenge open" not in page_of(client, post)
    assert signed_in(alice).get(f"/comments/{challenge.pk}/answer/").status_code == 404


def test_what_is_no_challenge_is_not_answered_as_one(signed_in, post, alice, charlie):
    asked = make_comment(post, charlie, "Where?", kind="question")
    assert signed_in(alice).get(f"/comments/{asked.pk}/answer/").status_code == 404


def test_an_empty_answer_is_said_at_the_field(signed_in, challenge, alice):
    answer = signed_in(alice).post(f"/comments/{challenge.pk}/answer/", {"body": " "})
    assert answer.status_code == 422
    assert "Write an answer first." in answer.content.decode()


def test_the_question_and_the_query_agree(post, challenge, alice, charlie):
    answered = make_comment(post, charlie, "And this?", kind="challenge")
    answer_challenge(answered, by=alice, body="That.")
    reopened = make_comment(post, charlie, "And that?", kind="challenge")
    withdraw_comment(answer_challenge(reopened, by=alice, body="This."), by=alice)
    withdraw_comment(make_comment(post, charlie, "No.", kind="challenge"), by=charlie)
    asked = {comment.pk for comment in Comment.objects.select_related("answer") if comment.is_open_challenge}
    assert asked == set(Comment.objects.open_challenges().values_list("pk", flat=True)) == {challenge.pk, reopened.pk}
