"""Streams: pages that stay open and hear of news, held in the event loop of the web server without a thread.

A view hands its connection over by the header `news.HEADER` in its answer: it has decided who asks, and that they may. What
it answers is said first; after that the stream says, as server-sent events, only that there is news. One connection to the
database in each process hears for whom. docs/decisions/0002-web-server.md says what was measured.
"""

import asyncio
import faulthandler
import logging
import os
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from commons import news
from commons.db import silence
from commons.serving import STOP_SECONDS, Answer, Receive, Refused, Send, header_name, until_gone

log = logging.getLogger(__name__)

STREAMS = 2000  # a process; one more is answered 503
STREAMS_A_MEMBER = 5  # a process; one more ends the oldest
BEAT_SECONDS = 25  # how often an idle stream says that it lives: proxies close silent connections, often after 30 s
LONGEST_SECONDS = 30 * 60  # then the browser comes back and is asked again who it is
RETRY_SECONDS = 2, 7  # when it comes back after an end: some sooner, some later
REST_SECONDS = 1  # from one piece of news to the next on a stream; what comes sooner is said in one
SPREAD_SECONDS = 1  # over which many pages hear of the same: each of them asks the commons at once
SPREAD_RATE = 500  # pages a second, when they are fewer
TOLD_SECONDS = 60  # how long it is remembered that a member was told: longer than a stream's request takes
PAUSES = 0.25, 5  # from one try to reach the database to the next, doubled each time
QUIET_SECONDS = 30  # after so long it is asked whether the database still answers: no news may be a dead line

BEAT = b":\n\n"
ENOUGH = b"event: enough\ndata: 1\n\n"  # stay away: newer pages of the same member have taken the place


class Stream:
    """One open page, and what is to be said to it."""

    def __init__(self, member: int) -> None:
        self.member = member
        self.loop = asyncio.get_running_loop()
        self.woken = asyncio.Event()
        self.has_news = False
        self.ended = False
        self.last_words = b""
        self.rests_until = 0.0

    def hear(self) -> None:
        """There is news. It is said at once, or when the last is a moment past."""
        if not self.has_news:
            self.has_news = True
            self.loop.call_at(self.rests_until, self.woken.set)

    def end(self, last_words: bytes = b"") -> None:
        """Say no more than these words."""
        self.last_words = self.last_words or last_words
        self.ended = True
        self.woken.set()

    async def words(self) -> AsyncIterator[bytes]:
        """What is said, when it is to be said."""
        until = self.loop.time() + LONGEST_SECONDS
        while not self.ended and (now := self.loop.time()) < until:
            try:
                async with asyncio.timeout_at(min(now + BEAT_SECONDS, until)):
                    await self.woken.wait()
            except TimeoutError:
                yield BEAT
                continue
            self.woken.clear()
            if self.has_news and not self.ended:
                self.has_news = False
                self.rests_until = self.loop.time() + REST_SECONDS
                yield news.EVENT
        yield self.last_words


class Streams:
    """All streams of this process, and the connection that hears whom to tell."""

    def __init__(self, database: Mapping[str, Any]) -> None:
        self.database = database
        self.of: defaultdict[int, list[Stream]] = defaultdict(list)  # a member's streams, the oldest first
        self.open = 0
        self.told: dict[int, float] = {}  # when a member was told last; the latest at the end
        self.listening: asyncio.Task[None] | None = None
        self.stopping = False

    def begin(self) -> None:
        """Hear of the end before the server does. The server waits for what is under way, and a stream always is.

        It treats SIGINT as it does SIGTERM, and is told by that once the streams have ended.
        """
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)

    def stop(self) -> None:
        """End everything here, then have the server stop. Where that takes long, the log says what each thread was doing."""
        if not self.stopping:  # whoever stops it may ask again and again
            faulthandler.dump_traceback_later(STOP_SECONDS - 1)
        self.stopping = True
        for stream in self.all():
            stream.end()
        if self.listening:
            self.listening.cancel()
        os.kill(os.getpid(), signal.SIGINT)

    def all(self) -> list[Stream]:
        return [stream for streams in self.of.values() for stream in streams]

    # One stream

    @staticmethod
    def wanted(answer: Answer) -> int | None:
        """The member whose stream this answer is to become; None for an ordinary one."""
        for name, value in answer.headers:
            if name == news.HEADER:
                return int(value)
        return None

    async def hold(self, member: int, answer: Answer, since: float, receive: Receive, send: Send) -> None:
        """Keep the connection, and say what there is to say until one side ends it. `since`: when it was asked for."""
        if self.open >= STREAMS:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        stream = self.opened(member, since)
        gone = asyncio.ensure_future(until_gone(receive))
        gone.add_done_callback(lambda _: stream.end())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers_of(answer)})
            retry = random.randint(*(1000 * seconds for seconds in RETRY_SECONDS))  # noqa: S311 - no secret
            await send(part(b"retry: %d\n\n" % retry + answer.start))
            async for words in stream.words():
                if gone.done():
                    return
                await send(part(words))
            await send(part(b"", more=False))
        finally:
            gone.cancel()
            self.closed(stream)

    def opened(self, member: int, since: float) -> Stream:
        """A new stream; the member's oldest ends when there are too many. Who was told meanwhile, hears it now."""
        stream = Stream(member)
        theirs = self.of[member]
        theirs.append(stream)
        self.open += 1
        if len(theirs) > STREAMS_A_MEMBER:
            theirs.pop(0).end(ENOUGH)
        if self.told.get(member, -1) >= since:
            stream.hear()
        if self.stopping:
            stream.end()
        elif self.listening is None:
            self.listening = asyncio.create_task(self.listen())
        return stream

    def closed(self, stream: Stream) -> None:
        self.open -= 1
        theirs = self.of[stream.member]
        if stream in theirs:
            theirs.remove(stream)
        if not theirs:
            del self.of[stream.member]

    # What is heard

    async def listen(self) -> None:
        """Hear what `news.tell` says, in this process's one connection for it, which comes back when it was lost.

        After each beginning all streams are told that there is news, since some may have gone unheard.
        """
        pause, longest = PAUSES
        while True:
            try:
                async with await silence.AsyncConnection.connect(
                    **{
                        "connect_timeout": silence.CONNECT_SECONDS,
                        "application_name": "commons news",
                        **self.database,
                    },
                    autocommit=True,
                ) as connection:
                    await connection.execute(f"LISTEN {news.CHANNEL}")
                    pause, _ = PAUSES
                    tell(self.all())
                    while True:
                        async for message in connection.notifies(timeout=QUIET_SECONDS):
                            self.pass_on(message.payload)
                        await connection.execute("SELECT 1")
            except Exception as trouble:  # noqa: BLE001 - whatever it is, the next try may do better
                if pause == PAUSES[0]:
                    log.warning("Open pages hear no news until the database answers again: %s", first_line(trouble))
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            pause = min(pause * 2, longest)

    def pass_on(self, message: str) -> None:
        """Tell the pages of whom a message names, or end them."""
        now = asyncio.get_running_loop().time()
        told: list[Stream] = []
        for word in message.split(","):
            with suppress(ValueError):  # not one of ours
                member = int(word)
                theirs = self.of.get(abs(member), [])
                if member < 0:
                    for stream in theirs:
                        stream.end()
                else:
                    told += theirs
                    self.told.pop(member, None)
                    self.told[member] = now
        tell(told)
        while self.told and self.told[oldest := next(iter(self.told))] < now - TOLD_SECONDS:
            del self.told[oldest]


def tell(streams: list[Stream]) -> None:
    """Have all these say that there is news: a few at once, many within a second."""
    loop, spread = asyncio.get_running_loop(), min(SPREAD_SECONDS, len(streams) / SPREAD_RATE)
    for stream in streams:
        loop.call_later(random.uniform(0, spread), stream.hear)  # noqa: S311 - no secret


def headers_of(answer: Answer) -> Iterable[tuple[bytes, bytes]]:
    """What the commons said, but for what a stream is: endless, kept by nobody, and not collected by a proxy."""
    headers = {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
    }
    left_out = {*headers, b"content-length", header_name(news.HEADER)}
    kept = ((header_name(name), value.encode("latin-1")) for name, value in answer.headers)
    return [*headers.items(), *((name, value) for name, value in kept if name not in left_out)]


def part(words: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": words, "more_body": more}


def first_line(trouble: BaseException) -> str:
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0]
