"""Background jobs: deferred in the transaction of the verb, run by the real worker, done once though they run twice."""

import datetime as dt
import os
import subprocess
import sys

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from psycopg import OperationalError as PsycopgError

from accounts.members import actions as members
from commons import queue
from commons.each import SomeFailed, do_each
from commons.mail import TrialMail
from commons.once import Sending, fresh_key
from knowledge import jobs
from knowledge.posts import attachments
from knowledge.posts.models import Attachment, Post
from tests.make import make_comment, make_post


def work(until_empty: bool = True) -> subprocess.CompletedProcess[str]:
    """The shipped worker, on the test's own database, until nothing is left to do."""
    name = connection.settings_dict["NAME"]
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    query = os.environ["DATABASE_URL"].partition("?")[2]
    address = f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    return subprocess.run(
        [sys.executable, "manage.py", "procrastinate", "worker", "--one-shot"],
        env={**os.environ, "DATABASE_URL": address},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", queue.ALL)
def test_every_name_has_a_task(name):
    app.perform_import_paths()
    assert name in app.tasks


def test_a_new_name_reaches_every_page_through_the_worker(client, committed, alice):
    post = make_post(alice)
    make_comment(post, alice, "Our own words.")
    path = post.get_absolute_url()
    assert "Alice Adeyemi" in client.get(path).content.decode()
    members.change_profile(alice, name="Alice Brandt", bio="", time_zone="UTC", by=alice)
    ran = work()
    assert ran.returncode == 0, ran.stderr
    assert ProcrastinateJob.objects.get(task_name=queue.FOLLOW_RENAME).status == "succeeded"
    html = client.get(path).content.decode()
    assert "Alice Brandt" in html
    assert "Alice Adeyemi" not in html
    assert "Alice Brandt" in client.get("/feed.atom").content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_job_goes_with_its_transaction(alice):
    jobs_of_hers = ProcrastinateJob.objects.filter(args={"kind": "member", "pk": alice.pk})
    # A test that ran before may have left some: the queue's tables are not Django's to empty.
    before = jobs_of_hers.count()
    with transaction.atomic():
        queue.defer(queue.FOLLOW_RENAME, kind="member", pk=alice.pk)
        assert jobs_of_hers.count() == before + 1
        transaction.set_rollback(True)
    assert jobs_of_hers.count() == before


def test_a_rename_followed_twice_changes_nothing_more(client, alice, post):
    jobs.follow_rename("member", alice.pk)
    html = client.get(post.get_absolute_url()).content
    jobs.follow_rename("member", alice.pk)
    assert client.get(post.get_absolute_url()).content == html


@pytest.mark.parametrize("kind", ["member", "organization"])
def test_pages_without_posts_show_a_new_name_too(client, alice, organization, kind):
    paths = {
        "member": [alice.get_absolute_url(), organization.get_absolute_url()],
        "organization": [organization.get_absolute_url()],
    }[kind]
    tags = [client.get(path)["ETag"] for path in paths]
    jobs.follow_rename(kind, {"member": alice, "organization": organization}[kind].pk)
    for path, tag in zip(paths, tags, strict=True):
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_tidying_throws_away_only_what_is_old(alice):
    long_ago = timezone.now() - dt.timedelta(days=60)
    for key, expires in (("old", long_ago), ("new", timezone.now() + dt.timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=expires)
    for at in (long_ago, timezone.now()):
        sending = Sending.objects.create(key=fresh_key(), by=alice)
        Sending.objects.filter(pk=sending.pk).update(at=at)
        mail = TrialMail.objects.create(to="a@people.example", subject="s", body="b")
        TrialMail.objects.filter(pk=mail.pk).update(at=at)
    for _ in range(2):
        jobs.tidy(0)
        assert [session.session_key for session in Session.objects.all()] == ["new"]
        assert (Sending.objects.count(), TrialMail.objects.count()) == (1, 1)


# One that fails stops no other


def spoiled(monkeypatch, where, name, *bad):
    """Let a verb fail for these things, and for no others."""
    real = getattr(where, name)

    def verb(thing, *rest, **options):
        if thing.pk in bad:
            raise ValueError("spoiled")
        return real(thing, *rest, **options)

    monkeypatch.setattr(where, name, verb)


def errors(caplog) -> str:
    return " ".join(record.getMessage() for record in caplog.records if record.levelname == "ERROR")


def test_a_rename_reaches_the_other_posts_when_one_fails(client, alice, caplog, monkeypatch):
    posts = [make_post(alice, f"Post {number}") for number in range(3)]
    tags = [client.get(post.get_absolute_url())["ETag"] for post in posts]
    spoiled(monkeypatch, jobs, "changed", posts[1].pk)
    with pytest.raises(SomeFailed, match=f"post {posts[1].pk} made anew"):
        jobs.follow_rename("organization", posts[0].organization_id)
    now = [
        client.get(post.get_absolute_url(), headers={"If-None-Match": tag})
        for post, tag in zip(posts, tags, strict=True)
    ]
    assert [answer.status_code for answer in now] == [200, 304, 200]
    assert f"post {posts[1].pk} made anew" in errors(caplog)


def test_a_date_that_fails_is_named(alice, caplog, monkeypatch):
    posts = [make_post(alice, f"Post {number}") for number in range(3)]
    Post.objects.update(check_back_on=timezone.now().date() - dt.timedelta(days=2))
    spoiled(monkeypatch, jobs, "fall_quiet", posts[1].pk)
    jobs.dates(0)
    assert [post.quiet_since is None for post in Post.objects.order_by("pk")] == [False, True, False]
    assert f"post {posts[1].pk}," in errors(caplog)


def test_what_cannot_be_tidied_stops_nothing_else_and_is_named(alice, caplog, monkeypatch):
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - dt.timedelta(days=1))
    files = [
        Attachment.objects.create(name="a.pdf", size=1, by=alice, content_type="application/pdf") for _ in range(3)
    ]
    Attachment.objects.update(at=timezone.now() - dt.timedelta(days=90))
    spoiled(monkeypatch, attachments, "_forget", files[1].pk)
    monkeypatch.setattr(jobs, "throw_away_old", lambda: 1 / 0)
    with pytest.raises(SomeFailed, match="what was told, files that no text names"):
        jobs.tidy(0)
    assert not Session.objects.exists()
    assert list(Attachment.objects.values_list("pk", flat=True)) == [files[1].pk]
    for name in ("what was told", f"file {files[1].pk} that no text names"):
        assert name in errors(caplog)


def test_nothing_more_is_tried_when_the_database_is_away():
    tried = []

    def lost():
        tried.append(1)
        raise OperationalError("the connection is lost") from PsycopgError()

    with pytest.raises(OperationalError):
        do_each([("one", lost), ("two", lost)])
    assert len(tried) == 1
