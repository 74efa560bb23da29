"""Taking a text out: one documented command, a reason in the public log, and nothing else changes."""

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from knowledge.moderation.actions import TEXTS, NothingThere, redact
from knowledge.moderation.models import LogEntry
from knowledge.notifications.models import Notification
from knowledge.posts.attachments import add_file, looked_at
from knowledge.posts.models import Version
from tests.make import make_comment, make_post
from tests.notifications.test_told import tell_all
from tests.pictures import picture


def test_a_text_is_taken_out_and_row_author_and_time_stay(client, post, alice, mona):
    before = Version.objects.values().get()
    call_command("redact", "version", before["id"], "body", by="mona", reason="Names a child.")
    after = Version.objects.values().get()
    assert after == {**before, "body": ""}
    page = client.get(post.get_absolute_url()).content.decode()
    assert before["body"] not in page
    assert before["body"] not in client.get("/feed.atom").content.decode()
    assert post.title not in client.get("/search/?q=three+times+this+month").content.decode()
    log = client.get("/moderation-log/").content.decode()
    assert "Names a child." in log
    assert "Mona Malik" in log
    assert before["body"] not in log


def test_a_comment_is_taken_out_of_the_discussion(client, post, charlie, mona):
    said = make_comment(post, charlie, "Her name is Dana.")
    redact("comment", said.pk, "body", by=mona, reason="Names a tenant.")
    assert "Dana" not in client.get(post.get_absolute_url()).content.decode()


def test_a_file_is_taken_out_with_all_its_widths(
    client, signed_in, alice, mona, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.MEDIA_ROOT = tmp_path
    shown = add_file(looked_at(ContentFile(picture("PNG", (1400, 60)), "hall.png")), by=alice)
    post = make_post(alice, body=shown.markdown)
    address = shown.get_absolute_url()
    assert client.get(address).status_code == 200
    assert [path for path in tmp_path.rglob("*") if path.is_file()]
    with django_capture_on_commit_callbacks(execute=True):
        call_command("redact", "attachment", shown.pk, "file", by="mona", reason="Shows a child.")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    for reader in (client, signed_in(alice)):
        assert reader.get(address).status_code == 404
        assert reader.get(address, headers={"If-None-Match": f'"file-{shown.pk}-0"'}).status_code == 404
        assert reader.get(post.get_absolute_url()).status_code == 200
    shown.refresh_from_db()
    assert (shown.by, shown.post) == (alice, post)
    log = client.get("/moderation-log/").content.decode()
    assert f"file of attachment {shown.pk}" in log
    tell_all()
    assert Notification.objects.filter(member=alice).exists()
    with pytest.raises(CommandError, match="blank already"):
        call_command("redact", "attachment", shown.pk, "file", by="mona", reason="Again.")


def test_a_file_in_no_post_is_its_members_own(alice, mona, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    own = add_file(looked_at(ContentFile(picture(), "hall.jpg")), by=alice)
    with pytest.raises(NothingThere, match="in no post"):
        redact("attachment", own.pk, "file", by=mona, reason="Why.")


def test_a_title_leaves_a_word_in_its_place(client, post, alice, mona):
    redact("version", post.shown_id, "title", by=mona, reason="Names a child.")
    post.refresh_from_db()
    answer = client.get(post.get_absolute_url())
    assert answer.status_code == 200
    assert "(Title taken out)" in answer.content.decode()
    assert "(Title taken out)" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (("version", 999_999, "body"), "There is no version with the number 999999"),
        (("version", None, "number"), "A version has no text “number”"),
        (("version", None, "note"), "is blank already"),
    ],
)
def test_what_cannot_be_taken_out_is_said(post, mona, what, words):
    kind, pk, column = what
    with pytest.raises(CommandError, match=words):
        call_command("redact", kind, pk or post.shown_id, column, by="mona", reason="Why.")
    assert not LogEntry.objects.exists()


def test_moderators_alone_take_texts_out_and_say_why(post, alice, mona):
    for refused, by, reason in [(PermissionDenied, alice, "Why."), (NothingThere, mona, " ")]:
        with pytest.raises(refused):
            redact("version", post.shown_id, "body", by=by, reason=reason)
    with pytest.raises(CommandError, match="no member"):
        call_command("redact", "version", post.shown_id, "body", by="nobody", reason="Why.")
    with pytest.raises(CommandError, match="Moderators"):
        call_command("redact", "version", post.shown_id, "body", by="alice", reason="Why.")
    assert Version.objects.get().body


def test_the_door_is_shut_behind_it(post, mona):
    redact("version", post.shown_id, "body", by=mona, reason="Names a child.")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE knowledge_version SET takeaway = ''"
            if post.shown.takeaway
            else "UPDATE knowledge_version SET title = ''"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        LogEntry.objects.update(reason="Another.")


def test_every_text_that_can_be_taken_out_is_a_text_that_may_be_blank(db):
    for text in TEXTS.values():
        for column in text.columns:
            assert text.model._meta.get_field(column).get_internal_type() in ("TextField", "CharField", "FileField")


def test_the_log_pages_by_key(client, alice, mona):
    for number in range(52):
        redact("version", make_post(alice, f"Post {number}").shown_id, "body", by=mona, reason=f"Reason {number}.")
    page = client.get("/moderation-log/").content.decode()
    assert "Reason 51." in page
    assert "Reason 1." not in page
    older = client.get(f"/moderation-log/?before={LogEntry.objects.order_by('-pk')[49].pk}").content.decode()
    assert "Reason 1." in older
    assert client.get("/moderation-log/?before=x").status_code == 200
