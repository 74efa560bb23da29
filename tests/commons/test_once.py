"""The key of a form counts for that form, for what it is about, and for the member who sends it; and a page begins one thing."""

import threading
import uuid
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from accounts.organizations.models import Organization
from commons.once import Sending, is_done
from knowledge.comments.models import Comment, DraftComment
from knowledge.evidence.models import Evidence
from knowledge.posts.actions import withdraw
from knowledge.posts.drafts import begin_draft, share_draft
from knowledge.posts.models import Attachment, Draft, Post
from tests.make import make_post

pytestmark = pytest.mark.django_db

JSON = {"accept": "application/json"}
MILL_LANE = {"name": "Mill Lane", "kind": "nonprofit", "language": "en", "description": "Keys."}
EVIDENCE = {
    "statement": "19 days became 6.",
    "kind": "data",
    "strength": "moderate",
    "source": "Our log.",
    "producer": "Us",
}


def table(words: str = "a,b\n1,2\n") -> SimpleUploadedFile:
    return SimpleUploadedFile("days.csv", words.encode())


class Sent:
    """Every form of a kind that counts once, each with how to send it under a key, and how to count what comes of it."""

    def __init__(self, browser: Client, organization: Organization, post: Post, other: Post, draft: Draft) -> None:
        at, hunch = (
            post.get_absolute_url(),
            {"title": "A hunch", "body": "Twice.", "area": "homelessness", "language": "en"},
        )
        send = browser.post
        self.forms: dict[str, tuple[Callable, Callable[[], int]]] = {
            "organization": (
                lambda key: send("/organizations/new/", {**MILL_LANE, "key": key}),
                Organization.objects.count,
            ),
            "file": (lambda key: send("/attachments/", {"file": table(), "key": key}), Attachment.objects.count),
            "post": (
                lambda key: send("/posts/new/", {**hunch, "rung": "hunch", "organization": organization.pk, "key": key}),
                Post.objects.count,
            ),
            "note": (lambda key: send("/capture/", {"title": "Seen", "key": key}), Draft.objects.count),
            "evidence": (lambda key: send(f"{at}evidence/", {**EVIDENCE, "key": key}), Evidence.objects.count),
            "comment": (lambda key: send(f"{at}comment/", {"body": "Yes.", "key": key}), Comment.objects.count),
            "comment elsewhere": (
                lambda key: send(f"{other.get_absolute_url()}comment/", {"body": "Yes.", "key": key}),
                Comment.objects.count,
            ),
            "draft comment": (
                lambda key: send(f"/drafts/{draft.pk}/comments/", {"body": "Yes.", "key": key}),
                DraftComment.objects.count,
            ),
        }  # fmt: skip


@pytest.fixture
def sent(signed_in, alice, organization, post) -> Sent:
    return Sent(signed_in(alice), organization, post, make_post(alice), begin_draft(by=alice, title="Keys", body="x"))


def test_one_key_in_every_form_is_a_key_of_each(sent):
    key = str(uuid.uuid4())
    for send, count in sent.forms.values():
        before = count()
        for _ in range(2):
            answer = send(key)
            assert answer.status_code == 302
        assert count() == before + 1


@pytest.mark.parametrize("key", ["²", "no-key", "0" * 5000])
def test_a_key_that_cannot_be_read_does_no_harm(sent, key):
    for send, count in sent.forms.values():
        before = count()
        answer = send(key)
        assert count() - before == (answer.status_code == 302)
        assert answer.status_code in (302, 422)


def test_nothing_of_another_members_file_is_told(signed_in, alice, charlie):
    key = str(uuid.uuid4())
    hers = signed_in(alice).post("/attachments/", {"file": table(), "key": key}, headers=JSON).json()
    his = signed_in(charlie).post("/attachments/", {"file": table("c,d\n3,4\n"), "key": key}, headers=JSON)
    assert his.status_code == 201
    assert his.json()["address"] != hers["address"]
    assert Attachment.objects.filter(by=charlie).count() == 1


def test_a_file_thrown_away_and_sent_again_is_added_anew(signed_in, alice):
    browser, key = signed_in(alice), str(uuid.uuid4())
    for _ in range(2):
        Attachment.objects.all().delete()
        answer = browser.post("/attachments/", {"file": table(), "key": key}, headers=JSON)
        assert answer.status_code == 201
        assert answer.json()["address"] == Attachment.objects.get().get_absolute_url()


def test_a_post_out_of_sight_is_named_by_its_number_alone(sent, alice):
    key = str(uuid.uuid4())
    send, _ = sent.forms["post"]
    send(key)
    made = Post.objects.latest("pk")
    withdraw(made, by=alice)
    assert send(key)["Location"] == f"/posts/{made.pk}/"
    assert Post.objects.count() == 3


def test_what_is_typed_is_kept_although_its_key_was_anothers(signed_in, alice):
    browser, key = signed_in(alice), uuid.uuid4()
    browser.post("/capture/", {"title": "Seen", "key": str(key)})
    assert is_done(key, by=alice, form="capture")
    assert not is_done(key, by=alice, form="post_new")
    saved = browser.post("/drafts/save/", {"title": "Keys", "body": "x", "key": str(key), "sitting": str(uuid.uuid4())})
    assert Draft.objects.filter(pk=saved.json()["draft"], title="Keys").exists()


def test_the_same_words_at_two_secret_addresses(signed_in, alice, charlie):
    key = str(uuid.uuid4())
    for title in ("One", "Two"):
        draft = share_draft(begin_draft(by=alice, title=title, body="x"), by=alice)
        signed_in(charlie).post(f"/drafts/shared/{draft.share_key}/", {"body": "Yes.", "key": key})
        assert draft.comments.count() == 1


# Twenty at once


def twenty(send: Callable[[int], object]) -> list[object]:
    """Send twenty times at the same moment, each on a connection of its own."""
    answers: list[object] = [None] * 20
    together = threading.Barrier(len(answers))

    def one(place: int) -> None:
        try:
            together.wait(30)
            answers[place] = send(place)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=[place]) for place in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in answers
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/drafts/save/", "/posts/new/", "next version"])
def test_a_page_begins_one_draft_however_often_it_is_saved_at_once(committed, signed_in, alice, path):
    sitting, post = str(uuid.uuid4()), make_post(alice)
    about = {"post": post.pk} if path == "next version" else {}
    browsers = [signed_in(alice) for _ in range(20)]

    def save(place: int) -> int:
        words = {"title": "Keys", "body": f"Nine in ten, {place % 3}.", "action": "save"}
        at = f"{post.get_absolute_url()}edit/" if about else path
        return browsers[place].post(at, {**words, **about, "draft": "", "edition": "0", "sitting": sitting}).status_code

    assert set(twenty(save)) <= {200, 302}
    assert Draft.objects.count() == 1


@pytest.mark.slow
def test_a_note_sent_at_once_is_one_draft(committed, signed_in, alice):
    key, browsers = str(uuid.uuid4()), [signed_in(alice) for _ in range(20)]
    note = {"title": "Seen", "key": key}
    assert set(twenty(lambda place: browsers[place].post("/capture/", note).status_code)) == {302}
    assert (Draft.objects.count(), Sending.objects.count()) == (1, 1)


@pytest.mark.slow
def test_twenty_pages_at_once_begin_no_more_than_one_may_have(committed, signed_in, alice, monkeypatch):
    monkeypatch.setattr("knowledge.posts.drafts.DRAFTS_MOST", 5)
    browsers = [signed_in(alice) for _ in range(20)]

    def save(place: int) -> int:
        return browsers[place].post("/drafts/save/", {"title": "Keys", "sitting": str(uuid.uuid4())}).status_code

    assert sorted(set(twenty(save))) == [200, 422]
    assert Draft.objects.count() == 5
