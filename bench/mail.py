"""How fast letters leave, beside how fast they could: senders that each wait for a mail server.

    python -m bench.mail [--letters 4000] [--senders 4] [--seconds-a-mail 0.25]

Makes a database of its own with so many letters that are due, starts the shipped worker with so many senders, and a mail server on
this machine that takes so long over each mail. Prints letters a second, as a share of the ideal (senders divided by the seconds of a
mail), and the hours that 50,000 would take.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from multiprocessing.managers import DictProxy
from pathlib import Path

from bench import measure
from commons import embedded

MANY = 50_000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--letters", type=int, default=4000)
    asked.add_argument("--senders", type=int, default=4)
    asked.add_argument("--seconds-a-mail", type=float, default=0.25)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "database"
        os.environ |= {"DATABASE_URL": embedded.start(place), "COMMONS_VAR": temporary, "STATEMENT_TIMEOUT": "0"}
        os.environ |= {"MAIL_SENDERS": str(options.senders)}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
        try:
            print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
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
    fill(options.letters)
    connection.close()

    port = measure.free_port()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        seen = manager.dict(letters=0, lines=0, first=0.0, last=0.0)
        server = context.Process(target=take_slowly, args=(port, options.seconds_a_mail, seen), daemon=True)
        server.start()
        worker = subprocess.Popen(
            [sys.executable, "-m", "commons.worker"], env={**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        )
        cpu = measure.cpu_ms([worker.pid, postmaster])
        until = time.monotonic() + 60 + 3 * options.letters * options.seconds_a_mail / options.senders
        while seen["letters"] < options.letters and time.monotonic() < until:
            time.sleep(0.5)
        cpu = measure.cpu_ms([worker.pid, postmaster]) - cpu
        worker.terminate()
        worker.wait()
        took = max(seen["last"] - seen["first"], 0.001)
        pace, ideal = seen["letters"] / took, options.senders / options.seconds_a_mail
        print(
            f"{seen['letters']:,} letters in {took:.0f} s on {seen['lines']} lines: {pace:.1f} a second, {pace / ideal:.0%} of the"
            f" ideal {ideal:.1f}; {cpu / max(seen['letters'], 1):.0f} ms of processor time each;"
            f" {MANY:,} would take {MANY / pace / 3600:.2f} hours"
        )
        server.kill()


def fill(letters: int) -> None:
    """So many members with one thing to be told of each, at once."""
    from accounts.members.models import Member
    from knowledge.notifications.letters import make_at_once
    from knowledge.subscriptions.actions import subscribe
    from knowledge.subscriptions.models import Cadence, Followable
    from tests.make import area, make_member, make_organization, make_post
    from tests.notifications.test_told import tell_all

    writer = make_member("Wren Writer")
    make_organization(writer, name="The Writers")
    some = Member.objects.bulk_create(
        Member(email=f"reader{number}@people.example", handle=f"reader-{number}", name=f"Reader {number}")
        for number in range(letters)
    )
    for member in some:
        subscribe(Followable.AREA, area().pk, by=member, cadence=Cadence.AT_ONCE)
    make_post(writer)
    tell_all()
    make_at_once()


def take_slowly(port: int, seconds: float, seen: "DictProxy[str, float]") -> None:
    """A mail server that takes all mail, and so long over each."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen["lines"] += 1
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                seen["first"] = seen["first"] or time.monotonic()
                await asyncio.sleep(seconds)
                seen["letters"] += 1
                seen["last"] = time.monotonic()
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


if __name__ == "__main__":
    main()
