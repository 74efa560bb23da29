"""Make the virtual environment from a hashed lock, then become a Python program in it.

    environment.py main|dev ARGUMENTS FOR PYTHON ...

`dev` holds all of `main`, so the two share one folder, `.venv` (or the one COMMONS_VENV names). A stamp, written last, says
which locks the folder holds and by which Python: a folder without it was left half made, and is made anew. Standard library
only, and no syntax that an old Python cannot read.
"""

# What these rules ask for is what an old Python does not have:
# ruff: noqa: B904, PLW1510, PTH104, PTH108, PTH110, PTH118, PTH120, PTH123, RUF005, S603, S606, UP021, UP031, UP036

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FOLDER = os.environ.get("COMMONS_VENV") or os.path.join(HERE, ".venv")
PYTHON = os.path.join(FOLDER, "bin", "python")
STAMP = os.path.join(FOLDER, "commons-locks.json")
NEEDED_MEGABYTES = 700

# What pip says, and what that means for whoever reads it
TROUBLES = (
    (("No space left on device", "Disk quota exceeded"), "no space is left on the disk"),
    (("DO NOT MATCH THE HASHES",), "a downloaded package is not the one the lock names"),
    (
        ("Could not find a version", "No matching distribution"),
        "no ready-made package fits this system (the README says on which systems they exist), or the package index is away",
    ),
    (
        (
            "NewConnectionError",
            "Max retries exceeded",
            "ConnectTimeout",
            "ReadTimeout",
            "Temporary failure",
            "timed out",
        ),
        "the package index cannot be reached; is this machine online?",
    ),
)


def main(arguments):
    wanted, program = arguments[0], arguments[1:]
    try:
        prepare(wanted)
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("Stopped; the next start goes on from here.")
    os.chdir(HERE)
    os.execv(PYTHON, [PYTHON] + program)


class Trouble(Exception):
    """Why the packages cannot be installed: one sentence."""


def prepare(wanted):
    """Have the locks' packages in the folder; takes a millisecond when they are."""
    if sys.version_info < (3, 11):
        raise Trouble("The commons needs Python 3.11 or later; this is %d.%d." % sys.version_info[:2])
    locks = ["main"] if wanted == "main" else ["main", "dev"]
    if holds(locks):
        return
    with open(lock_file(wanted)) as alone:  # two at once (a start and a test run) take turns
        fcntl.flock(alone, fcntl.LOCK_EX)
        if holds(locks):
            return
        try:
            if stamp() is None:
                make_folder()
            install(locks)
        except OSError as error:
            raise Trouble("The packages cannot be installed in %s: %s." % (FOLDER, error.strerror or error))


def holds(locks):
    """Whether the folder holds these locks as they are now."""
    known = stamp()
    return known is not None and all(known["locks"].get(lock) == digest(lock) for lock in locks)


def stamp():
    """What the folder holds, or None when it was left half made or its Python is another by now."""
    try:
        with open(STAMP) as file:
            known = json.load(file)
        python = os.path.realpath(PYTHON)
        asked = os.path.realpath(sys.executable) if os.environ.get("PYTHON") else python
        whole = known["python"] == python == asked and isinstance(known["locks"], dict)
        return known if whole and os.path.exists(python) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_folder():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(without_venv())
    parent = os.path.dirname(FOLDER)
    if shutil.disk_usage(parent).free < NEEDED_MEGABYTES * 1000000:
        raise Trouble("The packages need %d MB of disk, and %s has less left." % (NEEDED_MEGABYTES, parent))
    say("Making the Python environment ...")
    made = run([os.path.realpath(sys.executable), "-m", "venv", "--clear", FOLDER])
    if made.returncode != 0:
        raise Trouble("The Python environment cannot be made in %s: %s." % (FOLDER, reason(made.stdout)))


def without_venv():
    version = "%d.%d" % sys.version_info[:2]
    if not os.path.exists("/etc/debian_version"):
        return "This Python (%s) comes without its venv module: install it, or name another with PYTHON=." % version
    system = os.path.realpath(sys.executable).startswith("/usr/bin/")
    package = "python%s-venv" % version if system else "python3-venv"
    return "Python's venv module is missing. Run: apt install %s" % package


def install(locks):
    say("Installing the packages (some 100 MB to download the first time) ...")
    if os.path.exists(STAMP):
        os.unlink(STAMP)
    installed = run(
        [PYTHON, "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"]
        + ["--no-input", "--quiet", "--requirement", lock_file(locks[-1])]
    )
    if installed.returncode != 0:
        raise Trouble("The packages cannot be installed: %s." % reason(installed.stdout))
    fresh = STAMP + ".new"
    with open(fresh, "w") as file:
        json.dump({"python": os.path.realpath(PYTHON), "locks": {lock: digest(lock) for lock in locks}}, file)
    os.rename(fresh, STAMP)


def run(command):
    """Run a command quietly, untouched by what the user's own pip settings say about where to install."""
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    environment.pop("PYTHONHOME", None)
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=environment,
    )


def reason(output):
    for signs, meaning in TROUBLES:
        if any(sign in output for sign in signs):
            return meaning
    lines = [line for line in output.splitlines() if line.strip()] or ["it does not say why"]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines)[-1].strip().rstrip(".")


def lock_file(lock):
    return os.path.join(HERE, "requirements", lock + ".txt")


def digest(lock):
    with open(lock_file(lock), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def say(what):
    print(what, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
