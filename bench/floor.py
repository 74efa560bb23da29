"""What a request costs before the commons does anything, and what it costs to tell 1,000 open pages that something is new.

    python -m bench.floor [--rounds 11] [--requests 1000] [--pages 1000]

Prints processor milliseconds (web server and database processes) and their ratio to F, a bare Django under gunicorn's
threads. All servers are up at once and are asked in turn, round after round. A ratio is taken within each round, and the figure is
the median of the rounds. What else the machine does makes gunicorn's threads dearer than the others, and so F larger and
every ratio more flattering; the quietest round of each case stands beside it, and its ratio is the stricter one.
Needs gunicorn beside what the commons needs, and no database: it starts one. bench/README.md says how.
"""

import argparse
import os
import platform
import socket
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from bench import measure, slow_clients
from bench.hello import ETAG
from bench.measure import CONNECTIONS, Case, costs_of
from commons import embedded, news, serving

POLL_EVERY_SECONDS = 2  # notifications show on open pages within two seconds
IDLE_SECONDS = 30  # longer than a stream's beat
TELL_ALL = """SELECT pg_notify(%s, string_agg(n::text, ',')) FROM (SELECT n, n / %s part FROM generate_series(1, %s) n) told
    GROUP BY part"""


def make_stamps(url: str) -> None:
    """The table that `/stamp` reads: a thousand rows."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE bench_stamp (id int PRIMARY KEY, stamp int NOT NULL)")
        connection.execute("INSERT INTO bench_stamp SELECT n, 7 FROM generate_series(1, 1000) n")


def print_requests(rounds: int, n: int) -> float:
    """Print what a request costs under each server; gives the cost of a poll that reads one stamp."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "database"
        url = embedded.start(folder, settings=embedded.FOR_TESTS)
        stack.callback(embedded.stop, folder)
        make_stamps(url)
        database = measure.postmaster(folder)
        up = {}
        for name, command in slow_clients.servers(processes=1).items():
            if name in ("gunicorn", "granian", "bridge"):
                port = measure.free_port()
                process = stack.enter_context(measure.serving(command(port), port, env={"DATABASE_URL": url}))
                up[name] = port, [process.pid, database]
        not_modified, known_stamp = {"If-None-Match": ETAG}, {"If-None-Match": '"7"'}
        cases = [
            Case("hello, gunicorn threads (F)", *up["gunicorn"]),
            Case("hello, granian wsgi", *up["granian"]),
            Case("hello, the bridge", *up["bridge"]),
            Case("304, the bridge", *up["bridge"], headers=not_modified),
            Case("304 after one stamp read, gunicorn threads", *up["gunicorn"], paths=["/stamp"], headers=known_stamp),
            Case("304 after one stamp read, the bridge", *up["bridge"], paths=["/stamp"], headers=known_stamp),
        ]
        found = costs_of(cases, rounds, n)
    print("| a request | CPU ms | x F | quietest round | x F |\n|---|--:|--:|--:|--:|")
    costs = [[cost.ms for cost in row] for row in found]
    floor = costs[0]
    for case, cost in zip(cases, costs, strict=True):
        ratio = statistics.median(one / its_floor for one, its_floor in zip(cost, floor, strict=True))
        quiet = min(cost)
        print(f"| {case.name} | {statistics.median(cost):.2f} | {ratio:.2f} | {quiet:.2f} | {quiet / min(floor):.2f} |")
    return statistics.median(costs[-1])


def print_streams(pages: int, poll_ms: float) -> None:
    """Print what so many open pages cost a second while nothing happens, by polling and by streams, and what news cost."""
    port = measure.free_port()
    command = serving.command(measure.HOST, port, 1, "bench.hello:streamed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "database"
        url = embedded.start(folder, settings=embedded.FOR_TESTS)
        stack.callback(embedded.stop, folder)
        process = stack.enter_context(measure.serving(command, port, env={"DATABASE_URL": url}))
        pids = [process.pid, measure.postmaster(folder)]
        measure.requests(200, ["/"], CONNECTIONS, port=port)
        empty = sum(measure.memory_mb([process.pid]).values())
        lines = [_stream(port, member) for member in range(1, pages + 1)]
        full = sum(measure.memory_mb([process.pid]).values())
        _wait_for(lines[0], news.EVENT)  # the database is listened to
        before = measure.cpu_ms(pids)
        time.sleep(IDLE_SECONDS)
        idle = (measure.cpu_ms(pids) - before) / IDLE_SECONDS
        honest = slow_clients.answered(port)
        with psycopg.connect(url, autocommit=True) as connection:
            before, since = measure.cpu_ms(pids), time.perf_counter()
            connection.execute(TELL_ALL, [news.CHANNEL, news.MEMBERS_A_MESSAGE, pages])
            for line in lines:
                _wait_for(line, news.EVENT)
            arrived = time.perf_counter() - since
        told = (measure.cpu_ms(pids) - before) / pages
        since = time.perf_counter()
        measure.stop(process, serving.STOP_SECONDS * 2)
        stopped = time.perf_counter() - since
        for line in lines:
            line.close()
    polling = pages / POLL_EVERY_SECONDS * poll_ms
    print(f"\n| {pages} open pages, one process | polling every {POLL_EVERY_SECONDS} s | event streams |")
    print("|---|--:|--:|")
    print(f"| CPU ms a second while nothing happens | {polling:.0f} | {idle:.1f} |")
    print(f"| memory a page, kB | - | {(full - empty) / pages * 1024:.0f} |")
    print(f"| CPU ms to tell one page of news | {poll_ms:.2f} | {told:.2f} |")
    print(f"| until all have heard, s | {POLL_EVERY_SECONDS} | {arrived:.2f} |")
    print(f"| of {slow_clients.HONEST} honest requests beside them, answered | | {honest} |")
    print(f"| until the server has stopped, s | | {stopped:.1f} |")


def _stream(port: int, member: int) -> socket.socket:
    line = socket.create_connection((measure.HOST, port), timeout=slow_clients.PATIENCE_SECONDS)
    line.sendall(measure.request_bytes(f"/stream/{member}", port=port))
    _wait_for(line, b"retry: ")
    return line


def _wait_for(line: socket.socket, words: bytes) -> None:
    data = b""
    while words not in data:
        more = line.recv(4096)
        assert more, "the stream has ended"
        data += more


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=1000)
    arguments = parser.parse_args()
    python = f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})"
    print(f"{os.cpu_count()} cores, {python}; a process of {slow_clients.THREADS} threads, {CONNECTIONS} connections\n")
    serving.allow_many_connections()
    print_streams(arguments.pages, print_requests(arguments.rounds, arguments.requests))


if __name__ == "__main__":
    main()
