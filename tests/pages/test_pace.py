"""Limits of pace: what a member may do and how often, said in words, with everything they typed still there."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.members import limits
from accounts.members.models import Member
from accounts.organizations.models import Organization
from commons.pace import Door, Pace, TooOften, keep_pace, through
from commons.rate_limits import Rate
from knowledge.comments.models import Comment
from knowledge.evidence.models import Evidence, FieldReport
from knowledge.inbound.actions import receive
from knowledge.inbound.models import Became
from knowledge.notifications.models import Letter
from knowledge.posts.models import Draft, Post
from knowledge.subscriptions.actions import new_mail_key
from knowledge.subscriptions.models import Subscription
from knowledge.subscriptions.private_mail import private_mail_address
from tests.evidence.test_evidence import FORM as EVIDENCE
from tests.evidence.test_field_reports import FORM as FIELD_REPORT
from tests.make import area, make_comment, make_post

DAY = timedelta(days=1)
WORDS = re.compile(r"which is as much as we take from (a new|one) member\. Nothing is lost")


@pytest.fixture
def browser(signed_in, alice) -> Client:
    return signed_in(alice)


@pytest.fixture
def at_most(monkeypatch):
    """Let a thing be done so often, so that a test need not do it a hundred times."""

    def change(pace: Pace, amount: int) -> None:
        for name in ("new", "settled"):
            rates = getattr(pace, name)
            monkeypatch.setitem(pace.__dict__, name, (*rates[:-1], Rate(amount, rates[-1].within)))

    return change


def test_a_new_member_comments_so_often_and_is_told_in_words(browser, post):
    path = f"{post.get_absolute_url()}comment/"
    answers = [browser.post(path, {"body": f"We see this too, {number}."}) for number in range(40)]
    codes = [answer.status_code for answer in answers]
    assert codes == [302] * 20 + [429] * 20
    page = answers[-1].content.decode()
    assert "You wrote 20 comments within 10 minutes, which is as much as we take from a new member." in page
    assert re.search(r"Send it again in (a|\d+) minutes?\.", page)
    assert "We see this too, 39." in page
    assert 0 < int(answers[-1]["Retry-After"]) <= 600
    assert Comment.objects.count() == 20


def test_who_has_been_here_for_a_while_may_do_more(signed_in, alice, post):
    Member.objects.filter(pk=alice.pk).update(confirmed_at=timezone.now() - limits.SETTLED_AFTER - DAY)
    browser = signed_in(alice)
    codes = [browser.post(f"{post.get_absolute_url()}comment/", {"body": f"{n}"}).status_code for n in range(40)]
    assert codes == [302] * 40


def test_forty_comments_at_once_are_no_more_than_one_after_the_other(committed, signed_in, alice):
    post = make_post(alice)
    browser = signed_in(alice)

    def send(number: int) -> int:
        """Send one, again where it waited too long for the others, as its page says; give what became of it."""
        other = Client()
        other.cookies = browser.cookies.copy()
        typed = {"body": f"We see this too, {number}."}
        try:
            while (code := other.post(f"{post.get_absolute_url()}comment/", typed).status_code) == 503:
                pass
            return code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(send, range(40)))
    assert sorted(codes) == [302] * 20 + [429] * 20
    assert Comment.objects.count() == 20


def post_form(number: int) -> dict[str, str]:
    return {"title": f"Rooms {number}", "body": "We saw it.", "area": "eviction", "rung": "hunch"}


def test_posts_organizations_and_drafts_keep_their_pace(browser, alice, at_most):
    at_most(limits.DRAFTS, 3)
    organization = str(alice.organizations.get().pk)
    forms = {
        "/posts/new/": [{**post_form(n), "organization": organization} for n in range(15)],
        "/organizations/new/": [
            {"name": f"Rooms {n}", "kind": "nonprofit", "description": "We house.", "language": "en"} for n in range(15)
        ],
    }
    for path, sent in forms.items():
        answers = [browser.post(path, form) for form in sent]
        assert {answer.status_code for answer in answers} == {302, 429}, path
        page = answers[-1].content.decode()
        assert WORDS.search(page)
        assert "Rooms 14" in page
    assert Post.objects.count() == 10
    assert Organization.objects.filter(name__startswith="Rooms").count() == 5
    saved = [browser.post("/drafts/save/", {"title": f"Rooms {n}", "body": "x"}) for n in range(5)]
    assert [answer.status_code for answer in saved] == [200] * 3 + [429] * 2
    assert WORDS.search(saved[-1].json()["words"])
    assert browser.post("/posts/new/", {**post_form(9), "action": "save"}).status_code == 429
    assert Draft.objects.count() == 3


def test_evidence_and_field_reports_keep_their_pace(browser, signed_in, alice, charlie, post, at_most):
    at_most(limits.EVIDENCE, 2)
    at_most(limits.FIELD_REPORTS, 2)
    answers = [browser.post(f"{post.get_absolute_url()}evidence/", EVIDENCE) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302] * 2 + [429] * 2
    assert "19 days became 6." in answers[-1].content.decode()
    assert Evidence.objects.count() == 2
    tried = {**FIELD_REPORT, "organization": charlie.organizations.get().pk}
    other = signed_in(charlie)
    answers = [other.post(f"{post.get_absolute_url()}field-report/", tried) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302] * 2 + [429] * 2
    assert FieldReport.objects.count() == 2


def test_a_page_that_has_no_form_of_its_own_for_it_shows_what_was_typed_too(browser, at_most):
    at_most(limits.SUBSCRIPTIONS, 1)
    path = f"/subscribe/area/{area().pk}/"
    codes = [browser.post(path, {"cadence": "daily"}).status_code for _ in range(2)]
    assert codes == [302, 429]
    answer = browser.post(path, {"cadence": "weekly"})
    assert WORDS.search(answer.content.decode())
    assert 'name="cadence" value="weekly"' in answer.content.decode()
    assert int(answer["Retry-After"]) > 0
    assert Subscription.objects.get().cadence == "daily"


def test_changing_what_others_see_again_and_again_keeps_its_pace(browser, signed_in, alice, post, at_most):
    at_most(limits.PROFILES, 1)
    at_most(limits.EDITS, 1)
    typed = {"name": "Alice", "bio": "Rooms.", "time_zone": "UTC"}
    assert [browser.post("/account/profile/", {**typed, "bio": f"{n}"}).status_code for n in range(2)] == [302, 429]
    path = f"{alice.organizations.get().get_absolute_url()}edit/"
    answer = browser.post(path, {"name": "Rooms", "kind": "nonprofit", "description": "x", "language": "en"})
    assert answer.status_code == 429
    comment = make_comment(post, alice)
    codes = [browser.post(f"/comments/{comment.pk}/edit/", {"body": f"{n}"}).status_code for n in range(2)]
    assert codes == [302, 429]


def test_what_failed_is_not_counted(browser, post, at_most):
    at_most(limits.COMMENTS, 1)
    path = f"{post.get_absolute_url()}comment/"
    assert [browser.post(path, {"body": ""}).status_code for _ in range(3)] == [422] * 3
    assert [browser.post(path, {"body": "We see it."}).status_code for _ in range(2)] == [302, 429]


def test_the_same_form_sent_again_is_counted_once(browser, post, at_most):
    at_most(limits.COMMENTS, 1)
    typed = {"body": "We see it.", "key": "7f8f1a1c-6a1d-4a56-9a0e-111111111111"}
    assert [browser.post(f"{post.get_absolute_url()}comment/", typed).status_code for _ in range(3)] == [302] * 3


def test_mail_that_meets_a_limit_is_answered_in_words(alice, settings, at_most):
    settings.MAIL_REPLY_HOST = "reply.commons.example"
    at_most(limits.DRAFTS, 1)
    new_mail_key(alice)
    became = []
    for number in range(2):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = alice.email, private_mail_address(alice), f"Rooms {number}"
        mail["Message-ID"] = f"<{number}@people.example>"
        mail.set_content("We saw it.")
        became.append(receive(mail))
    assert [received.became for received in became] == [Became.DRAFT, Became.REFUSED]
    assert "You began 1 draft within a day" in became[1].reason
    assert "Nothing was kept of this one. Send it again in " in became[1].reason
    assert "still here" not in became[1].reason
    assert "You began 1 draft within a day" in Letter.objects.get(address=alice.email).asks["words"]
    assert Draft.objects.count() == 1


def test_the_operators_door_keeps_no_pace(alice, post):
    for number in range(25):
        make_comment(post, alice, f"We see this too, {number}.")
    with through(Door.WEB):
        for _ in range(20):
            keep_pace(limits.COMMENTS, by=alice)
        with pytest.raises(TooOften):
            keep_pace(limits.COMMENTS, by=alice)
        with through(Door.OPERATOR):
            keep_pace(limits.COMMENTS, by=alice)


def test_every_pace_has_the_same_longest_window_for_everybody():
    paces = [pace for pace in vars(limits).values() if isinstance(pace, Pace)]
    assert len(paces) > 10
    for pace in paces:
        assert max(rate.within for rate in pace.new) == max(rate.within for rate in pace.settled) == DAY
        assert all(new.amount <= old.amount for new, old in zip(pace.new, pace.settled, strict=True))
