"""The steps of the Dockerfile, taken outside Docker as it writes them: the locked packages, a tree that nobody can write to,
the static files made when the image is built, the programs run by another user, and their end at SIGTERM.

What this does not show is that Docker itself builds the image.
"""

import fnmatch
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from commons.start import ROOT
from tests.start.starting import PATIENCE, folder_of_its_own, free_port, status_of, wait_for

pytestmark = pytest.mark.xdist_group("start")

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def instructions(name):
    """What stands behind each instruction of this name, its lines joined."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    return [line.split(None, 1)[1].strip() for line in joined.splitlines() if line.split(None, 1)[:1] == [name]]


def image_environment():
    return dict(word.split("=", 1) for words in instructions("ENV") for word in shlex.split(words))


# What the files say


def test_the_packages_are_the_locked_ones():
    (install,) = (line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes --only-binary :all: --requirement /packages/main.txt" in install
    assert "requirements/main.txt /packages/main.txt" in instructions("COPY")


def test_this_environment_holds_the_locked_packages():
    """What the install step would find to do: nothing."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this environment has no pip to ask")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--require-hashes"]
    done = subprocess.run(
        [*command, "--requirement", "requirements/main.txt"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout


def test_nothing_runs_as_root():
    assert instructions("USER") == ["commons"]
    assert "useradd --system --uid 10001" in instructions("RUN")[1]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_both_programs_run_on_a_tree_they_cannot_write_to(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["volumes"] == [f"commons:{image_environment()['COMMONS_VAR']}"]
    assert service["command"] == [f"--{name}", "--empty"]
    assert service["depends_on"] == {"database": {"condition": "service_healthy"}}


# What they do


class Image:
    """A folder laid out as the image is, and what runs in it."""

    def __init__(self, root: Path, database: str) -> None:
        self.root = root
        self.user = reaching(database)
        self.port = free_port()
        self.environment = {name: self.inside(value) for name, value in image_environment().items()}
        self.environment |= {"DATABASE_URL": database, "PORT": str(self.port)}
        self.environment["PATH"] = f"{self.python()}:/usr/bin:/bin"
        (self.tree,) = (Path(self.inside(folder)) for folder in instructions("WORKDIR"))

    def inside(self, text):
        """The same text, with the image's folders where they are here."""
        return re.sub(r"(?<![\w/.])/(commons|commons-static|var/lib/commons)(?=/|$)", rf"{self.root}/\1", text)

    def python(self):
        """A folder with a `python` that the other user can run and that has the packages."""
        folder = self.root / "bin"
        folder.mkdir()
        for candidate in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
            self.environment["PYTHONPATH"] = sysconfig.get_path("purelib")
            (folder / "python").write_text(f'#!/bin/sh\nexec "{candidate}" "$@"\n')
            (folder / "python").chmod(0o755)
            asked = self.run([str(folder / "python"), "-c", "import django, granian, psycopg"])
            if asked.returncode == 0:
                return folder
        return pytest.skip(f"no Python here that user {self.user.pw_name} may run has the packages")

    def _as_user(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": [], "env": self.environment}

    def run(self, command):
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._as_user())

    def start(self, name):
        """Start a service's command as the other user."""
        (entry,) = instructions("ENTRYPOINT")
        command = [*json.loads(entry), *COMPOSE["services"][name]["command"]]
        log = (self.root / f"{name}.log").open("wb")
        with log:
            return subprocess.Popen(command, cwd=self.tree, stdout=log, stderr=log, **self._as_user())

    def words(self, name):
        return (self.root / f"{name}.log").read_text()

    def files(self):
        folders = (self.tree, Path(self.environment["STATIC_ROOT"]).parent)
        return {str(path): path.lstat().st_mtime_ns for folder in folders for path in folder.rglob("*")}


def reaching(database):
    """Another user, who can reach the database: any, or, where it listens in a folder of its own, that folder's owner."""
    host = unquote(urlsplit(database).netloc.rpartition("@")[2])
    return pwd.getpwuid(Path(host).stat().st_uid) if host.startswith("/") else pwd.getpwnam("nobody")


def left_out(name, path):
    """What .dockerignore keeps out of the image."""
    for pattern in (ROOT / ".dockerignore").read_text().splitlines():
        anywhere = pattern.removeprefix("**/")
        if fnmatch.fnmatch(name, anywhere) and (anywhere != pattern or Path(path) == ROOT):
            return True
    return False


@pytest.fixture(scope="module")
def image(own_database):
    """The image, built: the tree copied and closed, the static files made."""
    if os.geteuid() != 0:
        pytest.skip("only root can run programs as another user")
    with folder_of_its_own() as root:
        image = Image(root, own_database)
        if image.user.pw_uid == 0:
            pytest.skip("the database belongs to root here, and no other user can reach it")
        shutil.copytree(ROOT, image.tree, ignore=lambda path, names: {n for n in names if left_out(n, path)})
        subprocess.run(["chmod", "-R", "a+rX,a-w", str(image.tree)], check=True)
        var = Path(image.environment["COMMONS_VAR"])
        var.mkdir(parents=True)
        os.chown(var, image.user.pw_uid, image.user.pw_gid)
        (build,) = (line for line in instructions("RUN") if "commons.prepare" in line)
        done = subprocess.run(
            ["sh", "-c", build], cwd=image.tree, env=image.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield image


def test_the_image_holds_what_it_needs_and_no_more(image):
    assert (image.tree / "requirements" / "main.txt").exists()
    assert sorted(path.name for path in image.tree.iterdir() if path.name.startswith(".")) == []
    assert not any((image.tree / name).exists() for name in ("tests", "var", "bin"))
    assert (Path(image.environment["STATIC_ROOT"]) / "staticfiles.json").exists()


@pytest.mark.long
def test_web_server_and_worker_run_as_another_user_and_end_at_sigterm(image):
    before = image.files()
    web, worker = image.start("web"), image.start("worker")
    try:
        assert wait_for(lambda: status_of(image.port, "/readyz") == 200 or web.poll() is not None), image.words(
            "web"
        ) + image.words("worker")
        assert status_of(image.port, "/") == 200, image.words("web")
        check = json.loads(instructions("HEALTHCHECK")[0].partition("CMD")[2])
        assert image.run(check).returncode == 0
        for process in (web, worker):
            process.send_signal(signal.SIGTERM)
        assert [web.wait(PATIENCE), worker.wait(PATIENCE)] == [0, 0], image.words("web") + image.words("worker")
    finally:
        for process in (web, worker):
            process.kill()
            process.wait()
    assert "Collecting the static files" not in image.words("web")  # they came with the image
    assert image.files() == before
    assert status_of(image.port, "/healthz") == 0
    assert image.run(check).returncode != 0
