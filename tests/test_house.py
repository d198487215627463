"""The house's own rules: how long a file may be, how it begins, its style; every check can fail."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.house

ROOT = Path(__file__).resolve().parent.parent
TRACKER = ROOT / "tracker"
BIN = Path(sys.executable).parent
SOURCES = sorted([*TRACKER.rglob("*.py"), *ROOT.glob("*.py")])

# What may be longer than the house allows, and why: {"tracker/…/file.py" or "tracker/…/file.py:function": reason}
EXCEPTIONS: dict[str, str] = {}


def told(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)


# --- how long, and how it begins --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=told)
def test_a_file_begins_with_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{told(path)} does not say what it is for"
    assert docstring.splitlines()[0].endswith("."), f"the first line of {told(path)} is no sentence"


def excesses(path: Path, text: str) -> list[str]:
    """What of a file is longer than the house allows, exceptions aside."""
    limit = 120 if path.parent.name == "carriers" else 250
    found = {told(path): len(text.splitlines()) - limit}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{told(path)}:{node.name}"] = (node.end_lineno or 0) - node.lineno + 1 - 40
    return [name for name, over in found.items() if over > 0 and name not in EXCEPTIONS]


@pytest.mark.parametrize("path", SOURCES, ids=told)
def test_files_and_functions_are_short(path):
    assert excesses(path, path.read_text()) == []


LONG = {
    "a file": (TRACKER / "planted.py", "x = 1\n" * 251, ["tracker/planted.py"]),
    "a file at the limit": (TRACKER / "planted.py", "x = 1\n" * 250, []),
    "a carrier": (TRACKER / "carriers/planted.py", "x = 1\n" * 121, ["tracker/carriers/planted.py"]),
    "a function": (TRACKER / "planted.py", "def f():\n" + "    x = 1\n" * 40, ["tracker/planted.py:f"]),
    "a function at the limit": (TRACKER / "planted.py", "def f():\n" + "    x = 1\n" * 39, []),
}


@pytest.mark.parametrize(("path", "text", "expected"), LONG.values(), ids=LONG)
def test_what_is_too_long_is_found(path, text, expected):
    assert excesses(path, text) == expected


def test_every_exception_is_still_needed():
    names = {told(path) for path in SOURCES}
    assert {name.partition(":")[0] for name in EXCEPTIONS} <= names


# --- style and types --------------------------------------------------------------------------------------------------

FORBIDDEN = {
    "the wall clock": "from datetime import UTC, datetime\n\nX = datetime.now(UTC)\n",
    "the day": "from datetime import date\n\nX = date.today()\n",
    "seconds since 1970": "import time\n\nX = time.time()\n",
    "chance": "import random\n\nX = random.random()\n",
    "a secret": "import secrets\n\nX = secrets.token_hex()\n",
    "a random id": "import uuid\n\nX = uuid.uuid4()\n",
}


@pytest.mark.parametrize("source", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_call_is_found(tmp_path, source):
    planted = tmp_path / "planted.py"
    planted.write_text(f'"""Planted."""\n\n{source}')
    answer = run(BIN / "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", planted)
    assert answer.returncode == 1
    assert "TID251" in answer.stdout


def test_every_rule_left_out_says_why():
    ruff = (ROOT / "pyproject.toml").read_text().partition("\nignore = [")[2].partition("\n[tool.ruff.lint.isort]")[0]
    entries = re.findall(r'^ +"[A-Z]+\d*",.*$|^"[^"]+" = \["[^\n]*$', ruff, re.MULTILINE)
    assert len(entries) > 20
    assert [entry for entry in entries if not re.search(r"# .{8,}", entry)] == []


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=["style", "format", "types"],
)
def test_the_tree_is_clean(command):
    answer = run(BIN / command[0], *command[1:])
    assert answer.returncode == 0, answer.stdout + answer.stderr


# --- migrations and packages ------------------------------------------------------------------------------------------


def test_migrations_are_numbered_without_gaps_and_the_head_file_names_the_newest():
    names = sorted(path.stem for path in (ROOT / "migrations/versions").glob("*.py"))
    assert names
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
    assert (ROOT / "migrations/.head").read_text() == f"{names[-1][:4]}\n"


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_packages_are_listed_with_their_reason_and_pinned_with_their_hash(name):
    wanted = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if line and line[0] not in "#-"]
    assert [line for line in wanted if not re.search(r" # .{8,}", line)] == []
    compiled = (ROOT / f"{name}.txt").read_text()
    pinned = re.findall(r"^([\w.-]+)==\S+ \\\n    --hash=sha256:", compiled, re.MULTILINE)
    assert {re.split(r"[<\[\s]", line)[0] for line in wanted} <= set(pinned)
    assert len(pinned) == len(re.findall("^[^ #\n]", compiled, re.MULTILINE))
    assert not re.search(r"https?://|file://|--index-url|--find-links", compiled)
