"""When the database goes away: our page at once, nothing typed is lost, and everything mends itself when it is back."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path

import psycopg
import pytest

from bench.measure import ask, free_port, serving
from commons import embedded, health
from commons import serving as web
from commons.faults import NOTHING
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A folder on a disk of its own, small enough to be filled; on the machine's where none can be mounted."""
    folder = tmp_path_factory.mktemp("faults")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", folder], capture_output=True, check=False
    )
    yield folder
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def proxy(small_disk):
    """The line from the commons to its database."""
    proxy = Proxy(str(small_disk / "database"))
    yield proxy
    proxy.end()


@pytest.fixture(scope="module")
def environment(tmp_path_factory, proxy):
    """What the programs of this commons find in their environment."""
    return {
        **os.environ,
        "DATABASE_URL": proxy.url,
        "COMMONS_VAR": str(tmp_path_factory.mktemp("var")),
        "TRIAL": "1",
        "SECRET_KEY": "not-a-secret-" * 4,
        "STATEMENT_TIMEOUT": "60s",  # what is under test is the line, on a machine that may be busy
    }


@pytest.fixture(scope="module")
def alone(small_disk, environment):
    """A commons of its own: a database that a test may stop, and the shipped web server."""
    folder = small_disk / "database"
    embedded.start(folder, settings=embedded.FOR_TESTS)
    port = free_port()
    environment |= {
        "SITE_URL": f"http://127.0.0.1:{port}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "commons.prepare", "--empty"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with serving(web.command("127.0.0.1", port, 1), port, env=environment, path="/healthz"):
        yield folder, port
    embedded.stop(folder)


def until(port: int, path: str, status: int, seconds: float = 30) -> None:
    """Wait until a page answers so; fail when it does not within a time that says something is wrong."""
    end = time.monotonic() + seconds
    while (seen := ask(port, path, timeout=20).status) != status:
        assert time.monotonic() < end, f"{path} still answers {seen}"
        time.sleep(0.1)


def test_readers_get_our_page_and_everything_recovers_by_itself(alone):
    folder, port = alone
    assert ask(port, "/issue-areas/housing/").status == 200
    embedded.stop(folder)
    for path in ("/", "/issue-areas/housing/", "/search/?q=x", "/feed.atom", "/posts/1/x/", "/drafts/shared/abc/"):
        answer = ask(port, path, headers={"Referer": "http://["}, timeout=20)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert b"Back in a moment" in answer.body
        # It is guarded as every other page
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == (
            "no-referrer" if "shared" in path else "strict-origin-when-cross-origin"
        )
    assert ask(port, "/healthz").status == 200
    assert ask(port, "/readyz", timeout=20).status == 503
    embedded.start(folder, settings=embedded.FOR_TESTS)
    for path in ("/", "/issue-areas/housing/", "/search/?q=x", "/feed.atom"):
        until(port, path, 200)


def sign_in_form(port: int) -> tuple[urllib.request.OpenerDirector, str, str]:
    """A browser at the sign-in form, the form's address and its token."""
    address = f"http://127.0.0.1:{port}/accounts/login/"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = browser.open(address).read().decode()
    return browser, address, form.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]


def test_what_was_typed_comes_back_with_the_page(alone):
    folder, port = alone
    browser, address, token = sign_in_form(port)
    typed = {
        "csrfmiddlewaretoken": token,
        "login": "somebody-with-a-long-name@people.example",
        "password": "not-to-be-shown",
    }
    embedded.stop(folder)
    try:
        with pytest.raises(urllib.error.HTTPError) as away:
            browser.open(address, urllib.parse.urlencode(typed).encode())
    finally:
        embedded.start(folder, settings=embedded.FOR_TESTS)
    page = away.value.read().decode()
    assert away.value.code == 503
    assert "somebody-with-a-long-name@people.example" in page
    assert "not-to-be-shown" not in page
    assert 'name="csrfmiddlewaretoken" value="' in page
    until(port, "/accounts/login/", 200)


def kill_connections(folder: Path) -> None:
    with psycopg.connect(embedded.url(folder), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'commons'"
        )


def test_a_connection_killed_while_idle_is_noticed_by_no_reader(alone):
    folder, port = alone
    until(port, "/issue-areas/housing/", 200)
    kill_connections(folder)
    for number in range(6):
        assert ask(port, f"/search/?q=word{number}").status == 200


def test_nor_by_anyone_who_sends_a_form(alone):
    folder, port = alone
    browser, address, token = sign_in_form(port)
    typed = {"csrfmiddlewaretoken": token, "login": "nobody@people.example", "password": "wrong"}
    for _ in range(6):
        kill_connections(folder)
        answer = browser.open(address, urllib.parse.urlencode(typed).encode())
        assert "nobody@people.example" in answer.read().decode()


def test_the_database_folder_is_nobody_elses(alone):
    folder, _ = alone
    assert Path(folder).stat().st_mode & 0o077 == 0


# A line that says nothing


@pytest.mark.parametrize("new", [True, False], ids=["for everybody", "for the connections that are there"])
def test_a_silent_line_holds_nobody_for_long(alone, proxy, new):
    _, port = alone
    style = re.search(r'href="(/static/[^"]+[.]css)"', ask(port, "/").body.decode())[1]
    with ThreadPoolExecutor(web.THREADS) as several:
        list(several.map(lambda n: ask(port, f"/search/?q=word{n}"), range(web.THREADS)))  # each thread has its line
        with proxy.silent(new=new):
            held = [several.submit(ask, port, f"/search/?q=held{n}", timeout=20) for n in range(web.THREADS)]
            time.sleep(0.2)
            assert ask(port, style, timeout=20).status == 200
            assert not any(answer.done() for answer in held), "a style sheet waits for nobody"
            assert ask(port, "/healthz", timeout=20).status == 200
            assert (ask(port, "/readyz", timeout=20).body.find(b'"database": false') > 0) is new
            assert {answer.result().status for answer in held} == {503 if new else 200}
            # Once it is known, nobody waits for it
            assert ask(port, "/search/?q=later", timeout=20).status == (503 if new else 200)
    until(port, "/search/?q=again", 200)


def test_a_style_sheet_waits_for_nothing_that_asks_the_database(alone, proxy):
    _, port = alone
    style = re.search(r'href="(/static/[^"]+[.]css)"', ask(port, "/").body.decode())[1]
    signed_in = {"Cookie": f"sessionid={'a' * 32}"}
    asked = [("/readyz", "GET"), ("/readyz", "HEAD"), ("/healthz", "POST"), ("/healthz/", "GET"), ("/readyz", "GET")]
    with ThreadPoolExecutor(len(asked)) as several, proxy.silent():
        held = [several.submit(ask, port, path, method=method, headers=signed_in, timeout=30) for path, method in asked]
        time.sleep(0.2)
        for number in range(3):
            missing = ask(port, f"/static/nothing-{number}.css", headers=signed_in)
            assert (missing.status, missing.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert ask(port, style).status == 200
        assert ask(port, "/healthz", headers=signed_in).status == 200
        assert not all(answer.done() for answer in held)
        assert {answer.result().status for answer in held} == {503}
    until(port, "/readyz?for=readers", 200)


def test_a_form_sent_over_a_silent_line_is_shown_again(alone, proxy):
    _, port = alone
    browser, address, token = sign_in_form(port)
    typed = {"csrfmiddlewaretoken": token, "login": "somebody-else@people.example", "password": "wrong"}
    with proxy.silent(), pytest.raises(urllib.error.HTTPError) as away:
        browser.open(address, urllib.parse.urlencode(typed).encode(), timeout=20)
    page = away.value.read().decode()
    assert away.value.code == 503
    assert "somebody-else@people.example" in page
    assert NOTHING in page
    until(port, "/accounts/login/", 200)


def test_a_statement_that_the_server_works_on_is_waited_for(alone, environment):
    ask_long = (
        "import django; django.setup(); from django.db import connection; from commons.db import silence\n"
        "cursor = connection.cursor(); cursor.execute('SELECT pg_sleep(%s)', [3 * silence.LOOK_AFTER]); print('done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask_long],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "done\n", done.stderr


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "commons.worker"], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def test_a_worker_whose_line_falls_silent_ends_and_the_next_one_does_what_waits(
    alone, environment, proxy, made, small_disk, tmp_path
):
    def waits(condition: str) -> bool:
        with psycopg.connect(embedded.url(small_disk / "database")) as direct:
            return direct.execute(f"SELECT EXISTS ({condition})").fetchone()[0]

    def wait_for_end_of(condition: str) -> None:
        end = time.monotonic() + 60
        while waits(condition):
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)

    undone = "SELECT FROM procrastinate_jobs WHERE task_name = 'announce' AND status IN ('todo', 'doing')"
    log = tmp_path / "worker.log"
    with worker(environment, log) as first:
        wait_for_end_of(undone)
        with proxy.silent():
            assert first.wait(90) == 1, log.read_text()
    assert "it has lost the database" in log.read_text()
    with psycopg.connect(embedded.url(small_disk / "database"), autocommit=True) as direct:
        direct.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE task_name = 'announce'")
    with worker(environment, log):
        wait_for_end_of(undone)


# A disk that is full


MAKE_POSTS = """
import django; django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.conf import settings
from tests.make import make_member, make_organization, make_post
member = make_member()
make_organization(member)
posts = [make_post(member, f"Seen {number}") for number in range(3)]
session = SessionStore()
session.update({SESSION_KEY: str(member.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0]})
session[HASH_SESSION_KEY] = member.get_session_auth_hash()
session.save()
print(session.session_key, *(post.get_absolute_url() for post in posts))
"""


@pytest.fixture(scope="module")
def made(alone, environment):
    """A member's session, and the addresses of three posts that nobody has read yet."""
    made = subprocess.run(
        [sys.executable, "-c", MAKE_POSTS], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    session, *posts = made.stdout.split()
    return session, posts


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Within this, nothing more goes onto the disk of a folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Within this the database takes no writes, as a copy of another that follows it."""
    set_default(folder / "database", "on")
    try:
        yield
    finally:
        set_default(folder / "database", "off")


def set_default(folder: Path, is_read_only: str) -> None:
    with psycopg.connect(embedded.url(folder), autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER DATABASE commons SET default_transaction_read_only = {is_read_only}")
    kill_connections(folder)


@pytest.mark.parametrize("refusing", [full, read_only])
def test_where_nothing_can_be_kept_readers_read_and_writers_keep_their_words(alone, made, small_disk, refusing):
    _, port = alone
    if refusing is full and not os.path.ismount(small_disk):
        pytest.skip("no small disk can be mounted here")
    until(port, "/readyz?for=readers", 200)  # the line that it asks over may be one that fell silent before
    session, posts = made
    post, word = posts[0 if refusing is full else 1], f"Kept {uuid.uuid4()}"
    address = f"http://127.0.0.1:{port}"
    signed_in = {"Cookie": f"sessionid={session}"}
    form = ask(port, f"{posts[2]}comment/", headers=signed_in)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.body.decode())[1]
    cookies = f"sessionid={session}; {form.headers['set-cookie'].partition(';')[0]}"
    typed = {"csrfmiddlewaretoken": token, "body": f"{word} " + secrets.token_hex(9_000), "key": uuid.uuid4()}
    body = urllib.parse.urlencode(typed).encode()
    sends = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", "Origin": address}
    with refusing(small_disk):
        for headers in (signed_in, {}):
            for path in (post, "/", "/search/?q=seen", "/feed.atom"):
                assert ask(port, path, headers=headers).status == 200, path
        refused = ask(port, f"{post}comment/", method="POST", headers=sends, body=body)
        assert refused.status == 503
        assert "Nothing can be kept just now" in refused.body.decode()
        assert NOTHING in refused.body.decode()
        assert word in refused.body.decode()
        time.sleep(health.TRIED_EVERY)
        ready = ask(port, "/readyz")
        assert (ready.status, json.loads(ready.body)["writes"]) == (503, False)
        assert ask(port, "/readyz?for=readers").status == 200
    assert ask(port, f"{post}comment/", method="POST", headers=sends, body=body).status == 302
    assert word in ask(port, post).body.decode()
    time.sleep(health.TRIED_EVERY)
    assert json.loads(ask(port, "/readyz").body)["writes"] is True
