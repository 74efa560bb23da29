"""A whole commons for the browser: a database of its own, the sample, the shipped web server, and real Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bench.measure import free_port, serving
from commons import news
from commons import serving as web

QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PASSWORD = "learning-in-the-open"
expect.set_options(timeout=20_000)  # what is to come, comes later on a machine with much to do
# What a browser says of answers that a test asks for, and of a line that it cuts
EXPECTED = (
    "Failed to load resource: the server responded with a status of 4",
    *("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Browser tests come last: Playwright leaves an event loop running, beside which Django asks no database."""
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: "/browser/" in str(item.path))


@pytest.fixture(scope="session")
def environment(worker_id, tmp_path_factory) -> dict[str, str]:
    """What the browser's commons, and whoever works for it, find in their environment."""
    port, folder = free_port(), tmp_path_factory.mktemp("var")
    return {
        **os.environ,
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/commons_browser_{worker_id}").geturl(),
        "COMMONS_VAR": str(folder),
        "STATIC_ROOT": str(folder / "static"),
        "PORT": str(port),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "TRIAL": "1",
        "MAIL_REPLY_HOST": "reply.commons.example",
        "SECRET_KEY": "not-a-secret-" * 4,
    }


@pytest.fixture(scope="session")
def site(environment) -> Iterator[str]:
    """The address of a commons filled with the sample."""
    name = urlsplit(environment["DATABASE_URL"]).path.strip("/")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    done = subprocess.run(
        [sys.executable, "-m", "commons.prepare"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    port = int(environment["PORT"])
    # Documents and pictures are read as soon as they are sent; what else waits, tests have done when they say so
    worker = subprocess.Popen([sys.executable, "-m", "tests.lanes", "documents", "pictures"], env=environment)
    try:
        with serving(web.command("127.0.0.1", port, 1), port, env=environment, path="/healthz"):
            yield environment["SITE_URL"]
    finally:
        worker.terminate()
        worker.wait(30)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=QUIET)


@pytest.fixture
def open_page(chromium, site, environment) -> Iterator["Opener"]:
    """Opens pages in browsers of their own; at the end none of them may have complained."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        database.execute("DELETE FROM commons_ratelimit")  # of the same few people, who did much in the tests before
    opener = Opener(chromium, site)
    yield opener
    complaints = opener.complaints
    opener.close()
    assert not complaints


class Opener:
    """Makes browser contexts: each is one person at one device."""

    def __init__(self, chromium: Browser, site: str) -> None:
        self.chromium, self.site = chromium, site
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(self, *, width: int = 1280, scripts: bool = True, dark: bool = False, member: str = "") -> Page:
        context = self.chromium.new_context(
            base_url=self.site,
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",  # looked at when it stands still
        )
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if member:
            page.goto("/accounts/login/")
            page.fill("#id_login", member)
            page.fill("#id_password", PASSWORD)
            page.click("main button:has-text('Sign in')")
            page.wait_for_url("**/")
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not any(words in text for words in EXPECTED):
            self.complaints.append(text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()


class Commons:
    """The browser's commons from behind: what its worker and its verbs would do there."""

    def __init__(self, environment):
        self.environment = environment
        self.connection = psycopg.connect(environment["DATABASE_URL"])

    def run(self, query, email):
        with self.connection.transaction():
            found = self.connection.execute(query, {"email": email, "channel": news.CHANNEL})
            row = found.fetchone() if found.description else None
            return row[0] if row else None

    def notify(self, email):
        """Write one more notification; gives how many wait now."""
        self.run(
            "INSERT INTO knowledge_notification (member_id, activity_id, what, why, kind, cadence, at)"
            " SELECT m.id, a.id, 'comments', 'own', '', 'site', now() FROM accounts_member m, commons_activity a"
            " WHERE m.email = %(email)s AND NOT EXISTS"
            " (SELECT FROM knowledge_notification n WHERE n.member_id = m.id AND n.activity_id = a.id)"
            " ORDER BY a.id LIMIT 1 RETURNING pg_notify(%(channel)s, member_id::text)",
            email,
        )
        return self.run(
            "SELECT count(*) FROM knowledge_notification n JOIN accounts_member m ON m.id = n.member_id"
            " WHERE m.email = %(email)s AND n.read_at IS NULL",
            email,
        )

    def read_all(self, email):
        self.run(
            "WITH these AS (UPDATE knowledge_notification SET read_at = now() FROM accounts_member m"
            " WHERE m.id = member_id AND m.email = %(email)s AND read_at IS NULL RETURNING member_id)"
            " SELECT pg_notify(%(channel)s, member_id::text) FROM (SELECT DISTINCT member_id FROM these) d",
            email,
        )

    def a_minute_passes(self):
        """Do what the worker does every minute about mail, and the jobs that wait."""
        command = [sys.executable, "manage.py", "procrastinate", "defer", "letters", '{"timestamp": 0}']
        subprocess.run(command, env=self.environment, capture_output=True, check=False)  # or it waits already
        self.work()

    def work(self):
        """Do the jobs that wait."""
        command = [sys.executable, "manage.py", "procrastinate", "worker", "--one-shot"]
        subprocess.run(command, env=self.environment, capture_output=True, check=True)


@pytest.fixture
def commons(site, environment):
    own = Commons(environment)
    yield own
    own.connection.close()
