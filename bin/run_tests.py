"""Run the tests: against a real PostgreSQL, with the static files as they are shipped, and in a real browser.

    python -m bin.run_tests [--long] ARGUMENTS FOR PYTEST ...

--long runs the tests that take minutes too, after the others and one at a time: they kill, cut and fill things, and want the
machine for themselves.

DATABASE_URL names the server to use; without it one of the tests' own is started, under var/, and stopped at the end.
CHROMIUM names the browser; without it one is looked for, and got where that may be. Where none can be had the rest runs, and
the last lines say what did not; with COMMONS_REQUIRE_BROWSER=1 that is a failure. So it is with Dovecot, an IMAP server, and
COMMONS_REQUIRE_IMAP=1, but that none is got. Ends with pytest's exit code.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from commons import embedded
from commons.steps import Refused, step

ROOT = Path(__file__).resolve().parent.parent
MOST_WORKERS = 4
LONG = "--long"
INTERRUPTED, NONE_FOUND = 2, 5  # pytest's exit codes for Ctrl-C, and where no test was asked for
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a host may set; the tests bring their own
OF_THE_HOST = {
    "ALLOWED_HOSTS", "ANYMAIL_PROVIDER", "DEV", "EMAIL_URL", "HOLD_FIRST_POSTS", "HOST", "INBOUND_IMAP_URL", "KEPT_PAGES",
    "LOCK_TIMEOUT", "MAIL_FROM", "MAIL_REPLY_HOST", "PORT", "SITE_CONTACT", "SITE_NAME", "SITE_URL", "STATEMENT_TIMEOUT", "TRIAL",
    "TRUSTED_PROXIES", "VAPID_PRIVATE_KEY", "WEB_THREADS", "WEB_WORKERS",
}  # fmt: skip


def main() -> None:
    arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    var = Path(os.environ.get("COMMONS_VAR") or ROOT / "var").resolve()
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_HOST}
    environment |= {"COMMONS_VAR": str(var), "STATIC_ROOT": str(var / "static")}
    environment["DJANGO_SETTINGS_MODULE"] = "commons.settings"
    try:
        with _alone(var), _database(var, environment):
            _collect_static_files(environment)
            environment |= _browser(arguments) | _imap()
            # pytest's own place for files is shared by all runs, which close it to the databases' user
            arguments.append(f"--basetemp={var / 'test-files'}")
            code = _run_all([argument for argument in arguments if argument != LONG], environment, LONG in arguments)
    except (Refused, embedded.DatabaseTrouble) as refused:
        sys.exit(str(refused))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code)


@contextlib.contextmanager
def _alone(var: Path) -> Iterator[None]:
    """Refuse a second run beside this one: both would use the same databases."""
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = (var / "test.lock").open("w")
    except OSError as trouble:
        raise Refused(f"Nothing can be kept in {var}: {trouble.strerror or trouble}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(
                f"The tests are running already in {var}: wait, or set COMMONS_VAR to another folder."
            ) from None
        yield


@contextlib.contextmanager
def _database(var: Path, environment: dict[str, str]) -> Iterator[None]:
    """Have DATABASE_URL name a server in `environment`; stop that server at the end if it was started for the tests."""
    if environment.get("DATABASE_URL"):
        yield
        return
    folder = var / "test-database"
    try:
        with step("Starting a database for the tests"):
            environment["DATABASE_URL"] = _start(folder)
        yield
    finally:
        embedded.stop(folder)


def _start(folder: Path) -> str:
    """Start the tests' server and give its address. It is quick because it is careless, so a broken folder is made anew."""
    try:
        return embedded.start(folder, settings=embedded.FOR_TESTS)
    except embedded.DatabaseTrouble:
        shutil.rmtree(folder, ignore_errors=True)
        return embedded.start(folder, settings=embedded.FOR_TESTS)


def _collect_static_files(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "commons.prepare", "--static-only"]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:  # noqa: S603
        raise Refused("The static files could not be collected; what it says stands above.")


def _run_all(arguments: list[str], environment: dict[str, str], long: bool) -> int:
    """Run pytest, and once more for the long tests where they are wanted; give the exit code that says most."""
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    code = _run_pytest(["-n", str(workers), "--dist", "loadgroup", *arguments], environment)
    if not long or code == INTERRUPTED:
        return code
    then = _run_pytest([*arguments, LONG, "-n", "0"], environment)
    return code if then in (0, NONE_FOUND) and code != NONE_FOUND else then


def _run_pytest(arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest and give its exit code. Ctrl-C reaches pytest too, which then says how far it came."""
    command = [sys.executable, "-m", "pytest", "-p", "bin.without"]
    pytest = subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment)  # noqa: S603
    try:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return pytest.wait()
    finally:
        pytest.terminate()  # only where this program was told to end
        pytest.wait()


# The IMAP server


def _imap() -> dict[str, str]:
    """What the environment says about the IMAP server: where it is, or why there is none."""
    path = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None or not shutil.which("openssl"):
        return {"COMMONS_NO_IMAP": "Dovecot, or openssl, is not installed"}
    return {"COMMONS_DOVECOT": path}


# The browser


def _browser(arguments: list[str]) -> dict[str, str]:
    """What the environment says about the browser: where it is, or why there is none."""
    found = _found_browser()
    if found is None and _wants_browser(arguments):
        why = _get_browser()
        found = _found_browser()
        if found is None:
            return {"CHROMIUM": "", "COMMONS_NO_BROWSER": why}
    if found is None:
        return {"CHROMIUM": "", "COMMONS_NO_BROWSER": "no Chromium was found, and none was got for so few tests"}
    return {"CHROMIUM": found}


def _wants_browser(arguments: list[str]) -> bool:
    """Whether a browser is worth getting: for the whole run, or one that names the browser tests."""
    paths = [argument for argument in arguments if (ROOT / argument.split("::")[0]).exists()]
    return not paths or any("browser" in argument for argument in arguments)


def _found_browser() -> str | None:
    """The path of a Chromium that runs: the one CHROMIUM names, one of this machine, or Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        if path := shutil.which(named):
            return path
        raise Refused(f"CHROMIUM names {named}, which is no program.")
    on_path = (path for name in BROWSERS if (path := shutil.which(name)))
    return next((path for path in on_path if _runs(path)), None) or _playwrights_browser()


def _playwrights_browser() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and _runs(path) else None


def _runs(browser: str) -> bool:
    """Whether it starts at all: some systems have only a note of that name, or lack a library it needs."""
    try:
        return subprocess.run([browser, "--version"], capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def _get_browser() -> str:
    """Install a browser: Debian's where this is root on Debian, else Playwright's. Gives the reason, should that fail."""
    ways = [("Playwright’s Chromium", [[sys.executable, "-m", "playwright", "install", "chromium"]])]
    if os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get"):
        apt = [["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"]]
        ways.insert(0, ("Debian’s Chromium", apt))
    reasons = []
    for name, commands in ways:
        with step(f"Installing {name} for the browser tests"):
            why = _trouble_with(commands)
        if why is None and _found_browser():
            return ""
        reasons.append(f"{name}: {why or 'installed, but it does not run here'}")
    return "; ".join(reasons)


def _trouble_with(commands: list[list[str]]) -> str | None:
    """Run commands, one after the other, until one fails; gives the last line it wrote, or None when all went well."""
    for command in commands:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            check=False,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
            errors = [line for line in lines if "error" in line.lower() or line.startswith("E:")]
            return (errors or lines or [f"{command[0]} failed"])[-1]
    return None


if __name__ == "__main__":
    main()
