"""A pytest plugin: where no browser can be had, the tests marked `browser` are skipped, and the last lines say so.

`bin.run_tests` sets COMMONS_NO_BROWSER to the reason. With COMMONS_REQUIRE_BROWSER=1 such a run fails.
"""

import os

import pytest

WHY = os.environ.get("COMMONS_NO_BROWSER", "")
REQUIRED = os.environ.get("COMMONS_REQUIRE_BROWSER") == "1"


@pytest.hookimpl(trylast=True)  # others mark theirs first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if WHY:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=f"no browser: {WHY}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if REQUIRED and exitstatus == 0 and _missed(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if missed := _missed(config):
        reporter.section("NOT EVERYTHING RAN", sep="!", red=True, bold=True)
        reporter.line(f"{missed} browser tests did not run: {WHY}.")
        reporter.line("Install Chromium, or name one with CHROMIUM=, and run bin/test again.")
        if REQUIRED:
            reporter.line("COMMONS_REQUIRE_BROWSER=1 counts this as failure.", red=True)


def _missed(config: pytest.Config) -> int:
    """How many tests were skipped for want of a browser, as the process that writes the report knows."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if not WHY or reporter is None:
        return 0
    return sum("browser" in report.keywords for report in reporter.stats.get("skipped", []))
