"""The worker killed in the middle, a database that comes back, a mail server that misbehaves: real processes, nothing lost, nobody
told twice on the site, and a mail repeated only where SMTP cannot know.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from commons import embedded, queue, worker
from commons.activity.models import Activity
from knowledge import jobs
from knowledge.notifications.models import Letter, Notification, Outcome, Push, PushSubscription
from knowledge.stored.models import Fragment, Stamp
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable, Subscription
from tests.mail import Post, serve
from tests.make import area, make_comment, make_member, make_organization, make_post

FOLLOWERS = 12


@pytest.fixture
def server():
    post = Post()
    controller = serve(post)
    yield post
    controller.stop()


@pytest.fixture
def followers(committed):
    """Members who hear of homelessness as it happens."""
    members = [make_member(email=f"fan-{number}@people.example") for number in range(FOLLOWERS)]
    for member in members:
        subscribe(Followable.AREA, area().pk, by=member, cadence=Cadence.AT_ONCE)
    return members


@pytest.fixture
def writer(committed):
    member = make_member("Alice Adeyemi")
    make_organization(member, name="Harbor Street Housing Desk")
    return member


def address_of_the_tests() -> str:
    """The address of the test's own database."""
    base, _, query = os.environ["DATABASE_URL"].partition("?")
    return f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")


class Worker:
    """The shipped worker, on the test's own database, or on that of an address."""

    def __init__(self, server: Post, folder, address: str = "") -> None:
        own = {"DATABASE_URL": address or address_of_the_tests(), "EMAIL_URL": server.url, "COMMONS_VAR": str(folder)}
        self.log = folder / "worker.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commons.worker"],
                env={**os.environ, **own},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextlib.contextmanager
def working(server: Post, folder) -> Iterator[Worker]:
    this = Worker(server, folder)
    try:
        yield this
    finally:
        if this.process.poll() is None:
            this.kill()


def until(true, seconds: float = 60) -> None:
    """Wait until something is so; what does not come in a minute counts as missing."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It did not come."
        time.sleep(0.02)


def let_go() -> None:
    """What a killed worker held is free again once it has been silent for a while; here that while is over at once."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    Letter.objects.filter(closed_at=None).update(leased_until=None, due_at=timezone.now())


def letters_of(server: Post) -> Counter[str]:
    """How many different letters came for each address: a second copy has the same Message-ID."""
    return Counter(to for to, _ in {(to[0], letter["Message-ID"]) for to, letter in server.letters})


def test_every_lane_has_its_workers():
    assert set(worker.BESIDE) == {"default", *queue.LANES.values()}


@pytest.mark.slow
@pytest.mark.parametrize("killed_after", [0, 1, 5, 9])
@pytest.mark.long
def test_a_worker_killed_while_it_sends_loses_nothing(server, writer, followers, tmp_path, killed_after):
    for member in followers:
        server.slow_for[member.email] = 0.05
    with working(server, tmp_path) as first:
        make_post(writer)
        until(lambda: len(server.letters) >= killed_after and (killed_after or Notification.objects.exists()))
        first.kill()
    let_go()
    with working(server, tmp_path) as second:
        until(lambda: Letter.objects.filter(outcome=Outcome.SENT).count() == FOLLOWERS)
        assert second.end() == 0
    assert Notification.objects.count() == FOLLOWERS
    assert letters_of(server) == {member.email: 1 for member in followers}
    copies = Counter(to[0] for to, _ in server.letters)
    assert sum(copies.values()) - FOLLOWERS <= worker.BESIDE["mail"], "only what was under way may come twice"


@pytest.mark.slow
@pytest.mark.long
def test_a_worker_killed_while_it_tells_tells_everybody_once(server, writer, followers, tmp_path):
    for _ in range(3):
        make_post(writer)
    for _ in range(4):
        with working(server, tmp_path) as this:
            time.sleep(0.8)
            this.kill()
        let_go()
    with working(server, tmp_path) as last:
        until(lambda: Notification.objects.count() == 3 * FOLLOWERS)
        until(lambda: not Letter.objects.filter(closed_at=None, due_at__lte=timezone.now()).exists())
        last.end()
    assert Notification.objects.values("member", "activity").distinct().count() == 3 * FOLLOWERS


@pytest.mark.slow
@pytest.mark.long
def test_a_database_that_cuts_every_line_loses_nothing(server, writer, followers, tmp_path):
    """As when it restarts: what was under way is done again, on lines that hold."""
    for member in followers:
        server.slow_for[member.email] = 0.05
    with working(server, tmp_path) as this:
        make_post(writer)
        until(lambda: len(server.letters) >= 3)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        time.sleep(1)
        let_go()
        queue.wake(queue.LETTERS)
        until(lambda: Letter.objects.filter(outcome=Outcome.SENT).count() == FOLLOWERS)
        assert this.end() == 0
    assert Notification.objects.count() == FOLLOWERS
    assert letters_of(server) == {member.email: 1 for member in followers}


SET_UP = f"""
from tests.make import *
from knowledge.subscriptions.actions import subscribe
from knowledge.subscriptions.models import Cadence, Followable
for number in range({FOLLOWERS}):
    fan = make_member(email=f"fan-{{number}}@people.example")
    subscribe(Followable.AREA, area().pk, by=fan, cadence=Cadence.AT_ONCE)
writer = make_member("Alice Adeyemi")
make_organization(writer, name="Harbor Street Housing Desk")
make_post(writer)
"""
LET_GO = (
    "from commons import queue; from tests.notifications.test_faults import let_go; let_go(); queue.wake(queue.LETTERS)"
)
HELD = """
from knowledge.notifications.models import *
print(Notification.objects.count(), Letter.objects.filter(outcome=Outcome.SENT).count())
"""


@pytest.mark.slow
@pytest.mark.long
def test_a_database_that_is_stopped_and_started_again_loses_nothing(server, tmp_path):
    """The server beside the worker ends in the middle of the sending, and is back after a while."""
    folder = tmp_path / "database"
    address = embedded.start(folder, settings=embedded.FOR_TESTS)

    def run(*command: str) -> str:
        env = {**os.environ, "DATABASE_URL": address, "EMAIL_URL": server.url, "COMMONS_VAR": str(tmp_path)}
        return subprocess.run([sys.executable, *command], env=env, check=True, capture_output=True, text=True).stdout

    workers: list[Worker] = []

    def all_came() -> bool:
        """Whether every letter came. A worker that ended with its database is started again, as by whatever looks after it."""
        if workers[-1].process.poll() is not None:
            workers.append(Worker(server, tmp_path, address))
        return len(letters_of(server)) == FOLLOWERS

    try:
        run("-m", "commons.prepare", "--empty")
        run("manage.py", "shell", "--no-imports", "-c", SET_UP)
        server.slow_for.update({f"fan-{number}@people.example": 0.1 for number in range(FOLLOWERS)})
        workers.append(Worker(server, tmp_path, address))
        until(lambda: len(server.letters) >= 3)
        embedded.stop(folder)
        time.sleep(2)
        assert len(server.letters) < FOLLOWERS
        assert embedded.start(folder, settings=embedded.FOR_TESTS) == address
        run("manage.py", "shell", "--no-imports", "-c", LET_GO)
        until(all_came, 150)
        until(lambda: run("manage.py", "shell", "--no-imports", "-c", HELD).split() == [str(FOLLOWERS)] * 2)
        assert workers[-1].end() == 0
        assert set(letters_of(server).values()) == {1}
    finally:
        for each in workers:
            if each.process.poll() is None:
                each.kill()
        embedded.stop(folder)


@pytest.mark.slow
def test_codes_do_not_wait_behind_digests(server, writer, followers, tmp_path, client):
    """Somebody who asks to follow by e-mail gets the question at once, while the mail of others goes to a slow server."""
    for member in followers:
        server.slow_for[member.email] = 2
    with working(server, tmp_path) as this:
        make_post(writer)
        until(lambda: Letter.objects.filter(leased_until__isnull=False).exists())
        client.post(
            f"/subscribe/area/{area().pk}/",
            {"action": "by_mail", "address": "waits@people.example", "cadence": "weekly"},
        )
        until(lambda: server.to("waits@people.example"), 10)
        assert Letter.objects.filter(closed_at=None).count() > 1
        this.kill()


@pytest.mark.django_db
def test_every_job_may_run_twice(settings, tmp_path, alice, charlie):
    """Each registered job, run twice: the second time the database and the mailbox stay as they are."""
    from commons.mail import TrialMail
    from knowledge.ladder.models import Vetting
    from knowledge.notifications.browsers import push_on
    from tests.ladder.test_machine import facts_now
    from tests.listening import Listening
    from tests.make import make_ready, make_vetting
    from tests.pushing import Device

    settings.EMAIL_BACKEND, settings.VAR_DIR = "commons.mail.MailboxBackend", tmp_path
    settings.PUSH_ALLOW_LOCAL = True
    push_service = Listening()
    push_on(alice, *Device(f"{push_service.address}/alice").browser)
    post = make_ready(alice)
    Vetting.objects.filter(pk=make_vetting(post, alice).pk).update(until="2026-01-01")
    make_comment(post, charlie)
    arguments = {
        queue.ANNOUNCE: [{"activity": pk} for pk in Activity.objects.values_list("pk", flat=True)],
        queue.FOLLOW_RENAME: [{"kind": "member", "pk": alice.pk}],
        queue.LETTERS: [{"timestamp": 0}],
        queue.CODES: [{"timestamp": 0}],
        queue.PUSH: [{"timestamp": 0}],
        queue.INBOUND: [{"timestamp": 0}],
        queue.DOCUMENTS: [{"timestamp": 0}],
        queue.PICTURES: [{"timestamp": 0}],
        queue.CONVERSIONS: [{"timestamp": 0}],
        queue.DATES: [{"timestamp": 0}],
        queue.TIDY: [{"timestamp": 0}],
        "ping": [{"listings": ["home"]}],
    }

    def everything() -> dict[object, object]:
        """Every row that says something; whether a post was made anew, or a worker looked, says nothing."""
        models = [*(facts_now().keys() - {Stamp, Fragment}), Activity, Notification, Letter, Subscription, TrialMail]
        models += [Push, PushSubscription]
        return {model: list(model._default_manager.order_by("pk").values()) for model in models}

    def run(name: str) -> None:
        task = next(task for task in vars(jobs).values() if getattr(task, "name", "") == name)
        for asked in arguments.get(name, [{}]):
            task.func(**asked)

    with push_service:
        for name in queue.ALL:
            run(name)
            after = everything()
            run(name)
            for model, rows in everything().items():
                assert rows == after[model], f"{name}, run twice, changed {model}"
    assert len(push_service.asked) == Push.objects.filter(outcome=Outcome.SENT).count() > 0
    assert TrialMail.objects.filter(to=alice.email).count() == 1
