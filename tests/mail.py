"""A real mail server in this process, which keeps what it is given, and can be told to misbehave."""

import asyncio
import contextlib
import email.policy
import re
import socket
import threading
import time
from email import message_from_bytes
from email.message import EmailMessage as Letter

import dj_email_url
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from knowledge import jobs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send_codes() -> None:
    """Do what the worker does at once about mail that somebody waits for."""
    jobs.codes(0)


class Post:
    """Keeps what a mail server is given: to whom, and the letter. `answers` says what it answers to whom instead."""

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], Letter]] = []
        self.senders: list[str] = []  # the envelopes' senders, to which mail comes back
        self.answers: dict[str, str] = {}  # address -> what RCPT is answered with
        self.slow_for: dict[str, float] = {}  # address -> seconds until DATA is answered
        self.slow_to_greet: list[float] = []  # seconds until each line is greeted, in their order; then none
        self.closes_after = 0  # mails on one line, after which it is closed; 0: never
        self.closes_with = "421 4.7.0 That was enough on this line"  # or nothing: the line is cut
        self.lines: list[tuple[str, int]] = []  # the lines on which mail came: who called, one entry for each mail
        self.under_way = self.most_under_way = 0
        self.drops_after: set[str] = set()  # addresses for whom the mail is taken, and the line cut before the answer

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if self.closes_after and self.lines.count(session.peer) >= self.closes_after:
            if not self.closes_with:
                server.transport.abort()
            return self.closes_with
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session, envelope) -> str:  # noqa: N802
        address = envelope.rcpt_tos[0]
        self.lines.append(session.peer)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        if address in self.slow_for:
            await asyncio.sleep(self.slow_for[address])
        self.under_way -= 1
        self.senders.append(envelope.mail_from)
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=email.policy.default)))
        if address in self.drops_after:
            assert server.transport is not None
            server.transport.abort()
        return "250 Taken"

    def to(self, address: str) -> list[Letter]:
        """The letters that came for an address, in their order."""
        return [letter for to, letter in self.letters if address in to]


class Hanging:
    """A mail server that takes every line, and never says a word on it, or no more than these: the first at once, each other when
    it was told something. With `on_and_on` it says the last of them again and again. `called` counts those who came."""

    def __init__(self, *words: bytes, on_and_on: bool = False) -> None:
        self.words, self.on_and_on = words, on_and_on
        self.called: list[socket.socket] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.called.append(self.listening.accept()[0])
                threading.Thread(target=self._talk, args=[self.called[-1]], daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number, word in enumerate(self.words):
                if number:
                    line.recv(1 << 16)
                line.sendall(word)
            while self.on_and_on:
                time.sleep(0.05)
                line.sendall(self.words[-1])

    def close(self) -> None:
        for line in (self.listening, *self.called):
            line.close()


def text_of(letter: Letter) -> str:
    """What one reads who reads mail as plain text."""
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[union-attr]


def html_of(letter: Letter) -> str:
    """What one reads who reads mail as HTML."""
    return letter.get_body(("html",)).get_content()  # type: ignore[union-attr]


def links_of(letter: Letter) -> list[str]:
    """The addresses in a letter's text, in their order."""
    return re.findall(r"https?://\S+", text_of(letter))


class Greeting(SMTP):
    """What speaks on one line, and may take its time to begin."""

    async def _handle_client(self) -> None:
        slow = self.event_handler.slow_to_greet
        await asyncio.sleep(slow.pop(0) if slow else 0)
        await super()._handle_client()


class Serving(Controller):
    def factory(self) -> SMTP:
        return Greeting(self.handler, **self.SMTP_kwargs)


def serve(post: Post, **options) -> Controller:
    """A mail server on this machine that hands its mail to `post`; its address is `post.url`."""
    controller = Serving(post, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    post.url = f"smtp://127.0.0.1:{controller.port}"  # type: ignore[attr-defined]
    return controller


def send_to(url: str, settings) -> None:
    """Send mail as a site does whose EMAIL_URL is this."""
    for name, value in dj_email_url.parse(url).items():
        if name.startswith("EMAIL_") and name != "EMAIL_FILE_PATH":
            setattr(settings, name, value)
