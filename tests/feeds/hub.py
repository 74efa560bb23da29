"""A WebSub hub and a subscriber (W3C Recommendation), small and real: they talk over HTTP, each on a port of its own."""

import hashlib
import hmac
import re
import secrets
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit


@contextmanager
def serving(answer):
    """A server on this machine whose every request goes to `answer(method, target, headers, body)` -> (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _any  # noqa: N815 - the server looks for these names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Hub:
    """Verifies that a subscriber means it (section 5.3), and brings it the topic whenever a publisher says it changed (7)."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, tuple[str, bytes]] = {}  # topic -> callback, secret
        self.pinged: list[list[str]] = []  # what each ping named
        self.working: list[threading.Thread] = []

    def answer(self, method, target, headers, body):
        form = parse_qs(body.decode())
        mode = form.get("hub.mode", [""])[0]
        if method != "POST" or mode not in {"subscribe", "publish"}:
            return 400, b"hub.mode is wrong"
        do = self.verify if mode == "subscribe" else self.distribute
        self.working.append(threading.Thread(target=do, args=(form,), daemon=True))
        self.working[-1].start()
        return 202, b""

    def verify(self, form):
        topic, callback = form["hub.topic"][0], form["hub.callback"][0]
        challenge = secrets.token_hex()
        asked = {"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": challenge, "hub.lease_seconds": 864000}
        with urllib.request.urlopen(f"{callback}?{urlencode(asked)}") as answer:
            if answer.read().decode() == challenge:
                self.subscriptions[topic] = (callback, form["hub.secret"][0].encode())

    def distribute(self, form):
        self.pinged.append(form["hub.url"])
        for topic in self.subscriptions.keys() & set(form["hub.url"]):
            callback, secret = self.subscriptions[topic]
            with urllib.request.urlopen(topic) as answer:
                kind, content, links = answer.headers["Content-Type"], answer.read(), answer.headers["Link"]
            signature = f"sha256={hmac.new(secret, content, hashlib.sha256).hexdigest()}"
            headers = {"Content-Type": kind, "Link": links, "X-Hub-Signature": signature}
            urllib.request.urlopen(urllib.request.Request(callback, content, headers)).close()

    def rest(self):
        """Wait until it has done what it was asked for."""
        for thread in self.working:
            thread.join(10)


class Subscriber:
    """Finds a feed's hub (section 4), subscribes there, and takes what the hub brings, if it is signed with the secret."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex().encode()
        self.wanted: set[str] = set()
        self.received: Queue[tuple[str, bytes]] = Queue()

    def answer(self, method, target, headers, body):
        if method == "GET":
            asked = dict(parse_qsl(urlsplit(target).query))
            if asked.get("hub.topic") not in self.wanted:
                return 404, b""
            return 200, asked["hub.challenge"].encode()
        signature = f"sha256={hmac.new(self.secret, body, hashlib.sha256).hexdigest()}"
        if hmac.compare_digest(signature, headers["X-Hub-Signature"] or ""):
            self.received.put((links_of(headers["Link"])["self"], body))
        return 202, b""

    def subscribe(self, address: str, callback: str) -> None:
        with urllib.request.urlopen(address) as answer:
            links = links_of(answer.headers["Link"])
        self.wanted.add(links["self"])
        form = {
            "hub.mode": "subscribe",
            "hub.topic": links["self"],
            "hub.callback": callback,
            "hub.secret": self.secret.decode(),
        }
        with urllib.request.urlopen(links["hub"], urlencode(form).encode()) as answer:
            assert answer.status == 202


def links_of(header: str) -> dict[str, str]:
    """The addresses in a Link header (RFC 8288), by relation."""
    return {relation: address for address, relation in re.findall(r'<([^>]*)>; rel="([^"]*)"', header or "")}
