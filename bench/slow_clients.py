"""Do honest readers get answers while 300 clients are slow on purpose? One table: servers against kinds of slowness.

    python -m bench.slow_clients [--clients 300] [--only bridge]

Needs gunicorn, uvicorn and waitress beside what the commons needs; what is not installed is left out. bench/README.md says how.
"""

import argparse
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec

from bench import measure
from commons import serving

CLIENTS = 300
HONEST = 20
PATIENCE_SECONDS = 5
BYTE_EVERY_SECONDS = 1
PROCESSES, THREADS = 2, 8
CALM_MS = 300  # processor time in two seconds
SMALL_BUFFER = 4096  # what the system takes for a slow reader; the rest stays with the server

OPENINGS = {
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n",
    "reading": b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


# Slow clients


def _open(kind: str, port: int) -> socket.socket:
    line = socket.socket()
    if kind == "reading":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    line.settimeout(PATIENCE_SECONDS)
    line.connect((measure.HOST, port))
    line.sendall(OPENINGS[kind])
    line.setblocking(False)
    return line


def _one_byte(kind: str, line: socket.socket) -> bool:
    """Send a byte more, or read one; whether the server still holds the line."""
    try:
        if kind == "reading":
            return bool(line.recv(1))
        line.send(b"a")
        return bool(line.recv(1024))
    except BlockingIOError:
        return True
    except OSError:
        return False


@contextmanager
def slow_clients(kind: str, count: int, port: int) -> Iterator[None]:
    """Have so many clients send their headers or their body, or read a large answer, a byte a second, until the block ends.

    `kind` is one of OPENINGS. Enters when all have connected. Whom the server hangs up on connects again.
    """
    lines: list[socket.socket] = []
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(BYTE_EVERY_SECONDS):
            for number, line in enumerate(lines):
                if not _one_byte(kind, line):
                    line.close()
                    with suppress(OSError):
                        lines[number] = _open(kind, port)

    thread = threading.Thread(target=go_on)
    try:
        with suppress(OSError):  # a server that lets no more in has its reasons; those that came in are enough
            for _ in range(count):
                lines.append(_open(kind, port))
        thread.start()
        yield
    finally:
        done.set()
        if thread.ident:
            thread.join()
        for line in lines:
            line.close()


def answered(port: int, honest: int = HONEST) -> int:
    """How many of these honest requests, every second one with a body, are answered within five seconds each."""

    def ask(number: int) -> bool:
        try:
            if number % 2:
                answer = measure.ask(port, "/", method="POST", body=b"a" * 1000, timeout=PATIENCE_SECONDS)
            else:
                answer = measure.ask(port, "/", timeout=PATIENCE_SECONDS)
        except (OSError, measure.Broken):
            return False
        return answer.status == 200

    with ThreadPoolExecutor(honest) as pool:
        asked = []
        for number in range(honest):
            asked.append(pool.submit(ask, number))
            time.sleep(0.1)
        return sum(one.result() for one in asked)


def wait_until_calm(pid: int, at_most: float = 20) -> None:
    """Wait until the server has done what it can for those who came: what counts is what it does while they stay."""
    until, before = time.monotonic() + at_most, measure.cpu_ms([pid])
    while time.monotonic() < until:
        time.sleep(2 * BYTE_EVERY_SECONDS)
        now = measure.cpu_ms([pid])
        if now - before < CALM_MS:
            return
        before = now


# Servers


def servers(processes: int = PROCESSES) -> dict[str, Callable[[int], list[str]]]:
    """What each installed server is called, and what starts it on a port with a bare Django."""

    def module(*words: str) -> list[str]:
        return [sys.executable, "-m", *words]

    at = measure.HOST
    known = {
        "bridge": lambda port: serving.command(at, port, processes, "bench.hello:bridged"),
        "granian": lambda port: module(
            *("granian", "--interface", "wsgi", "--http", "1", "--host", at, "--port", str(port)),
            *("--workers", str(processes), "--blocking-threads", str(THREADS), "--backpressure", "4096"),
            *("--log-level", "error"),
            "bench.hello:application",
        ),
        "gunicorn": lambda port: module(
            *("gunicorn", "--worker-class", "gthread", "--bind", f"{at}:{port}", "--log-level", "critical"),
            *("--workers", str(processes), "--threads", str(THREADS), "bench.hello:application"),
        ),
        "uvicorn": lambda port: module(
            *("uvicorn", "--host", at, "--port", str(port), "--workers", str(processes), "--log-level", "critical"),
            *("--no-access-log", "bench.hello:asgi"),
        ),
        "waitress": lambda port: module(  # knows one process only; its own limit of 100 connections is raised
            *("waitress", "--listen", f"{at}:{port}", "--threads", str(THREADS * processes)),
            *("--connection-limit", "1000", "--asyncore-use-poll", "bench.hello:application"),
        ),
    }
    return {name: command for name, command in known.items() if name == "bridge" or find_spec(name)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--only", help="one server, by its name in the table")
    arguments = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, {PROCESSES} processes of {THREADS} threads; slow clients of one kind: {arguments.clients}"
    )
    print(f"Answered within {PATIENCE_SECONDS} s, of {HONEST} honest requests:\n")
    print("| | " + " | ".join(f"slow {kind}" for kind in OPENINGS) + " |\n|---|" + "--:|" * len(OPENINGS))
    for name, command in servers().items():
        if arguments.only in (None, name):
            print(f"| {name} |", end="", flush=True)
            for kind in OPENINGS:
                port = measure.free_port()
                with measure.serving(command(port), port) as server, slow_clients(kind, arguments.clients, port):
                    wait_until_calm(server.pid)
                    print(f" {answered(port)} |", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
