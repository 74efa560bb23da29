"""Background jobs: deferred in the transaction of the verb, run by the real worker, done once though they run twice."""

import datetime as dt
import os
import subprocess
import sys

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members import actions as members
from commons import queue
from commons.mail import TrialMail
from commons.once import Sending, fresh_key
from knowledge import jobs
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
