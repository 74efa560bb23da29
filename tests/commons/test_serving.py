"""The shipped server command and the bridge behind it, over real sockets; serving_target.py says what it answers."""

import asyncio
import hashlib
import io
import json
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bench import measure
from bench.slow_clients import slow_clients
from commons import serving
from tests.commons import serving_target

LARGE = serving_target.LARGE
PATIENCE = 20


@contextmanager
def served(**environment):
    """A server of one process; gives it and its port."""
    port = measure.free_port()
    command = serving.command(measure.HOST, port, 1, "tests.commons.serving_target:application")
    with measure.serving(command, port, env=environment, path="/counts") as process:
        yield process, port


@pytest.fixture(scope="module")
def server():
    """A server that waits half a second for a body."""
    with served(TEST_BODY_SECONDS="0.5") as (process, port):
        yield process, port


@pytest.fixture
def port(server):
    return server[1]


def connected(port, *sent):
    line = socket.create_connection((measure.HOST, port), timeout=PATIENCE)
    for data in sent:
        line.sendall(data)
    return line


def said(port, *sent):
    """The answer to these bytes."""
    with connected(port, *sent) as line:
        return measure.read_answer(line)


def environ(port, *sent):
    """What the commons sees of the request these bytes are."""
    answer = said(port, *sent)
    assert answer.status == 200
    return json.loads(answer.body)


def head(path="/echo", method="GET", **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def assert_hung_up(line):
    """The server has closed this connection, or cut it off."""
    with suppress(ConnectionResetError):
        assert line.recv(1 << 16) == b""


# Bodies


def test_a_body_arrives_whole(port):
    body = os.urandom(serving.BODY_IN_MEMORY * 3)
    answer = measure.ask(port, "/echo", method="POST", body=body)
    seen = json.loads(answer.body)
    assert seen["body"] == hashlib.sha256(body).hexdigest()
    assert seen["CONTENT_LENGTH"] == str(len(body))


def test_a_body_in_chunks_arrives_whole_with_its_length(port):
    chunks = b"3\r\nabc\r\n" + b"5\r\ndefgh\r\n" + b"0\r\n\r\n"
    seen = environ(port, head(method="POST", Transfer_Encoding="chunked"), chunks)
    assert seen["body"] == hashlib.sha256(b"abcdefgh").hexdigest()
    assert seen["CONTENT_LENGTH"] == "8"
    assert "HTTP_TRANSFER_ENCODING" not in seen


def test_an_empty_body_in_chunks(port):
    seen = environ(port, head(method="POST", Transfer_Encoding="chunked"), b"0\r\n\r\n")
    assert seen["CONTENT_LENGTH"] == seen["body length"] == "0"


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(port):
    with connected(port, head(method="POST", Content_Length=serving.BODY_LIMIT + 1)) as line:
        answer = measure.read_answer(line)
        assert answer.status == 413
        assert b"too much at once" in answer.body


def test_who_sends_too_much_all_the_same_can_read_the_refusal(port):
    body = b"a" * (serving.BODY_LIMIT + 1)
    assert said(port, head(method="POST", Content_Length=len(body)), body).status == 413


def test_a_body_in_chunks_that_grows_too_long_is_refused(port):
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    chunks = chunk * (serving.BODY_LIMIT // 0x10000 + 1)
    assert said(port, head(method="POST", Transfer_Encoding="chunked"), chunks).status == 413


def test_the_longest_body_is_let_in(port):
    body = b"a" * serving.BODY_LIMIT
    assert environ(port, head(method="POST", Content_Length=len(body)), body)["body length"] == str(len(body))


FILES = {"Content_Type": "multipart/form-data; boundary=x"}


def test_a_form_with_files_may_be_long_from_a_browser_with_a_session(port):
    body = b"a" * (serving.BODY_LIMIT + 1)
    asked = head(method="POST", Content_Length=len(body), Cookie="sessionid=x", **FILES)
    assert environ(port, asked, body)["body length"] == str(len(body))
    too_long = head(method="POST", Content_Length=serving.UPLOAD_LIMIT + 1, Cookie="sessionid=x", **FILES)
    assert said(port, too_long).status == 413


@pytest.mark.parametrize("headers", [FILES, {"Cookie": "sessionid=x"}])
def test_any_other_body_may_not(port, headers):
    assert said(port, head(method="POST", Content_Length=serving.BODY_LIMIT + 1, **headers)).status == 413


@pytest.mark.parametrize("start", [b"", b"some of it"])
def test_a_body_that_never_ends_is_refused_and_the_connection_closed(port, start):
    with connected(port, head(method="POST", Content_Length=1000), start) as line:
        answer = measure.read_answer(line)
        assert answer.status == 408
        assert answer.headers["connection"] == "close"
        assert_hung_up(line)


def test_a_body_that_keeps_coming_may_take_longer():
    slow = head(method="POST", Content_Length=100), b"a" * 99
    with served(TEST_BODY_SECONDS="0.5", TEST_BODY_RATE="1") as (_, port), connected(port, *slow) as line:
        time.sleep(1)
        line.sendall(b"a")
        assert measure.read_answer(line).status == 200


@pytest.mark.parametrize("length", ["abc", "-1", "+1", "1_0", "1.5", "", "9" * 30, "1, 2"])
def test_a_length_that_is_no_number_is_a_bad_request(port, length):
    assert said(port, head(method="POST", Content_Length=length), b"a").status in (400, 413)


@pytest.mark.parametrize("length", [b"abc", b"-1", b"+1", b"1_0", b"", b" 1", "²".encode()])
def test_the_bridge_does_not_rely_on_the_server_for_that(length):
    with pytest.raises(serving.Refused) as refused:
        serving.declared_length({"headers": [(b"content-length", length)]})
    assert refused.value.status == 400


def test_a_client_that_hangs_up_before_its_body_is_whole_never_reaches_the_commons(port):
    before = counts(port)
    connected(port, head(method="POST", Content_Length=1000), b"some of it").close()
    time.sleep(0.2)
    assert counts(port) == before


# Requests


def test_a_request_as_the_commons_sees_it(port):
    seen = environ(port, head("/a%2Fb/%C3%A9/%ff?q=%C3%A9&r", X_One="1", Content_Type="text/x-test"))
    assert seen["REQUEST_METHOD"] == "GET"
    assert seen["PATH_INFO"].encode("latin-1") == b"/a/b/\xc3\xa9/\xff"
    assert seen["QUERY_STRING"] == "q=%C3%A9&r"
    assert seen["HTTP_X_ONE"] == "1"
    assert seen["HTTP_HOST"] == "localhost"
    assert seen["CONTENT_TYPE"] == "text/x-test"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["REMOTE_ADDR"] == measure.HOST
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == (measure.HOST, str(port))
    assert seen["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("path", ["//evil.example/a", "/%", "/%zz", "/a//b", "/%00"])
def test_odd_paths_are_passed_on(port, path):
    expected = {"/%00": "/\0"}.get(path, path)
    assert environ(port, head(path))["PATH_INFO"] == expected


def test_a_whole_address_as_path(port):
    assert environ(port, head("http://localhost/a?b=c"))["PATH_INFO"] == "/a"


def test_an_old_client(port):
    with connected(port, b"GET /echo HTTP/1.0\r\n\r\n") as line:
        answer = measure.read_answer(line)
        assert json.loads(answer.body)["SERVER_PROTOCOL"] == "HTTP/1.0"
        assert_hung_up(line)


def test_a_header_with_an_underscore_is_dropped(port):
    seen = environ(port, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_For: 1.2.3.4\r\nX-Real: 1\r\n\r\n")
    assert "HTTP_X_FORWARDED_FOR" not in seen
    assert seen["HTTP_X_REAL"] == "1"


def test_headers_that_come_twice_are_joined(port):
    twice = b"Cookie: a=1\r\nCookie: b=2\r\nAccept: text/html\r\nAccept: text/plain\r\n\r\n"
    seen = environ(port, b"GET /echo HTTP/1.1\r\nHost: localhost\r\n" + twice)
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["HTTP_ACCEPT"] == "text/html,text/plain"


def test_a_header_that_is_not_ascii(port):
    assert environ(port, head(User_Agent="caf\xe9"))["HTTP_USER_AGENT"] == "caf\xe9"


def test_a_body_in_broken_chunks_is_a_bad_request(port):
    assert said(port, head(method="POST", Transfer_Encoding="chunked"), b"1\r\na\r\nzz\r\n").status == 400


def test_a_length_said_twice_counts_once(port):
    twice = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"
    assert environ(port, twice)["CONTENT_LENGTH"] == "3"


def test_two_requests_at_once_on_one_connection(port):
    with connected(port, head("/one") + head("/two")) as line:
        data = b""
        while data.count(b'"PATH_INFO"') < 2:
            data += line.recv(1 << 16)
    assert re.findall(rb'"PATH_INFO": "([^"]+)"', data) == [b"/one", b"/two"]


def test_what_asgi_may_leave_out():
    """A server that listens on a Unix socket knows no client, and need not give the path as it came."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/50%25/é",  # decoded already: not to be decoded again
        "query_string": b"",
        "headers": [],
        "client": None,
        "server": None,
    }
    seen = serving.environ_of(scope, io.BytesIO())
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/50%25/é"
    assert seen["REMOTE_ADDR"] == ""
    assert seen["SERVER_NAME"]


# Answers


def counts(port):
    """How many answers the commons has begun, and how many were closed: equal once all is quiet."""
    until = time.monotonic() + PATIENCE
    while True:
        called, closed = json.loads(measure.ask(port, "/counts").body)
        if called == closed or time.monotonic() > until:
            return called, closed
        time.sleep(0.05)


@pytest.mark.parametrize("path", ["/long", "/sized", "/large", "/file"])
def test_a_long_answer_arrives_whole(port, path):
    answer = measure.ask(port, path)
    assert answer.status == 200
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(LARGE).digest()


@pytest.mark.parametrize("path", ["/long", "/sized", "/file"])
def test_a_slow_reader_gets_a_long_answer_whole(port, path):
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((measure.HOST, port))
        line.sendall(head(path))
        time.sleep(0.5)
        line.settimeout(PATIENCE)
        assert hashlib.sha256(measure.read_answer(line).body).digest() == hashlib.sha256(LARGE).digest()


def test_a_short_file(port):
    assert measure.ask(port, "/short-file").body == b"short"


def test_status_and_headers_arrive(port):
    with connected(port, head("/missing")) as line:
        data = line.recv(1 << 16).lower()
    assert data.startswith(b"http/1.1 404")
    assert b"set-cookie: a=1\r\n" in data
    assert b"set-cookie: b=2\r\n" in data


@pytest.mark.parametrize("path", ["/echo", "/long", "/sized", "/file"])
def test_head_has_no_body(port, path):
    with connected(port, head(path, "HEAD")) as line:
        answer = measure.read_answer(line, to_head=True)
        assert answer.status == 200
        line.sendall(head("/counts"))
        following = measure.read_answer(line)  # were there a body, it would stand before this one
        assert following.body.startswith(b"[")


@pytest.mark.parametrize("path", ["/raises", "/raises-first"])
def test_an_exception_is_a_500_and_the_threads_live_on(port, path):
    for _ in range(10):  # more than there are threads
        answer = measure.ask(port, path)
        assert answer.status == 500
        assert b"on purpose" not in answer.body
    assert measure.ask(port, "/echo").status == 200


def test_an_answer_that_breaks_off_does_not_pass_for_a_whole_one(port):
    for _ in range(5):
        with pytest.raises((measure.Broken, ConnectionError)):
            measure.ask(port, "/breaks")
    assert measure.ask(port, "/echo").status == 200


@pytest.mark.parametrize("path", ["/echo", "/long", "/large", "/file", "/short-file", "/raises-first", "/breaks"])
def test_every_answer_is_closed(port, path):
    before, _ = counts(port)
    try:
        measure.ask(port, path)
    except (measure.Broken, ConnectionError):
        assert path == "/breaks"
    assert counts(port) == (before + 1, before + 1)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/endless", "/file", "/large"])
def test_a_reader_who_hangs_up_ends_the_answer(port, path, method):
    before, _ = counts(port)
    for _ in range(5):  # more than there are threads
        with connected(port, head(path, method)) as line:
            line.recv(1000)
    assert counts(port) == (before + 5, before + 5)


def test_nothing_stays_open(server):
    process, port = server

    def open_files():
        for path in ("/long", "/file", "/endless", "/large"):
            with connected(port, head(path)) as line:
                line.recv(1000)
        measure.ask(port, "/echo", method="POST", body=b"a" * serving.BODY_IN_MEMORY * 2)
        counts(port)
        time.sleep(0.2)
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in measure.family([process.pid]))

    first = open_files()
    for _ in range(4):
        last = open_files()
    assert last < first + 4  # each round that left one open would add one


# Slow clients, and the end


@pytest.mark.parametrize("kind", ["headers", "body", "reading"])
def test_honest_readers_are_answered_beside_a_hundred_slow_clients(kind):
    with served() as (_, port), slow_clients(kind, 100, port):
        for number in range(10):
            method, body = ("POST", b"a" * 1000) if number % 2 else ("GET", b"")
            assert measure.ask(port, "/echo", method=method, body=body, timeout=PATIENCE).status == 200


def test_more_requests_than_threads_are_answered_in_turn(port):
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: measure.ask(port, "/slow").status, range(12)))
    assert answers == [200] * 12


def test_sigterm_finishes_what_is_under_way():
    with served() as (process, port):
        with connected(port, head("/slow")) as line, connected(port) as idle:
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert measure.read_answer(line).status == 200
            assert_hung_up(idle)
        assert process.wait(PATIENCE) == 0


def test_too_many_waiting_requests_are_sent_away(monkeypatch):
    monkeypatch.setattr(serving, "WAITING", 0)

    async def asked():
        sent = []
        bridge = serving.Bridge(lambda *_: [], threads=1)
        scope = {"type": "http", "method": "GET", "headers": []}

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await bridge(scope, receive, send)
        return sent

    with ThreadPoolExecutor(1) as aside:  # a browser's loop may be running in this thread
        start, body = aside.submit(asyncio.run, asked()).result()
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert body["body"]
