"""What every benchmark needs: start a server, ask it many things, and count the processor time that took.

Processor time, not latency, is what repeats on a machine that does other things too. It is read from /proc (Linux), so
no server has to cooperate. One clock tick is 10 ms: count over a thousand requests or more, and take the median of runs.

    with serving(command, port=8123) as server:
        cost = cost_of(lambda: requests(2000, ["/"], connections=8, port=8123), pids=[server.pid])
"""

import os
import selectors
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
CONNECTIONS = 8  # at once, to each server
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


class NotServing(Exception):
    """The server did not come up; the message is what it wrote."""


class Broken(Exception):
    """An answer that is not one: cut short, or never sent."""


# Processes


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name (which may contain spaces): state first, parent second."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pids: Iterable[int]) -> set[int]:
    """These processes and all below them that live."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {pid for pid in pids if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_ms(pids: Iterable[int]) -> float:
    """Processor time used so far by these processes and all below them, the dead included once their parent has waited.

    For PostgreSQL give the postmaster's pid: its backends come and go, and none is missed.
    """
    total = 0
    for pid in family(pids):
        try:
            total += sum(int(ticks) for ticks in _stat(pid)[11:15])  # utime, stime, and those of waited-for children
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total * _TICK_MS


def memory_mb(pids: Iterable[int]) -> dict[int, float]:
    """Memory each process (and each below it) has to itself and its share of what it shares: PSS, in MB."""
    sizes = {}
    for pid in family(pids):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        sizes[pid] = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return sizes


def postmaster(data_directory: str | Path) -> int:
    """The pid of the PostgreSQL server that runs on this data directory."""
    return int((Path(data_directory) / "postmaster.pid").read_text().split()[0])


# Servers


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    path: str = "/",
    wait: float = 40,
) -> Iterator[subprocess.Popen]:
    """Run a server until the block ends. Enters once `path` is answered with anything at all.

    The server gets a process group of its own; at the end SIGTERM, and after ten seconds SIGKILL to the whole group.
    """
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, cwd=cwd, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_until_answered(server, port, path, time.monotonic() + wait)
        except NotServing as problem:
            stop(server)
            log.seek(0)
            raise NotServing(f"{problem}\n{log.read().decode(errors='replace')}") from None
        try:
            yield server
        finally:
            stop(server)


def stop(server: subprocess.Popen, wait: float = 10) -> None:
    """End a server: politely, and when that takes too long, at once."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(wait)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # what it may have left behind
    server.wait()


def _wait_until_answered(server: subprocess.Popen, port: int, path: str, until: float) -> None:
    while True:
        if server.poll() is not None:
            raise NotServing(f"the server ended with code {server.returncode}")
        try:
            ask(port, path, timeout=5)
            return
        except (OSError, Broken):
            if time.monotonic() > until:
                raise NotServing("the server did not answer in time") from None
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


# Clients


@dataclass
class Answer:
    """One answer: the head as it came, names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Answers:
    """What came of many requests."""

    statuses: Counter = field(default_factory=Counter)
    size: int = 0
    seconds: float = 0
    times_ms: list[float] = field(default_factory=list)

    def p(self, percent: int) -> float:
        """The time within which so many percent were answered, in ms."""
        if not self.times_ms:
            return 0.0
        return sorted(self.times_ms)[min(len(self.times_ms) - 1, len(self.times_ms) * percent // 100)]


def request_bytes(
    path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b"", port: int = 80
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def parse_answer(data: bytes, *, to_head: bool = False, ended: bool = False) -> tuple[Answer, int] | None:
    """The first answer in these bytes and its length; None while it is incomplete. `ended`: the server has hung up."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    status_line, *lines = data[:end].decode("latin-1").split("\r\n")
    status = int(status_line.split(" ")[1])
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    start = end + 4
    if status in (204, 304) or status < 200 or to_head:
        return Answer(status, headers, b""), start
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _parse_chunks(data, start, Answer(status, headers, b""))
    if "content-length" not in headers:
        return (Answer(status, headers, data[start:]), len(data)) if ended else None
    length = start + int(headers["content-length"])
    return (Answer(status, headers, data[start:length]), length) if len(data) >= length else None


def _parse_chunks(data: bytes, at: int, answer: Answer) -> tuple[Answer, int] | None:
    chunks: list[bytes] = []
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].split(b";")[0], 16)
        at = end + 2 + size + 2
        if len(data) < at:
            return None
        if not size:
            answer.body = b"".join(chunks)
            return answer, at
        chunks.append(data[end + 2 : at - 2])
    return None


def ask(
    port: int,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = 20,
) -> Answer:
    """One request on a connection of its own."""
    with socket.create_connection((HOST, port), timeout=timeout) as connection:
        connection.sendall(request_bytes(path, method=method, headers=headers, body=body, port=port))
        return read_answer(connection, to_head=method == "HEAD")


def read_answer(connection: socket.socket, *, to_head: bool = False) -> Answer:
    """Read one answer from a connection; answers 1xx are passed over."""
    data = b""
    while True:
        while parsed := parse_answer(data, to_head=to_head):
            answer, length = parsed
            if answer.status >= 200:
                return answer
            data = data[length:]
        more = connection.recv(1 << 16)
        if not more:
            if parsed := parse_answer(data, to_head=to_head, ended=True):
                return parsed[0]
            raise Broken(f"the connection ended within an answer: {data[:200]!r}")
        data += more


@dataclass
class _Line:
    """One kept-alive connection of `requests`."""

    socket: socket.socket
    data: bytes = b""
    sent_at: float = 0


def requests(
    n: int,
    paths: Sequence[str],
    connections: int = 8,
    headers: Mapping[str, str] | None = None,
    *,
    port: int,
    method: str = "GET",
    body: bytes = b"",
    timeout: float = 30,
) -> Answers:
    """Send n requests, going round the paths, over so many kept-alive connections, each one request at a time.

    Opens a new connection where the server closed one. Raises Broken when nothing comes for `timeout` seconds.
    """
    wire = [request_bytes(path, method=method, headers=headers, body=body, port=port) for path in paths]
    answers, sent, done = Answers(), 0, 0
    waiting = selectors.DefaultSelector()
    lines = []

    def send(line: _Line) -> None:
        nonlocal sent
        line.data, line.sent_at = b"", time.perf_counter()
        line.socket.sendall(wire[sent % len(wire)])
        sent += 1

    def open_line() -> _Line:
        line = _Line(socket.create_connection((HOST, port), timeout=timeout))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(line.socket, selectors.EVENT_READ, line)
        lines.append(line)
        return line

    def close_line(line: _Line) -> None:
        waiting.unregister(line.socket)
        line.socket.close()
        lines.remove(line)

    started = time.perf_counter()
    try:
        for _ in range(min(connections, n)):
            send(open_line())
        while done < n:
            ready = waiting.select(timeout)
            if not ready:
                raise Broken(f"no answer for {timeout} s, after {done} of {n}")
            for key, _ in ready:
                line = key.data
                more = line.socket.recv(1 << 18)
                line.data += more
                parsed = parse_answer(line.data, to_head=method == "HEAD", ended=not more)
                if parsed is None:
                    if not more:
                        raise Broken(f"the connection ended within an answer: {line.data[:200]!r}")
                    continue
                answer = parsed[0]
                answers.statuses[answer.status] += 1
                answers.size += len(answer.body)
                answers.times_ms.append((time.perf_counter() - line.sent_at) * 1000)
                done += 1
                if not more or answer.headers.get("connection", "").lower() == "close":
                    close_line(line)
                    line = open_line() if sent < n else line
                if sent < n:
                    send(line)
    finally:
        for line in list(lines):
            close_line(line)
        waiting.close()
    answers.seconds = time.perf_counter() - started
    return answers


@dataclass
class Cost:
    """Processor time of a run of requests, a request."""

    ms: float  # all the processes counted
    by: dict[int, float]  # each pid given, with what is below it
    answers: Answers


def cost_of(run: Callable[[], Answers], pids: Sequence[int]) -> Cost:
    """Do the run and say what one request of it cost these processes (and all below them)."""
    before = {pid: cpu_ms([pid]) for pid in pids}
    answers = run()
    n = max(1, answers.statuses.total())
    by = {pid: (cpu_ms([pid]) - before[pid]) / n for pid in pids}
    return Cost(sum(by.values()), by, answers)


def median_cost(run: Callable[[], Answers], pids: Sequence[int], times: int = 3) -> float:
    """The median cost of a request over several runs, in ms."""
    return statistics.median(cost_of(run, pids).ms for _ in range(times))


@dataclass
class Case:
    """One row of a table: what is asked of whom, and which processes are counted."""

    name: str
    port: int
    pids: list[int]
    paths: Sequence[str] = ("/",)
    headers: Mapping[str, str] | None = None

    def cost(self, n: int) -> Cost:
        """What one request cost, over n of them that go round the paths."""
        return cost_of(lambda: requests(n, self.paths, CONNECTIONS, self.headers, port=self.port), self.pids)


def costs_of(cases: list[Case], rounds: int, n: int) -> list[list[Cost]]:
    """For each case what a request cost, in each round. A round asks all cases in turn."""
    for case in cases:
        case.cost(n // 2)  # imports, connections, caches
    seen = [[case.cost(n) for case in cases] for _ in range(rounds)]
    return [list(costs) for costs in zip(*seen, strict=True)]
