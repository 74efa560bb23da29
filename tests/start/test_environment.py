"""bin/find-python and bin/environment.py: what they say to a machine that lacks something, and when packages count as there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bin import environment

BIN = Path(environment.__file__).parent


def run_bin(program, folder, **settings):
    """Run a program of bin/ with a virtual environment that is not there yet."""
    settings = {**os.environ, "COMMONS_VENV": str(folder / "venv"), "COMMONS_VAR": str(folder / "var"), **settings}
    return subprocess.run(
        [str(BIN / program), "--help"], env=settings, capture_output=True, text=True, timeout=60, check=False
    )


def program(path, *lines):
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def without_python(tmp_path):
    """A folder of programs for PATH, without any Python in it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "dirname").symlink_to(shutil.which("dirname"))
    return folder


@pytest.mark.parametrize("command", ["start", "test", "check"])
def test_a_machine_without_a_python_new_enough(tmp_path, without_python, command):
    program(without_python / "python3", "exit 1")  # what an old one answers when it is asked whether it is new enough
    done = run_bin(command, tmp_path, PATH=str(without_python), PYTHON="")
    assert done.returncode == 1
    assert done.stderr == (
        "The commons needs Python 3.11 or later, and none was found: "
        "install one (on Debian: apt install python3 python3-venv).\n"
    )


def test_a_named_python_that_is_too_old(tmp_path):
    old = program(tmp_path / "old-python", "exit 1")
    done = run_bin("start", tmp_path, PYTHON=old)
    assert done.returncode == 1
    assert done.stderr == f"PYTHON names {old}, which is not a Python of version 3.11 or later.\n"


def test_a_python_without_its_venv_module(tmp_path):
    """As on Debian, where `ensurepip` is in a package of its own."""
    run = "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv[:] = sys.argv[1:]; "
    run += "runpy.run_path(sys.argv[0], run_name='__main__')"
    bare = program(
        tmp_path / "bare-python",
        f'if [ "$1" = -I ]; then shift; exec "{sys.executable}" -I -c "{run}" "$@"; fi',
        f'exec "{sys.executable}" "$@"',
    )
    done = run_bin("start", tmp_path, PYTHON=bare)
    assert done.returncode == 1
    assert "venv module" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for the virtual environment that holds a Python, and nothing that says it is complete."""
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(environment, "FOLDER", str(folder))
    monkeypatch.setattr(environment, "PYTHON", str(python))
    monkeypatch.setattr(environment, "STAMP", str(folder / "stamp.json"))
    monkeypatch.delenv("PYTHON", raising=False)
    return folder


def stamp(folder, python=sys.executable, **locks):
    (folder / "stamp.json").write_text(json.dumps({"python": os.path.realpath(python), "locks": locks}))


def test_a_folder_without_its_stamp_holds_nothing(folder):
    assert environment.stamp() is None
    assert not environment.holds(["main"])


def test_a_stamped_folder_holds_the_locks_it_names(folder):
    stamp(folder, main=environment.digest("main"))
    assert environment.holds(["main"])
    assert not environment.holds(["main", "dev"])


def test_a_changed_lock_is_not_held(folder):
    stamp(folder, main="of another day")
    assert environment.stamp() is not None  # the folder is good, and only lacks packages
    assert not environment.holds(["main"])


def test_a_folder_of_another_python_holds_nothing(folder):
    stamp(folder, python="/nowhere/python3", main=environment.digest("main"))
    assert not environment.holds(["main"])


def test_a_folder_whose_python_is_gone_holds_nothing(folder):
    stamp(folder, main=environment.digest("main"))
    (folder / "bin" / "python").unlink()
    assert not environment.holds(["main"])


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", '{"python": 3}', "null", f'{{"python": "{os.path.realpath(sys.executable)}"}}']
)
def test_a_broken_stamp_holds_nothing(folder, text):
    (folder / "stamp.json").write_text(text)
    assert not environment.holds(["main"])


@pytest.mark.long
def test_a_half_made_folder_is_made_anew(folder):
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").write_text("half a Python")
    (folder / "left").write_text("from before")
    environment.make_folder()
    assert not (folder / "left").exists()
    assert subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "--version"], check=False).returncode == 0


def test_too_little_room_is_said(folder, monkeypatch):
    monkeypatch.setattr(environment, "NEEDED_MEGABYTES", 10**9)
    with pytest.raises(environment.Trouble, match=r"^The packages need 1000000000 MB of disk, and .* has less left\.$"):
        environment.make_folder()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "no space is left",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n", "not the one the lock names"),
        (
            "WARNING: Retrying: NewConnectionError\nERROR: Could not find a version that satisfies x\n",
            "no ready-made package",
        ),
        ("WARNING: Retrying: NewConnectionError: Name or service not known\n", "is this machine online?"),
        ("Traceback:\n  a line\nERROR: something else broke.\nafterwards\n", "ERROR: something else broke"),
        ("", "it does not say why"),
    ],
)
def test_what_pip_says_becomes_a_sentence(output, said):
    assert said in environment.reason(output)
