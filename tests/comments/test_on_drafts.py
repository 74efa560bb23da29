"""Comments on a draft that is shown before it is published: by whom, for whom, and until when."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile

from accounts.organizations.models import Role
from knowledge.comments import on_drafts
from knowledge.comments.models import DraftComment
from knowledge.comments.on_drafts import comment_on_draft, take_back
from knowledge.notifications.models import Notification
from knowledge.notifications.words import items
from knowledge.posts.attachments import add_file, looked_at
from knowledge.posts.drafts import Words, begin_draft, discard_draft, save_draft, share_draft
from knowledge.posts.models import Draft
from tests.make import join, make_member
from tests.notifications.test_told import tell_all
from tests.pictures import picture as drawn

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(alice) -> Draft:
    return share_draft(begin_draft(by=alice, title="Keys next door", body="Nine in ten found nobody."), by=alice)


@pytest.fixture
def address(draft):
    return f"/drafts/shared/{draft.share_key}/"


def say(**changes):
    return {"body": "Who made the **calls**?", "key": str(uuid.uuid4()), **changes}


def test_a_member_who_was_shown_it_comments_and_its_writer_hears(signed_in, alice, charlie, draft, address):
    browser, form = signed_in(charlie), say()
    assert 'name="body"' in browser.get(address).content.decode()
    answer = browser.post(address, form)
    made = DraftComment.objects.get()
    assert answer["Location"] == f"{address}#comment-{made.pk}"
    browser.post(address, form)
    assert DraftComment.objects.count() == 1  # a double click
    assert "Who made the <strong>calls</strong>?" in browser.get(address).content.decode()
    tell_all()
    (told,) = items(Notification.objects.filter(member=alice), alice)
    assert f"{charlie.name} commented on your draft “Keys next door”" in told.sentence
    assert told.href == f"/drafts/{draft.pk}/comments/#comments"
    theirs = signed_in(alice)
    page = theirs.get(f"/drafts/{draft.pk}/comments/").content.decode()
    assert "Who made the <strong>calls</strong>?" in page
    assert "1 comment" in theirs.get("/drafts/").content.decode()
    assert "1 comment" in theirs.get(draft.get_absolute_url()).content.decode()


def test_a_colleague_answers_where_they_write(signed_in, alice, draft):
    colleague = join(make_member("Conny Contributor"), alice.memberships.get().organization, Role.CONTRIBUTOR).member
    answer = signed_in(colleague).post(f"/drafts/{draft.pk}/comments/", say(body="Devin did."))
    assert answer.status_code == 302
    tell_all()
    assert [one.member for one in Notification.objects.all()] == [alice]


def test_readers_without_an_account_read_and_find_no_form(client, charlie, draft, address):
    comment_on_draft(draft, by=charlie, body="Who made the calls?", key=draft.share_key)
    html = client.get(address).content.decode()
    assert "Who made the calls?" in html
    assert "<form" not in html.partition("<main")[2].partition("</main")[0]
    assert f'href="/accounts/login/?next={address}"' in html
    assert not client.get(address).cookies


def test_words_outlive_a_session_that_ended(client, charlie, address):
    answer = client.post(address, say())
    assert answer["Location"].startswith("/accounts/login/")
    assert not DraftComment.objects.exists()
    client.force_login(charlie)
    assert "Who made the **calls**?" in client.get(address).content.decode()


@pytest.mark.parametrize(("body", "words"), [("", "Write something first."), ("x" * 20_001, "20,000")])
def test_what_cannot_be_kept_is_said(signed_in, charlie, address, body, words):
    answer = signed_in(charlie).post(address, say(body=body))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert body[:50] in answer.content.decode()


def test_so_many_and_no_more(signed_in, charlie, address, monkeypatch):
    monkeypatch.setattr(on_drafts, "COMMENTS_MOST", 1)
    signed_in(charlie).post(address, say())
    answer = signed_in(charlie).post(address, say(body="And this?"))
    assert answer.status_code == 422
    assert "And this?" in answer.content.decode()


def test_nobody_comments_on_what_is_not_shown_to_them(signed_in, alice, charlie, draft, address):
    for key in (None, "", "x"):
        with pytest.raises(PermissionDenied):
            comment_on_draft(draft, by=charlie, body="Hm", key=key)
    share_draft(draft, by=alice, on=False)
    assert signed_in(charlie).post(address, say()).status_code == 404
    assert signed_in(charlie).get(f"/drafts/{draft.pk}/comments/").status_code == 404
    for key in (None, "", draft.share_key):
        with pytest.raises(PermissionDenied):
            comment_on_draft(draft, by=charlie, body="Hm", key=key)
    assert not DraftComment.objects.exists()


def test_throwing_one_away(signed_in, alice, charlie, draft, address):
    stranger = make_member("Sami Stranger")
    mine = comment_on_draft(draft, by=charlie, body="One", key=draft.share_key)
    other = comment_on_draft(draft, by=charlie, body="Two", key=draft.share_key)
    with pytest.raises(PermissionDenied):
        take_back(mine, by=stranger)
    assert signed_in(stranger).post(f"{address}{mine.pk}/discard/").status_code == 403
    assert signed_in(stranger).post(f"/drafts/shared/x/{mine.pk}/discard/").status_code == 404
    assert signed_in(charlie).post(f"/drafts/{draft.pk}/comments/{mine.pk}/discard/").status_code == 404
    assert signed_in(charlie).post(f"{address}{mine.pk}/discard/")["Location"] == f"{address}#comments"
    assert (
        signed_in(alice)
        .post(f"/drafts/{draft.pk}/comments/{other.pk}/discard/")["Location"]
        .startswith(f"/drafts/{draft.pk}/")
    )
    take_back(mine, by=charlie)  # twice is once
    assert not DraftComment.objects.exists()


def test_many_comments_cost_no_more_queries(signed_in, charlie, draft, address, django_assert_num_queries):
    browser = signed_in(charlie)
    for number in range(3):
        comment_on_draft(draft, by=make_member(f"Member {number}"), body="Hm", key=draft.share_key)
    browser.get(address)
    with django_assert_num_queries(4):  # session, member, draft, comments
        browser.get(address)


def test_each_is_rendered_once_and_anew_by_what_renders_otherwise(client, charlie, draft, address):
    comment_on_draft(draft, by=charlie, body="Who made the **calls**?", key=draft.share_key)
    client.get(address)
    DraftComment.objects.update(html="<p>As it was rendered.</p>")
    assert "As it was rendered." in client.get(address).content.decode()
    DraftComment.objects.update(renderer="before")
    assert "the <strong>calls</strong>" in client.get(address).content.decode()


def test_words_for_a_draft_that_goes_meanwhile_stay_on_the_page(signed_in, alice, charlie, draft, address, monkeypatch):
    def too_late(this, **told):
        discard_draft(this, by=alice)
        return comment_on_draft(this, **told)

    monkeypatch.setattr(on_drafts, "comment_on_draft", too_late)
    answer = signed_in(charlie).post(address, say())
    assert answer.status_code == 422
    assert "Who made the **calls**?" in answer.content.decode()
    assert "published or thrown away meanwhile" in answer.content.decode()


def test_its_files_are_given_to_who_knows_its_address_and_to_nobody_else(client, alice, draft, address):
    picture = add_file(looked_at(ContentFile(drawn(), "calls.jpg")), by=alice)
    other = add_file(looked_at(ContentFile(drawn(), "calls.jpg")), by=alice)
    save_draft(draft, Words("Keys", f"See:\n\n{picture.markdown}", {}), by=alice, base=1, sitting=uuid.uuid4())
    html = client.get(address).content.decode()
    shown = f"{address}attachments/{picture.pk}/{picture.name}"
    assert f'src="{shown}"' in html
    assert 'src="/attachments/' not in html
    answer = client.get(shown)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(picture.get_absolute_url()).status_code == 404
    assert client.get(f"{address}attachments/{other.pk}/{other.name}").status_code == 404
    assert client.get(f"/drafts/shared/x/attachments/{picture.pk}/{picture.name}").status_code == 404
    share_draft(draft, by=alice, on=False)
    assert client.get(shown).status_code == 404
