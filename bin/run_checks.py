"""What a change must pass before it lands, besides the tests. Needs no database server.

The checks run beside each other. Each gives one line, and what it printed only when it fails. Ends with 1 if any failed.
"""

import os
import re
import secrets
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent

# The slow ones first, so that the quick ones fill the time beside them
CHECKS = {
    "missing migrations": [
        "python",
        "-W",
        "ignore::RuntimeWarning",
        "manage.py",
        "makemigrations",
        "--check",
        "--dry-run",
    ],
    "types": ["mypy"],
    "templates": ["djlint", "templates", "--lint", "--quiet"],
    "settings for a real site": ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "import layers": ["lint-imports"],
    "locks": ["python", "-m", "bin.run_checks", "locks"],
    "lint": ["ruff", "check"],
    "format": ["ruff", "format", "--check", "--quiet"],
}

# A real site's settings, apart from the names: an address with TLS, a key of its own, a database server (never asked here:
# `makemigrations` only warns, after a few seconds, that none answers)
REAL_SITE = {
    "SITE_URL": "https://commons.example",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DATABASE_URL": "postgresql://nobody@%2Fnonexistent/nothing",
    "DJANGO_SETTINGS_MODULE": "commons.settings",
}
OF_A_TRIAL = ("DEV", "TRIAL")


def main() -> None:
    failed = 0
    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as beside:
        running = {beside.submit(_run, command): name for name, command in CHECKS.items()}
        for done in as_completed(running):
            code, output, seconds = done.result()
            print(f"{'ok    ' if code == 0 else 'FAILED'}  {running[done]} ({seconds:.1f} s)", flush=True)
            if code:
                failed += 1
                print("\n".join(f"        {line}" for line in output.strip().splitlines()), flush=True)
    if failed:
        sys.exit(f"{failed} of {len(CHECKS)} checks failed.")
    print(f"All {len(CHECKS)} checks passed.")


def _run(command: list[str]) -> tuple[int, str, float]:
    """Run a tool of this environment; gives its exit code, what it printed and the seconds it took."""
    since = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_TRIAL} | REAL_SITE
    done = subprocess.run(  # noqa: S603
        [str(TOOLS / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, time.monotonic() - since


# The locks


def check_locks() -> list[str]:
    """What in requirements/ is not, or no longer, what pyproject.toml asks for: a sentence each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    main, dev = _locked("main"), _locked("dev")
    asked = [Requirement(text) for text in project["dependencies"]]
    asked_dev = [Requirement(text) for text in project["optional-dependencies"]["dev"]]
    complaints = [*_differences("main", asked, main), *_differences("dev", asked + asked_dev, dev)]
    for name, (version, _) in main.items():
        if dev.get(name, ("", False))[0] != version:
            complaints.append(f"requirements/dev.txt must hold {name} {version}, as requirements/main.txt does.")
    return complaints


def _locked(lock: str) -> dict[str, tuple[str, bool]]:
    """Each package of a lock: its version, and whether pyproject.toml itself asked for it when the lock was made."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    found: dict[str, tuple[str, bool]] = {}
    for entry in entries:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", entry)
        if match:
            found[canonicalize_name(match[1])] = (match[2], "commons (pyproject.toml)" in entry)
    return found


def _differences(lock: str, asked: list[Requirement], locked: dict[str, tuple[str, bool]]) -> list[str]:
    complaints = []
    names: dict[str, Requirement] = {canonicalize_name(requirement.name): requirement for requirement in asked}
    for name, requirement in names.items():
        version, _ = locked.get(name, ("", False))
        if not version:
            complaints.append(f"requirements/{lock}.txt lacks {name}.")
        elif not requirement.specifier.contains(version, prereleases=True):
            complaints.append(f"requirements/{lock}.txt holds {name} {version}; pyproject.toml asks for {requirement}.")
    for name, (_, direct) in locked.items():
        if direct and name not in names:
            complaints.append(f"requirements/{lock}.txt holds {name} for pyproject.toml, which no longer asks for it.")
    return complaints


if __name__ == "__main__":
    if sys.argv[1:] == ["locks"]:
        if found := check_locks():
            sys.exit("\n".join([*found, "The first lines of each lock say how it is made."]))
    else:
        main()
