"""Comments: who may, what is kept, and a thread that never loses its shape."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied

from commons.activity.models import Activity, Verb
from knowledge.comments.actions import CommentIsGone, comment, edit_comment, withdraw_comment
from knowledge.comments.models import Comment, EarlierText, Kind
from tests.make import make_comment


def say(**changes):
    return {"body": "We see this in Leeds.", "kind": "comment", "key": str(uuid.uuid4()), **changes}


def test_a_comment_from_the_page(signed_in, charlie, post):
    answer = signed_in(charlie).post(f"{post.get_absolute_url()}comment/", say(kind="see_too"))
    made = Comment.objects.get()
    assert answer["Location"] == f"{post.get_absolute_url()}#comment-{made.pk}"
    assert (made.by, made.kind) == (charlie, Kind.SEE_TOO)
    post.refresh_from_db()
    assert (post.comment_count, post.see_too_count) == (1, 1)
    assert Activity.objects.filter(verb=Verb.COMMENTED, subject_id=made.pk).count() == 1


def test_a_double_click_comments_once(signed_in, charlie, post):
    browser, form = signed_in(charlie), say()
    browser.post(f"{post.get_absolute_url()}comment/", form)
    browser.post(f"{post.get_absolute_url()}comment/", form)
    assert Comment.objects.count() == 1


def test_in_place_for_a_page_that_asks_for_it(signed_in, charlie, post):
    answer = signed_in(charlie).post(f"{post.get_absolute_url()}comment/", say(), headers={"hx-request": "true"})
    assert answer.status_code == 200
    assert "We see this in Leeds." in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_what_was_typed_survives_signing_in(client, charlie, post):
    path = f"{post.get_absolute_url()}comment/"
    assert "/accounts/login/" in client.post(path, say(body="Typed before signing in."))["Location"]
    client.post("/accounts/login/", {"login": charlie.email, "password": "correct-horse-battery"})
    assert "Typed before signing in." in client.get(path).content.decode()
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"body": ""}, "Write something first"),
        ({"body": "   \n"}, "Write something first"),
        ({"body": "x" * 20_001}, "20,000"),
        ({"body": "bell\x07"}, ""),
        ({"kind": "praise"}, ""),
        ({"key": "no key"}, ""),
    ],
)
def test_bad_input_changes_nothing(signed_in, charlie, post, changes, sentence):
    answer = signed_in(charlie).post(f"{post.get_absolute_url()}comment/", say(**changes))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Comment.objects.exists()


def test_an_edit_is_marked_and_the_earlier_text_kept(client, charlie, post):
    made = make_comment(post, charlie, "We see this in Leed.")
    edit_comment(made, by=charlie, body="We see this in Leeds.")
    assert EarlierText.objects.get().body == "We see this in Leed."
    page = client.get(post.get_absolute_url()).content.decode()
    assert "We see this in Leeds." in page
    assert "<span>edited</span>" in page


def test_only_its_author_changes_a_comment(signed_in, alice, charlie, mona, post):
    made = make_comment(post, charlie)
    for other in (alice, mona):
        with pytest.raises(PermissionDenied):
            edit_comment(made, by=other, body="Other words.")
        assert signed_in(other).get(f"/comments/{made.pk}/edit/").status_code == 403
        assert signed_in(other).post(f"/comments/{made.pk}/withdraw/").status_code == 403
    assert signed_in(charlie).get(f"/comments/{made.pk}/edit/").status_code == 200


def test_withdrawing_keeps_the_threads_shape(client, alice, charlie, post):
    asked = make_comment(post, charlie, "Who carries the loss?", kind=Kind.QUESTION)
    make_comment(post, alice, "The desk does.", parent=asked)
    withdraw_comment(asked, by=charlie)
    page = client.get(post.get_absolute_url()).content.decode()
    assert "Who carries the loss?" not in page
    assert "Withdrawn by its author." in page
    assert "The desk does." in page
    post.refresh_from_db()
    assert post.comment_count == 1


def test_withdrawing_twice_counts_once(charlie, post):
    made = make_comment(post, charlie)
    withdraw_comment(made, by=charlie)
    withdraw_comment(made, by=charlie)
    post.refresh_from_db()
    assert post.comment_count == 0


def test_nobody_answers_a_comment_that_is_gone(alice, charlie, post):
    gone = make_comment(post, charlie)
    withdraw_comment(gone, by=charlie)
    with pytest.raises(CommentIsGone):
        comment(post, by=alice, body="But why?", parent=gone)
    assert Comment.objects.count() == 1


def test_the_deepest_answers_say_whom_they_answer(client, alice, charlie, post):
    last = None
    for depth in range(8):
        last = make_comment(post, (alice, charlie)[depth % 2], f"Answer {depth}.", parent=last)
    page = client.get(post.get_absolute_url()).content.decode()
    assert all(f"Answer {depth}." in page for depth in range(8))
    assert "To Charlie Chen:" in page


def test_a_permalink_leads_to_where_it_stands(client, charlie, post):
    made = make_comment(post, charlie)
    assert client.get(f"/comments/{made.pk}/")["Location"] == f"{post.get_absolute_url()}#comment-{made.pk}"


def test_each_writer_finds_the_way_to_change_their_own(signed_in, alice, charlie, post):
    made = make_comment(post, charlie)
    link = f"/comments/{made.pk}/edit/"
    assert link in signed_in(charlie).get(post.get_absolute_url()).content.decode()
    assert link not in signed_in(alice).get(post.get_absolute_url()).content.decode()
