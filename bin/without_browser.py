"""A pytest plugin: where no browser can be had, the tests marked `browser` are skipped, and the last lines say so.

`bin.run_tests` sets COMMONS_NO_BROWSER to the reason. With COMMONS_REQUIRE_BROWSER=1 such a run fails.
"""

import os

import pytest

WHY = os.environ.get("COMMONS_NO_BROWSER", "")
REQUIRED = os.environ.get("COMMONS_REQUIRE_BROWSER") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if WHY:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=f"no browser: {WHY}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if REQUIRED and exitstatus == 0 and _missed(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if missed := _missed(config):
        terminalreporter.section("NOT EVERYTHING RAN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{missed} browser tests did not run: {WHY}.")
        terminalreporter.line("Install Chromium, or name one with CHROMIUM=, and run bin/test again.")
        if REQUIRED:
            terminalreporter.line("COMMONS_REQUIRE_BROWSER=1 counts this as failure.", red=True)


def _missed(config: pytest.Config) -> int:
    """How many tests were skipped for want of a browser, as the process that writes the report knows."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if not WHY or reporter is None:
        return 0
    return sum("browser" in report.keywords for report in reporter.stats.get("skipped", []))
