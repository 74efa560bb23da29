"""What the commons' own pages cost, beside a bare Django hello and a bare list of twenty rows, in one run.

    python -m bench.pages [--posts 10000] [--rounds 7] [--requests 400] [--folder FOLDER]

Makes a commons of so many posts in a database of its own (with --folder it is kept there, and used again the next time), has
the shipped server serve it with one process, and prints processor milliseconds a request (web server and database together),
the ratio to F, how it divides, and latency. All servers are up at once and asked in turn, round after round; a ratio is taken
within each round. Pages are made anew for each request (KEPT_PAGES=0), as for a reader who is the first after a change;
"kept" rows are the same pages as the commons ships. Needs gunicorn beside what the commons needs; bench/README.md says how.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import measure, slow_clients
from bench.measure import CONNECTIONS, Case, costs_of
from commons import embedded, serving

COMMENTS = (20, 50)
WORDS = ("landlord", "voucher", "night shift", "water", "school bus")
POSTS_ASKED = 200  # different posts that the post page's row goes round


@dataclass
class Commons:
    """What the benchmark asks for, found in the database."""

    areas: list[str]
    posts: list[str]
    discussed: dict[int, str]  # a post's address, by how many comments stand below it
    cookie: str  # a member's session


@contextmanager
def database(folder: Path | None) -> Iterator[tuple[str, int]]:
    """A PostgreSQL for this run; gives its address and the pid to count."""
    with tempfile.TemporaryDirectory() as temporary:
        place = (folder or Path(temporary)) / "database"
        address = embedded.start(place)
        try:
            yield address, measure.postmaster(place)
        finally:
            embedded.stop(place)


def fill(posts: int) -> Commons:
    """Make the posts, unless they are there, and two with the discussions that are asked for."""
    import django

    django.setup()
    from django.contrib.auth.models import AnonymousUser
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from accounts.members.models import Member
    from knowledge.comments.actions import comment
    from knowledge.posts.models import Post
    from knowledge.topics.models import IssueArea

    if Post.objects.count() < posts:
        call_command("make_sample", posts=posts)
    public = Post.objects.visible_to(AnonymousUser())
    first, second = Member.objects.order_by("pk")[:2]
    discussed = {}
    for post, wanted in zip(public.order_by("pk")[: len(COMMENTS)], COMMENTS, strict=True):
        parent = None
        for number in range(post.comments.count(), wanted):
            made = comment(
                post, by=(first, second)[number % 2], body=f"{WORDS[number % 5]}: *how* many? " * 8, parent=parent
            )
            parent = None if number % 3 == 2 else made
        discussed[wanted] = post.get_absolute_url()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (id int PRIMARY KEY, title text, said text)")
        cursor.execute(
            "INSERT INTO bench_row SELECT n, 'Row ' || n, repeat('words ', 30) FROM generate_series(1, 1000) n"
            " ON CONFLICT DO NOTHING"
        )
        cursor.execute("ANALYZE")
    client = Client(HTTP_HOST=measure.HOST)
    client.force_login(Member.objects.filter(memberships__isnull=False).order_by("pk")[0])
    client.get(public[0].get_absolute_url())  # gives the cookie for forms that every member's browser has
    asked = public.order_by("-pk").select_related("shown")[:POSTS_ASKED]
    areas = [area.get_absolute_url() for area in IssueArea.objects.all()]
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return Commons(areas, [post.get_absolute_url() for post in asked], discussed, cookies)


def cases(
    found: Commons, bare: tuple[int, list[int]], fresh: tuple[int, list[int]], kept: tuple[int, list[int]]
) -> list[Case]:
    """Every row of the table; the first is F."""
    member = {"Cookie": found.cookie}
    area = found.areas[0]

    def unchanged(path: str) -> dict[str, str]:
        return {"If-None-Match": measure.ask(fresh[0], path).headers["etag"]}

    searches = [f"/search/?q={word.replace(' ', '+')}" for word in WORDS]
    return [
        Case("a bare hello: F", bare[0], bare[1]),
        Case("a bare list of 20 rows", *bare, paths=["/list"]),
        Case("home", *fresh),
        Case("issue area", *fresh, paths=found.areas),
        Case("issue area, by rung", *fresh, paths=[f"{path}?rung=hunch" for path in found.areas]),
        Case("post", *fresh, paths=found.posts),
        *(Case(f"post with {number} comments", *fresh, paths=[path]) for number, path in found.discussed.items()),
        Case("search", *fresh, paths=searches),
        Case("feed of an issue area", *fresh, paths=[f"{path}feed.atom" for path in found.areas]),
        Case("304, page", *fresh, paths=[area], headers=unchanged(area)),
        Case("304, feed", *fresh, paths=[f"{area}feed.atom"], headers=unchanged(f"{area}feed.atom")),
        Case("signed in: home", *fresh, headers=member),
        Case("signed in: issue area", *fresh, paths=found.areas, headers=member),
        Case("signed in: post with 20 comments", *fresh, paths=[found.discussed[20]], headers=member),
        Case("signed in: writing a post", *fresh, paths=["/posts/new/"], headers=member),
        Case("kept: home", *kept),
        Case("kept: issue area", *kept, paths=found.areas),
        Case("kept: post with 20 comments", *kept, paths=[found.discussed[20]]),
    ]


def print_table(rows: list[Case], rounds: int, n: int) -> None:
    """Ask and print. A row that was not answered with what it should be is an error, not a figure."""
    costs = costs_of(rows, rounds, n)
    floor = [cost.ms for cost in costs[0]]
    print("| a request | CPU ms | web | database | x F | quietest: ms | x F | p50 ms | p99 ms | kB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for case, seen in zip(rows, costs, strict=True):
        expected = 304 if case.name.startswith("304") else 200
        for cost in seen:
            assert set(cost.answers.statuses) == {expected}, (case.name, cost.answers.statuses)
        middle = sorted(seen, key=lambda cost: cost.ms)[len(seen) // 2]
        web, database = (middle.by[pid] for pid in case.pids)
        ratio = statistics.median(cost.ms / its_floor for cost, its_floor in zip(seen, floor, strict=True))
        quiet = min(cost.ms for cost in seen)
        size = middle.answers.size / middle.answers.statuses.total() / 1024
        print(
            f"| {case.name} | {middle.ms:.2f} | {web:.2f} | {database:.2f} | {ratio:.2f} | {quiet:.2f} | {quiet / min(floor):.2f}"
            f" | {middle.answers.p(50):.1f} | {middle.answers.p(99):.1f} | {size:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        address, postmaster = stack.enter_context(database(arguments.folder))
        var = stack.enter_context(tempfile.TemporaryDirectory())
        port, kept_port, bare_port = measure.free_port(), measure.free_port(), measure.free_port()
        os.environ |= {
            "DATABASE_URL": address,
            "COMMONS_VAR": var,
            "DJANGO_SETTINGS_MODULE": "commons.settings",
            "SITE_URL": f"http://{measure.HOST}:{port}",
            "SECRET_KEY": "bench" * 10,
            "STATEMENT_TIMEOUT": "600s",  # for making the posts
        }
        for name in ("TRIAL", "DEV", "STATIC_ROOT"):
            os.environ.pop(name, None)
        subprocess.run([sys.executable, "-m", "commons.prepare", "--empty"], check=True, stdout=subprocess.DEVNULL)
        found = fill(arguments.posts)
        del os.environ["STATEMENT_TIMEOUT"]

        def up(command: list[str], at: int, env: dict[str, str], path: str = "/") -> tuple[int, list[int]]:
            process = stack.enter_context(measure.serving(command, at, env={**os.environ, **env}, path=path))
            return at, [process.pid, postmaster]

        gunicorn = slow_clients.servers(processes=1)["gunicorn"](bare_port)
        bare = up(gunicorn, bare_port, {})
        fresh = up(serving.command(measure.HOST, port, 1), port, {"KEPT_PAGES": "0"}, "/healthz")
        kept = up(serving.command(measure.HOST, kept_port, 1), kept_port, {}, "/healthz")
        python = f"{platform.python_implementation()} {platform.python_version()}"
        print(
            f"{arguments.posts} posts; {os.cpu_count()} cores, {python}; one process each, {CONNECTIONS} connections\n"
        )
        print_table(cases(found, bare, fresh, kept), arguments.rounds, arguments.requests)


if __name__ == "__main__":
    main()
