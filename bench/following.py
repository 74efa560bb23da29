# ruff: noqa: S608 - every text put together here is our own
"""What it takes to tell many people, and to write to them.

    python -m bench.following [--members 100000] [--subscriptions 1000000] [--followers 50000] [--seconds 60] [--senders 2]

Makes a database of its own with so many members and subscriptions, one issue area with so many followers, and then: publishes a
post there and has it told (until the first has heard, until all have, processor time, memory); makes the weekly digests of all
members; and has several worker processes send them for so many seconds to a mail server on this machine that takes everything.
Says how many different letters came, and how many came twice.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import resource
import tempfile
import threading
import time
from pathlib import Path

from bench import measure
from commons import embedded

ZONES = (
    "Africa/Nairobi", "America/Chicago", "America/New_York", "America/Recife", "Asia/Kolkata", "Asia/Manila",
    "Australia/Sydney", "Europe/Berlin", "Europe/London", "Pacific/Auckland", "UTC",
)  # fmt: skip

CADENCES = "(ARRAY['at_once', 'daily', 'daily', 'weekly', 'weekly', 'weekly', 'weekly', 'weekly', 'weekly', 'site'])"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--members", type=int, default=100_000)
    asked.add_argument("--subscriptions", type=int, default=1_000_000)
    asked.add_argument("--followers", type=int, default=50_000)
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("--senders", type=int, default=2)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "database"
        os.environ |= {"DATABASE_URL": embedded.start(place), "COMMONS_VAR": temporary, "STATEMENT_TIMEOUT": "10s"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
        try:
            print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
            measured(options, measure.postmaster(place))
        finally:
            embedded.stop(place)


def measured(options: argparse.Namespace, postmaster: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    for command in ("migrate", "createcachetable", "load_topics"):
        call_command(command, verbosity=0)
    since = time.monotonic()
    post_at = fill(options)
    print(
        f"made in {time.monotonic() - since:.0f} s: {options.members:,} members, {options.subscriptions:,} subscriptions"
    )
    telling(post_at, postmaster)
    digests(options, postmaster)
    connection.close()


def fill(options: argparse.Namespace) -> int:
    """Members, subscriptions, and followers of one issue area; gives the key of that area."""
    from django.db import connection

    from accounts.members.models import Member
    from accounts.organizations.models import Membership, Organization, Role
    from knowledge.topics.models import IssueArea

    area = IssueArea.objects.get(slug="homelessness").pk
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "INSERT INTO accounts_member (password, is_superuser, email, handle, name, bio, time_zone, is_active, is_moderator,"
            " joined_at, personal_stamp) SELECT '', false, 'm' || n || '@people.example', 'm' || n, 'Member ' || n, '',"
            " (%s::text[])[1 + n %% %s], true, false, now(), 0 FROM generate_series(1, %s) n",
            [list(ZONES), len(ZONES), options.members],
        )
        subscription = f"""INSERT INTO knowledge_subscription (member_id, kind, object_id, cadence, wants, since)
            SELECT member, kind, thing, {CADENCES}[1 + n % 10], '{{moves,aside,vettings,reports,new}}', now() - interval '90 days'"""
        cursor.execute(
            f"{subscription} FROM (SELECT id AS member, 'area' AS kind, {area} AS thing, row_number() OVER () AS n"
            f" FROM accounts_member) m WHERE n <= {options.followers:d}"
        )
        # The others follow one thing of many: what they follow has nothing to do with it
        cursor.execute(
            f"{subscription} FROM (SELECT 1 + n % {options.members:d} AS member, 100000 + n / {options.members:d} AS thing, n,"
            " (ARRAY['tag', 'organization', 'post', 'member'])[1 + n % 4] AS kind"
            f" FROM generate_series(1, {options.subscriptions - options.followers:d}) n) m ON CONFLICT DO NOTHING"
        )
        cursor.execute("ANALYZE")
        cursor.execute("RESET statement_timeout")
    writer = Member.objects.order_by("pk").last()
    organization = Organization.objects.create(name="The writers", slug="the-writers")
    Membership.objects.create(member=writer, organization=organization, role=Role.OWNER)
    return area


def telling(area: int, postmaster: int) -> None:
    """A post in the area of many followers is told."""
    from django.db import connection, connections

    from accounts.members.models import Member
    from accounts.organizations.models import Organization
    from commons.activity.models import Activity, Verb
    from knowledge.notifications.models import Notification
    from knowledge.notifications.recipients import tell
    from knowledge.posts.actions import Content, publish
    from knowledge.topics.models import IssueArea

    print(f"\n{'told':>10} {'first, s':>9} {'all, s':>7} {'CPU, s':>7} {'memory, MB':>11}")
    for _ in range(3):
        content = Content("Letters go unread", "Nobody opens them.", [IssueArea.objects.get(pk=area)])
        organization = Organization.objects.get(slug="the-writers")
        writer = Member.objects.order_by("pk").last()
        assert writer is not None
        post = publish(content, by=writer, organization=organization)
        activity = Activity.objects.get(verb=Verb.PUBLISHED, subject_id=post.pk)
        first: list[float] = []

        def watch(activity: Activity = activity, first: list[float] = first) -> None:
            while not Notification.objects.filter(activity=activity).exists():
                time.sleep(0.005)
            first.append(time.monotonic())
            connections.close_all()

        watcher = threading.Thread(target=watch)
        cpu = measure.cpu_ms([os.getpid(), postmaster])
        before, since = memory_mb(), time.monotonic()
        watcher.start()
        told = tell(activity)
        spent = time.monotonic() - since
        watcher.join()
        cpu = measure.cpu_ms([os.getpid(), postmaster]) - cpu
        print(f"{told:>10,} {first[0] - since:>9.2f} {spent:>7.1f} {cpu / 1000:>7.1f} {memory_mb() - before:>+11.1f}")
    connection.close()


def digests(options: argparse.Namespace, postmaster: int) -> None:
    """The weekly digests of all members are made, and sent for a while."""
    from django.db import connection
    from django.utils import timezone

    from commons.activity.models import Activity, Verb
    from knowledge.notifications.letters import make_digests
    from knowledge.notifications.models import Letter, Outcome

    published = Activity.objects.filter(verb=Verb.PUBLISHED).order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for activity in published:
            cursor.execute(
                "INSERT INTO knowledge_notification (member_id, activity_id, post_id, what, why, kind, object_id, cadence, at)"
                " SELECT id, %s, %s, 'new', 'followed', 'area', 1, 'weekly', now() FROM accounts_member ON CONFLICT DO NOTHING",
                [activity.pk, activity.subject_id],
            )
        cursor.execute("UPDATE knowledge_notification SET cadence = 'weekly', at = now() - interval '8 days'")
        cursor.execute("ANALYZE knowledge_notification")
        cursor.execute("RESET statement_timeout")
    cpu, since = measure.cpu_ms([os.getpid(), postmaster]), time.monotonic()
    made = make_digests()
    spent, cpu = time.monotonic() - since, measure.cpu_ms([os.getpid(), postmaster]) - cpu
    print(f"\n{made:,} weekly digests made in {spent:.1f} s ({cpu / 1000:.1f} s of CPU)")
    since = time.monotonic()
    make_digests()
    print(f"nothing left to make: {time.monotonic() - since:.2f} s")
    Letter.objects.filter(closed_at=None).update(due_at=timezone.now())
    connection.close()

    port = measure.free_port()
    with multiprocessing.get_context("spawn").Manager() as manager:
        seen = manager.dict(letters=0, twice=0)
        sink = multiprocessing.get_context("spawn").Process(target=take_everything, args=(port, seen), daemon=True)
        sink.start()
        senders = [
            multiprocessing.get_context("spawn").Process(target=send, args=(port, options.seconds))
            for _ in range(options.senders)
        ]
        cpu, since = measure.cpu_ms([os.getpid(), postmaster]), time.monotonic()
        for sender in senders:
            sender.start()
        time.sleep(options.seconds / 2)
        senders[0].kill()  # another takes its place, and its letters
        senders[0] = multiprocessing.get_context("spawn").Process(target=send, args=(port, options.seconds / 2))
        senders[0].start()
        for sender in senders:
            sender.join()
        spent = time.monotonic() - since
        sent = Letter.objects.filter(outcome=Outcome.SENT).count()
        print(
            f"{options.senders} senders, one of them killed half-way and started again: {sent:,} letters in {spent:.0f} s,"
            f" {sent / spent:.0f} a second; {seen['letters']:,} came, {seen['twice']} of them twice"
        )
        sink.kill()


def send(port: int, seconds: float) -> None:
    """One worker process that sends."""
    import django

    django.setup()
    from django.conf import settings

    from knowledge.notifications.sending import TO_FOLLOWERS, send_due

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    send_due(TO_FOLLOWERS, seconds=seconds)


def take_everything(port: int, seen: dict[str, int]) -> None:
    """A mail server that takes all mail, and counts it by Message-ID."""
    known: set[bytes] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                name = next(row for row in text.splitlines() if row.lower().startswith(b"message-id:"))
                seen["letters"] += 1
                seen["twice"] += name in known
                known.add(name)
                writer.write(b"250 taken\r\n")
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 here\r\n" if word != b"EHLO" else b"250 SMTPUTF8\r\n")
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", port, limit=2**22)
        await server.serve_forever()

    asyncio.run(serve())


def memory_mb() -> float:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
