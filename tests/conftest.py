"""What every test may ask for: a fresh database of either kind, a browser, and no way to the outside."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.databases import Missing, PostgresServer, SqliteFiles, postgres

USED = pytest.StashKey[set[str]]()
LOOPBACK = ("127.", "localhost", "::1")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_configure(config: pytest.Config) -> None:
    """Tests start from no settings at all, whoever runs them."""
    config.stash[USED] = set()
    for name in [name for name in os.environ if name.startswith("TRACKER_") and not name.startswith("TRACKER_TEST_")]:
        del os.environ[name]


def required() -> set[str]:
    """What must be here: without it a test fails instead of being skipped."""
    given = os.environ.get("TRACKER_TEST_REQUIRE")
    if given is None and os.environ.get("CI", "").lower() in {"true", "1"}:
        given = "postgres,browser"
    return {word.strip() for word in (given or "").split(",") if word.strip()}


def miss(what: str, why: str) -> NoReturn:
    """Skip the test for want of `what`, or fail where it is required."""
    if what in required():
        pytest.fail(f"{what} is required by TRACKER_TEST_REQUIRE: {why}", pytrace=False)
    pytest.skip(f"no {what}: {why}")


@pytest.fixture(autouse=True, scope="session")
def _no_outside() -> Iterator[None]:
    """Only this machine answers; a test that calls the world fails at once and says so."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def near(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not str(address[0]).startswith(LOOPBACK):
            raise AssertionError(f"a test must not call the outside: {address!r}")
        connect(self, address)

    def near_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not str(host).startswith((*LOOPBACK, "0.0.0.0")):
            raise AssertionError(f"a test must not look up the outside: {host!r}")
        return lookup(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", near)
        patch.setattr(socket, "getaddrinfo", near_lookup)
        yield


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    """Migrated SQLite files to copy."""
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer | Missing]:
    """A PostgreSQL server, or why there is none."""
    # A path short enough for a Unix socket, which pytest's own temporary folders are not.
    folder = Path(tempfile.mkdtemp(prefix="tracker-pg-"))
    try:
        with postgres(folder / "data") as server:
            yield server
    except Missing as why:
        yield why
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh, migrated SQLite database."""
    with request.getfixturevalue("sqlite_files").fresh(tmp_path) as url:
        request.config.stash[USED].add("SQLite")
        yield url


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    server = request.getfixturevalue("postgres_server")
    if isinstance(server, Missing):
        miss("postgres", str(server))
    with server.fresh() as url:
        request.config.stash[USED].add(server.name)
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database: each test runs once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A real browser, driven by Playwright."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        miss("browser", f"none of {', '.join(BROWSERS)} is installed")
    try:
        from playwright import sync_api
    except ImportError as why:
        miss("browser", f"the package playwright is not installed ({why})")
    with sync_api.sync_playwright() as playwright:
        driven = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        request.config.stash[USED].add(f"Chromium {driven.version}")
        yield driven
        driven.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its share of the report to the one who prints it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["used"] = sorted(session.config.stash[USED])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take in what a worker used."""
    node.config.stash[USED].update(getattr(node, "workeroutput", {}).get("used", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which servers the run really used."""
    used = ", ".join(sorted(config.stash[USED])) or "no database and no browser"
    terminalreporter.write_line(f"Used: {used}.")
