"""Who may import whom: every contract is kept, and every contract can fail."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.house

ROOT = Path(__file__).resolve().parent.parent
TRACKER = ROOT / "tracker"
LINT = Path(sys.executable).parent / "lint-imports"
PURE = sorted(TRACKER.glob("domain/**/*.py"))
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = {contract["id"]: contract for contract in TOOLS["importlinter"]["contracts"]}


def module_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", ".")


PLANTED = {
    "rows": [
        ("tracker/domain/planted.py", "import tracker.store"),
        ("tracker/domain/planted.py", "import tracker.carriers"),
        ("tracker/store/planted.py", "import tracker.outside"),
        ("tracker/store/planted.py", "import tracker.carriers"),
        ("tracker/carriers/planted.py", "import tracker.store"),
        ("tracker/carriers/planted.py", "import tracker.outside"),
        ("tracker/outside/planted.py", "import tracker.carriers"),
        ("tracker/outside/planted.py", "import tracker.store"),
        ("tracker/store/planted.py", "import tracker.steps"),
        ("tracker/steps/planted.py", "import tracker.web"),
        ("tracker/steps/planted.py", "import tracker.jobs"),
        ("tracker/web/planted.py", "import tracker.jobs"),
        ("tracker/jobs.py", "import tracker.web"),
        ("tracker/jobs.py", "import tracker.schedule"),
        ("tracker/web/planted.py", "import tracker.app"),
        ("tracker/app.py", "import tracker.schedule"),
        ("tracker/app.py", "import tracker.simulator"),
        ("tracker/schedule.py", "import tracker.simulator"),
        ("tracker/simulator/planted.py", "import tracker.cli"),
        ("tracker/planted.py", "import tracker.domain"),
    ],
    "steps": [("tracker/steps/planted.py", "import tracker.steps.another")],
    "carriers": [("tracker/carriers/planted.py", "import tracker.carriers.another")],
    "domain": [
        ("tracker/domain/events.py", "import tracker.domain.status"),
        ("tracker/domain/hours/opening.py", "import tracker.domain.events"),
        ("tracker/domain/promises.py", "import tracker.domain.ladder"),
        ("tracker/domain/promises.py", "import tracker.domain.notices"),
    ],
    "flask": [
        ("tracker/domain/planted.py", "import flask"),
        ("tracker/steps/planted.py", "from flask import current_app"),
        ("tracker/store/planted.py", "import flask_alembic"),
        ("tracker/simulator/planted.py", "import werkzeug"),
        ("tracker/jobs.py", "import flask"),
    ],
    "jinja": [("tracker/steps/planted.py", "import jinja2"), ("tracker/outside/mail.py", "import jinja2")],
    "sqlalchemy": [
        ("tracker/domain/planted.py", "import sqlalchemy"),
        ("tracker/carriers/planted.py", "import sqlalchemy"),
        ("tracker/outside/planted.py", "from sqlalchemy.orm import Session"),
    ],
    "requests": [
        ("tracker/carriers/planted.py", "import requests"),
        ("tracker/steps/planted.py", "import requests"),
        ("tracker/web/planted.py", "import urllib3"),
    ],
    "apscheduler": [("tracker/app.py", "import apscheduler"), ("tracker/jobs.py", "import apscheduler")],
    "clock": [
        ("tracker/domain/planted.py", "import tracker.clock"),
        ("tracker/store/planted.py", "import tracker.clock"),
        ("tracker/steps/planted.py", "from tracker.clock import now"),
    ],
    "config": [
        ("tracker/steps/planted.py", "import config"),
        ("tracker/outside/planted.py", "from tracker.settings import ROOT"),
        ("tracker/web/planted.py", "import config"),
    ],
}
CASES = [(contract, path, source) for contract, plants in PLANTED.items() for path, source in plants]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the tree in which a violation may be planted."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(TRACKER, tree / "tracker", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*ROOT.glob("*.py"), ROOT / "pyproject.toml"]:
        shutil.copy(path, tree)
    return tree


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)


def lint_imports(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    return run(LINT, "--no-logo", "--no-cache", "--contract", contract, cwd=tree)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_contract_is_kept(contract):
    answer = lint_imports(ROOT, contract)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 kept, 0 broken" in answer.stdout


@pytest.mark.parametrize(("contract", "path", "source"), CASES, ids=[": ".join(case) for case in CASES])
def test_the_contract_can_fail(copy, contract, path, source):
    planted = copy / path
    before = planted.read_text() if planted.exists() else None
    another = [copy / "tracker" / room / "another.py" for room in ("steps", "carriers")]
    for file in another:
        file.write_text('"""A neighbour."""\n')
    try:
        planted.write_text(f"{before or ''}\n{source}\n")
        answer = lint_imports(copy, contract)
    finally:
        planted.unlink() if before is None else planted.write_text(before)
        for file in another:
            file.unlink()
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "0 kept, 1 broken" in answer.stdout
    assert path.removesuffix(".py").replace("/", ".") in answer.stdout


ROOMS = {path.stem for path in TRACKER.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
ALLOWED = {
    "flask": {"app", "cli", "web"},
    "jinja": {"app", "cli", "web"},
    "sqlalchemy": {"app", "cli", "jobs", "schedule", "simulator", "steps", "store", "web"},
    "requests": {"outside"},
    "apscheduler": {"schedule"},
    "clock": {"app", "cli", "clock", "jobs", "schedule", "simulator", "web"},
    "config": {"app", "cli", "schedule", "settings", "simulator"},
}


@pytest.mark.parametrize(("contract", "allowed"), ALLOWED.items(), ids=ALLOWED)
def test_no_room_is_forgotten_in_a_list_of_those_that_must_not(contract, allowed):
    listed = {module.removeprefix("tracker.") for module in CONTRACTS[contract]["source_modules"]}
    assert listed == ROOMS - allowed - {"__init__"}


def test_every_contract_is_tried():
    assert set(PLANTED) == set(CONTRACTS)


@pytest.mark.parametrize("path", PURE, ids=module_name)
def test_a_pure_rule_loads_without_flask_and_database(path):
    loaded = "[m for m in sys.modules if m.partition('.')[0] in {'flask', 'sqlalchemy'}]"
    code = f"import sys, {module_name(path)}; print({loaded})"
    answer = run(sys.executable, "-c", code)
    assert (answer.stdout, answer.stderr) == ("[]\n", "")


def imported(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", PURE, ids=module_name)
def test_a_pure_rule_imports_the_standard_library_and_the_domain_alone(path):
    foreign = {
        name
        for name in imported(ast.parse(path.read_text()))
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("tracker.domain")
    }
    assert foreign == set()


def test_the_package_itself_imports_nothing():
    assert imported(ast.parse((TRACKER / "__init__.py").read_text())) == set()
