"""A pytest plugin: where something cannot be had that tests drive (a browser, an IMAP server), they are skipped, and the last
lines say so.

Tests that take minutes (marked `long`) run with --long, and with it nothing else does.

`bin.run_tests` sets COMMONS_NO_BROWSER and COMMONS_NO_IMAP to the reason. With COMMONS_REQUIRE_BROWSER=1, or
COMMONS_REQUIRE_IMAP=1, such a run fails.
"""

import os
from typing import NamedTuple

import pytest


class Lack(NamedTuple):
    """Something that cannot be had, and the tests that want it."""

    marker: str
    name: str
    why: str
    hint: str
    required: str  # the variable that counts it as failure


LACKS = [
    lack
    for lack in (
        Lack(
            "browser",
            "browser",
            os.environ.get("COMMONS_NO_BROWSER", ""),
            "Install Chromium, or name one with CHROMIUM=, and run bin/test again.",
            "COMMONS_REQUIRE_BROWSER",
        ),
        Lack(
            "imap",
            "IMAP server",
            os.environ.get("COMMONS_NO_IMAP", ""),
            "Install Dovecot (Debian: dovecot-imapd), and run bin/test again.",
            "COMMONS_REQUIRE_IMAP",
        ),
    )
    if lack.why
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, and no others")


@pytest.hookimpl(trylast=True)  # others mark theirs first
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        others = [item for item in items if not item.get_closest_marker("long")]
        items[:] = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=others)
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: runs with --long"))
    for lack in LACKS:
        for item in items:
            if item.get_closest_marker(lack.marker):
                item.add_marker(pytest.mark.skip(reason=f"no {lack.name}: {lack.why}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == 0 and any(_counts(lack) and _missed(session.config, lack) for lack in LACKS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for lack in LACKS:
        if missed := _missed(config, lack):
            reporter.section("NOT EVERYTHING RAN", sep="!", red=True, bold=True)
            reporter.line(f"{missed} {lack.name} tests did not run: {lack.why}.")
            reporter.line(lack.hint)
            if _counts(lack):
                reporter.line(f"{lack.required}=1 counts this as failure.", red=True)


def _counts(lack: Lack) -> bool:
    return os.environ.get(lack.required) == "1"


def _missed(config: pytest.Config, lack: Lack) -> int:
    """How many tests were skipped for want of it, as the process that writes the report knows."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return 0
    return sum(lack.marker in report.keywords for report in reporter.stats.get("skipped", []))
