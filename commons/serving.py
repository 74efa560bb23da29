"""How the commons meets the network: the server's command, and the bridge from the server to the ordinary (WSGI) commons.

Clients may be slow, and threads are few; so a thread only ever thinks. An event loop holds the connections. It reads a
request's whole body before a thread sees it, and it keeps the answer until its reader has taken it. Three hundred clients
that send or read a byte a second cost some memory, and no thread.

docs/decisions/0002-web-server.md says what was measured. This module is also imported by what only wants the command, so it
imports nothing of Django.
"""

import asyncio
import io
import logging
import os
import queue
import resource
import sys
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from commons.numbers import parse_number

if TYPE_CHECKING:
    from commons.streams import Streams

log = logging.getLogger(__name__)

KIB, MIB = 1024, 1024 * 1024

BODY_LIMIT = 3 * MIB  # a longer body is answered 413 (RFC 9110, 15.5.14)
FILE_LIMIT = max(int(os.environ.get("ATTACHMENT_MB", "20")), 1) * MIB  # of one file
UPLOAD_LIMIT = FILE_LIMIT + 5 * MIB  # the same for a form with files, from a browser that is signed in
BODY_SECONDS = 20  # a body that takes longer is answered 408 (RFC 9110, 15.5.9) …
BODY_RATE = 16 * KIB  # … but every so many bytes that came buy one more second
BODY_IN_MEMORY = 64 * KIB  # what is longer waits in a temporary file
ANSWER_IN_MEMORY = 256 * KIB  # an answer made piece by piece, and longer than this, waits in a temporary file
THREADS = int(os.environ.get("WEB_THREADS", "4"))  # a process; each has a connection, and all share one interpreter
# What needs no database never waits behind what does: it has threads of its own, which never connect to it …
STATIC, HEALTH = "/static/", "/healthz"
LIGHT_THREADS = 2
READY = "/readyz"  # … and so has what asks after it, one thread with a connection
WAITING = 1000  # requests that may wait for a thread of their sort; one more is answered 503
READ = 64 * KIB
DRAIN_SECONDS, DRAIN_LIMIT = 5, 32 * MIB  # how long, and how much of, a refused body is read and thrown away

CONNECTIONS = 4096  # a process; one more waits to be let in
HEADER_SECONDS = 30  # to send the headers; a kept-alive connection may be idle as long
HEADER_LIMIT = 64 * KIB
STOP_SECONDS = 12  # what is under way when the server is told to stop may take: longer than any statement may run

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[str, str]]
WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def command(host: str, port: int, workers: int, target: str = "commons.asgi:application") -> list[str]:
    """The command that serves the commons. SIGTERM stops it once what is under way is answered.

    A process of it that dies comes back, alone (`commons/granian_server.py`).
    """
    options = {
        "--interface": "asginl",
        "--loop": "uvloop",
        "--http": "1",  # TLS and HTTP/2 belong to a proxy in front
        "--host": host,
        "--port": str(port),
        "--working-dir": str(Path(__file__).resolve().parent.parent),
        "--workers": str(workers),
        "--backlog": str(CONNECTIONS),
        "--backpressure": str(CONNECTIONS),  # this server counts connections, not requests
        "--http1-buffer-size": str(HEADER_LIMIT),
        "--http1-header-read-timeout": str(HEADER_SECONDS * 1000),
        "--workers-kill-timeout": str(STOP_SECONDS),
        # Below an error it says that it kills workers that have ended: two of its threads wait for each, and one may come too late
        "--log-level": "error",
    }
    return [
        *(sys.executable, "-m", "commons.granian_server"),
        *(word for option in options.items() for word in option),
        *("--no-ws", target),
    ]


class Refused(Exception):
    """A request that no thread will see, and the status that says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Bridge:
    """An ASGI application in front of a WSGI one, which answers in a few threads.

    A thread keeps its request from beginning to end, `close()` included, so its database connection is its own. An answer
    that asks for it becomes an event stream (`commons/streams.py`), which needs no thread either.
    """

    def __init__(self, wsgi: WSGI, threads: int = THREADS, streams: "Streams | None" = None) -> None:
        self.wsgi = wsgi
        self.size = threads
        self.streams = streams
        self.threads: Threads | None = None  # started with the first request: the process is its own by then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        loop = asyncio.get_running_loop()
        if self.threads is None:
            allow_many_connections()
            self.threads = Threads(self.size, self.wsgi, loop)
            if self.streams:
                self.streams.begin()
        try:
            with await whole_body(scope, receive) as body:
                since = loop.time()
                answer = await self.threads.ask(scope, body)
            if self.streams and (member := self.streams.wanted(answer)):
                await self.streams.hold(member, answer, since, receive, send)
                return
        except Refused as refused:
            await refuse(refused.status, receive, send)
        else:
            await give(answer, scope["method"], receive, send)


# The request


async def whole_body(scope: Scope, receive: Receive) -> IO[bytes]:
    """The body, all of it, as a file. Raises Refused when it is too long (413), too slow (408) or broken off (400)."""
    length = declared_length(scope)
    if length == 0:
        return io.BytesIO()
    limit = body_limit(scope)
    if length is not None and length > limit:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body: IO[bytes] = io.BytesIO()
    until = asyncio.get_running_loop().time() + BODY_SECONDS
    size, more = 0, True
    try:
        while more:
            async with asyncio.timeout_at(until + size / BODY_RATE):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(HTTPStatus.BAD_REQUEST)
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            body = write_to(body, part)
            more = message.get("more_body", False)
    except TimeoutError:
        body.close()
        raise Refused(HTTPStatus.REQUEST_TIMEOUT) from None
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body


def write_to(body: IO[bytes], part: bytes) -> IO[bytes]:
    """Write on what came of a body, and give where it is: in memory, or in a temporary file once it is long.

    Where the disk is full, it stays in memory, as long as it is no longer than a form without files may be. Raises Refused
    (507) for a longer one.
    """
    size = body.tell() + len(part)
    if isinstance(body, io.BytesIO):
        body.write(part)
        return body if size <= BODY_IN_MEMORY else _in_file(body)
    before = body.tell()
    try:
        write_all(body, part)
        return body
    except OSError:
        if size > BODY_LIMIT:
            raise Refused(HTTPStatus.INSUFFICIENT_STORAGE) from None
        body.seek(0)
        in_memory = io.BytesIO()
        in_memory.write(body.read(before) + part)
        body.close()
        return in_memory


def _in_file(body: io.BytesIO) -> IO[bytes]:
    """Move a body from memory to a file; where the disk has no room, leave it there, or raise Refused (507)."""
    try:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed by who gets it)
        write_all(file, body.getvalue())
        return file
    except OSError:
        if body.tell() > BODY_LIMIT:
            raise Refused(HTTPStatus.INSUFFICIENT_STORAGE) from None
        return body


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of it. A disk that is nearly full takes a part, and raises OSError at the next."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def body_limit(scope: Scope) -> int:
    """How many bytes the body may have. Only a form with files may be long, and only from a browser with a session."""
    headers = dict(scope["headers"])
    has_files = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
    return UPLOAD_LIMIT if has_files and b"sessionid=" in headers.get(b"cookie", b"") else BODY_LIMIT


def declared_length(scope: Scope) -> int | None:
    """How long the body says it is; None when it comes in chunks. Without either header there is none (RFC 9112, 6.3)."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            said = parse_number(value.decode("latin-1"))
            if said is None:
                raise Refused(HTTPStatus.BAD_REQUEST)
            length = said
    return length


async def refuse(status: HTTPStatus, receive: Receive, send: Send) -> None:
    """Say so at once, then read on for a moment: a client cut off while it sends never sees the answer (RFC 9112, 9.6)."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": WORDS[status].encode()})
    if status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return
    size, more = 0, True
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while more and size < DRAIN_LIMIT:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
    except TimeoutError:
        pass


WORDS = {
    HTTPStatus.BAD_REQUEST: "What you sent did not arrive whole. Please try again.\n",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is too much at once. A text may have 200,000 characters, and a file "
    f"{FILE_LIMIT // MIB} MB.\n",
    HTTPStatus.REQUEST_TIMEOUT: "What you sent took too long to arrive. Please try again.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too many are asking at this moment. Please try again in a few seconds.\n",
    HTTPStatus.INSUFFICIENT_STORAGE: "There is no room for files at this moment. Please try again later.\n",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side.\n",
}

# What is the same in every request (PEP 3333)
ENVIRON = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "commons",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
}


def environ_of(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333): text is bytes read as latin-1, the path without its percent signs."""
    path = scope.get("raw_path")
    path = scope["path"].encode() if path is None else unquote_to_bytes(path) if b"%" in path else path
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    version = scope["http_version"]
    environ = {
        **ENVIRON,
        "wsgi.file_wrapper": Pieces,
        "wsgi.input": body,
        "wsgi.url_scheme": scope["scheme"],
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{'1.0' if version == '1' else version}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
    }
    for header, value in scope["headers"]:
        name = environ_name(header)
        if not name:
            continue
        text = value.decode("latin-1")
        if name in environ:
            text = f"{environ[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{text}"
        environ[name] = text
    if environ.pop("HTTP_TRANSFER_ENCODING", None):  # the body is whole by now, and its length is known
        environ["CONTENT_LENGTH"] = str(body.seek(0, os.SEEK_END))
        body.seek(0)
    return environ


@lru_cache(maxsize=512)
def environ_name(header: bytes) -> str:
    """What WSGI calls a header; empty for a name with an underscore, which could pass for another header."""
    name = header.decode("latin-1").upper()
    if "_" in name:
        return ""
    name = name.replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


@lru_cache(maxsize=512)
def header_name(name: str) -> bytes:
    return name.lower().encode("latin-1")


# The answer


@dataclass
class Answer:
    """What the commons says: all of it, or its beginning and the rest."""

    status: int
    headers: Headers
    start: bytes
    rest: "Rest | None" = None


class Rest:
    """What follows the beginning of a long answer, in a file. The thread writes at its pace, the client reads at its own."""

    def __init__(self, file: IO[bytes], tell: Callable[..., None] | None = None, *, at: int = 0, whole: bool = False):
        self.file = file
        self.at = at
        self.whole = whole
        self.tell = tell
        self.failed = False
        self.unwanted = False
        self.more = asyncio.Event()

    def fill(self, pieces: Iterator[bytes]) -> None:
        """Write all there is (in a thread), or until nobody wants it any more."""
        assert self.tell
        try:
            for piece in pieces:
                if self.unwanted:
                    break
                write_all(self.file, piece)
                self.tell(self.more.set)
        except BaseException:
            self.failed = True
            raise
        finally:
            self.whole = True
            self.tell(self.more.set)

    async def read(self) -> bytes:
        """The next part as soon as there is one (in the loop); empty at the end."""
        while True:
            whole = self.whole
            if part := os.pread(self.file.fileno(), READ, self.at):
                self.at += len(part)
                return part
            if self.failed:
                raise ConnectionAbortedError("the answer broke off; so must the connection, or it would pass for whole")
            if whole:
                return b""
            self.more.clear()
            await self.more.wait()

    def drop(self) -> None:
        """Nobody reads on: the thread stops at its next piece, and the file goes with the last who holds it."""
        self.unwanted = True
        if self.whole:
            self.file.close()


class Pieces:
    """`wsgi.file_wrapper` (PEP 3333): a file as an answer. A real file is sent by the loop, and keeps no thread."""

    def __init__(self, file: Any, size: int = READ) -> None:
        self.file = file
        self.size = READ
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.size), b"")

    def long_file(self) -> Rest | None:
        """What is yet to be read, if it is a file on disk and too long for memory: open beyond this one's `close()`."""
        if not isinstance(self.file, io.BufferedReader):
            return None
        at = self.file.tell()
        if os.fstat(self.file.fileno()).st_size - at <= ANSWER_IN_MEMORY:
            return None
        return Rest(os.fdopen(os.dup(self.file.fileno()), "rb", buffering=0), at=at, whole=True)


async def give(answer: Answer, method: str, receive: Receive, send: Send) -> None:
    """Send an answer as fast as its reader takes it.

    What is sent at once is copied into the server's memory until it is read. A long answer is therefore sent in parts:
    `send` waits while the connection is full.
    """
    headers = [(header_name(name), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.rest is None and len(answer.start) <= ANSWER_IN_MEMORY:
        await send({"type": "http.response.body", "body": answer.start})
        return
    gone = asyncio.ensure_future(until_gone(receive))
    try:
        if method != "HEAD":
            async for part in parts(answer):
                await send({"type": "http.response.body", "body": part, "more_body": True})
                if gone.done():
                    return
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        if answer.rest:
            answer.rest.drop()


async def parts(answer: Answer) -> AsyncIterator[bytes]:
    """An answer bit by bit, as it comes."""
    for at in range(0, len(answer.start), READ):
        yield answer.start[at : at + READ]
    while answer.rest and (part := await answer.rest.read()):
        yield part


async def until_gone(receive: Receive) -> None:
    """Wait until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def temporary_file() -> IO[bytes] | None:
    """A file for the rest of a long answer; None where the disk has no room for one, and the answer stays in memory."""
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError as trouble:
        log.warning("A long answer is kept in memory: %s", trouble)
        return None


# The threads


@dataclass
class Work:
    """One request on its way through a thread."""

    scope: Scope
    body: IO[bytes]
    answer: "asyncio.Future[Answer]"


class Threads:
    """A fixed number of threads that take requests in turn; two that a slow database never holds; and one that asks after it."""

    def __init__(self, size: int, wsgi: WSGI, loop: asyncio.AbstractEventLoop) -> None:
        self.wsgi = wsgi
        self.loop = loop
        self.waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.light: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.ready: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.news: deque[Callable[[], object]] = deque()
        self.loop_is_told = False
        sorts = ("request", size, self.waiting), ("light", LIGHT_THREADS, self.light), ("ready", 1, self.ready)
        for name, threads, waiting in sorts:
            for number in range(threads):
                threading.Thread(target=self.run, args=[waiting], name=f"{name}-{number + 1}", daemon=True).start()

    async def ask(self, scope: Scope, body: IO[bytes]) -> Answer:
        """Have a request answered. Raises Refused (503) when too many wait already."""
        waiting = self.line_for(scope)
        if waiting.qsize() >= WAITING:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        work = Work(scope, body, self.loop.create_future())
        waiting.put(work)
        return await work.answer

    def line_for(self, scope: Scope) -> "queue.SimpleQueue[Work]":
        """The line in which a request waits. (What is not as it should be, as a form sent to `HEALTH`, may get a page that asks
        who reads it.)
        """
        path, reads = scope.get("path", ""), scope.get("method") in ("GET", "HEAD")
        if path.startswith(STATIC) or (path == HEALTH and reads):
            return self.light
        return self.ready if path == READY and reads else self.waiting

    def run(self, waiting: "queue.SimpleQueue[Work]") -> None:
        """What each thread does: one request after another."""
        while True:
            work = waiting.get()
            try:
                self.work_on(work)
            except BaseException:  # a thread must outlive whatever Django did not answer itself
                log.exception("A request ended without an answer")
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                self.hand_over(work, Answer(status, [("Content-Type", "text/plain")], WORDS[status].encode()))
            del work

    def work_on(self, work: Work) -> None:
        """Let the commons answer one request."""
        answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, [], b"")
        start: list[bytes] = []

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
            answer.status, answer.headers = int(status.split(" ", 1)[0]), headers
            return start.append

        result = self.wsgi(environ_of(work.scope, work.body), start_response)
        try:
            if isinstance(result, Pieces) and (rest := result.long_file()):
                answer.rest = rest
                self.hand_over(work, answer)
            else:
                self.gather(iter(result), start, answer, work)
        finally:
            if hasattr(result, "close"):
                result.close()

    def gather(self, pieces: Iterator[bytes], start: list[bytes], answer: Answer, work: Work) -> None:
        """Hand over the answer's pieces. When they are many, hand over what there is, and write the others to a file."""
        size = 0
        for piece in pieces:
            start.append(piece)
            size += len(piece)
            if size > ANSWER_IN_MEMORY and (file := temporary_file()):
                answer.rest = Rest(file, self.tell)
                break
        answer.start = b"".join(start)
        self.hand_over(work, answer)
        if answer.rest:
            answer.rest.fill(pieces)

    def hand_over(self, work: Work, answer: Answer) -> None:
        """Give the answer back to the loop; once only."""

        def answered() -> None:
            if not work.answer.done():
                work.answer.set_result(answer)

        self.tell(answered)

    def tell(self, news: Callable[[], object]) -> None:
        """Have the loop call this soon. Many threads with news wake it but once."""
        self.news.append(news)
        if not self.loop_is_told:
            self.loop_is_told = True
            self.loop.call_soon_threadsafe(self.listen)

    def listen(self) -> None:
        self.loop_is_told = False
        while self.news:
            self.news.popleft()()


def allow_many_connections() -> None:
    """Let this process have as many files open as it may: each connection is one, and a long body or answer another."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(3 * CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
