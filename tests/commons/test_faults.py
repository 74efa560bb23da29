"""When the database goes away: our page at once, nothing typed is lost, and everything mends itself when it is back."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import psycopg
import pytest

from bench.measure import ask, free_port, serving
from commons import embedded
from commons import serving as web

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A commons of its own: a database that a test may stop, and the shipped web server."""
    folder = tmp_path_factory.mktemp("faults") / "database"
    var = tmp_path_factory.mktemp("var")
    address = embedded.start(folder, settings=embedded.FOR_TESTS)
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "COMMONS_VAR": str(var),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "TRIAL": "1",
        "SECRET_KEY": "not-a-secret-" * 4,
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
    for path in ("/", "/issue-areas/housing/", "/search/?q=x", "/feed.atom", "/posts/1/x/"):
        answer = ask(port, path, timeout=20)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert b"Back in a moment" in answer.body
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
