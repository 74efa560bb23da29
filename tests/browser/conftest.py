"""A whole commons for the browser: a database of its own, the sample, the shipped web server, and real Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.measure import free_port, serving
from commons import serving as web

QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PASSWORD = "learning-in-the-open"


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def site(worker_id, tmp_path_factory) -> Iterator[str]:
    """The address of a commons filled with the sample."""
    name = f"commons_browser_{worker_id}"
    address = urlsplit(os.environ["DATABASE_URL"])
    own = address._replace(path=f"/{name}").geturl()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    port = free_port()
    folder = tmp_path_factory.mktemp("var")
    environment = {
        **os.environ,
        "DATABASE_URL": own,
        "COMMONS_VAR": str(folder),
        "STATIC_ROOT": str(folder / "static"),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "TRIAL": "1",
        "SECRET_KEY": "not-a-secret-" * 4,
    }
    done = subprocess.run(
        [sys.executable, "-m", "commons.prepare"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with serving(web.command("127.0.0.1", port, 1), port, env=environment, path="/healthz"):
        yield f"http://127.0.0.1:{port}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=QUIET)


@pytest.fixture
def open_page(chromium, site) -> Iterator["Opener"]:
    """Opens pages in browsers of their own; at the end none of them may have complained."""
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
        if kind == "error" and "Failed to load resource: the server responded with a status of 4" not in text:
            self.complaints.append(text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
