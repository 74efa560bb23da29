"""What the project says of itself is so: its links lead somewhere, and the code it quotes is the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
QUOTED = re.compile(r"```python\n(.*?)```", re.DOTALL)
NAMED = re.compile(r"`((?:commons|accounts|knowledge|tests|templates|static|docs|bench|bin)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page):
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [name for name in NAMED.findall(text) if not (ROOT / name).exists()]
    assert missing == []


def test_the_quoted_code_is_the_code():
    sources = "\n".join(path.read_text() for part in ("knowledge", "tests") for path in ROOT.glob(f"{part}/**/*.py"))
    # An excerpt may stand at another indentation than in its file.
    unindented = re.sub(r"^ +", "", sources, flags=re.MULTILINE)
    quoted = QUOTED.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(quoted) == 4
    for block in quoted:
        assert re.sub(r"^ +", "", block, flags=re.MULTILINE).strip() in unindented


def test_every_setting_from_the_environment_is_told_of():
    """Whoever hosts a commons finds each variable it reads in docs/hosting.md."""
    reads = re.compile(r"(?:environ(?:\.get)?|getenv|\benv)[\[(]\s*\"([A-Z][A-Z_]+)\"")
    code = [*ROOT.glob("commons/*.py"), *ROOT.glob("bin/*"), ROOT / "manage.py"]
    named = {name for path in code if path.is_file() for name in reads.findall(path.read_text())}
    told = set(re.findall(r"`([A-Z][A-Z_]+)\b", (ROOT / "docs/hosting.md").read_text()))
    # The shell's, WSGI's, and what one program of ours tells another.
    inner = {"PATH", "CONTENT_LENGTH", "COMMONS_FACTS", "COMMONS_NO_BROWSER", "COMMONS_NO_IMAP"}
    assert len(named) > 10
    assert named - told - inner == set()
