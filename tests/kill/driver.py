"""Plays a road again and again, killed with SIGKILL at its k-th crossing, restarted until nothing is due.

    python -m tests.kill.driver SCENARIO DATABASE_URL FOLDER MERCHANT_URL

A crossing is the instant before or after a commit, or before or after a call to the outside. For each k a fresh case
is prepared and one process after the other takes up the work; the first dies at its k-th crossing, the second soon
after it has begun, the third lives. One JSON line per k tells what came of it; the last k is one that was never
reached. What must hold is asserted by the test that reads the lines.
"""

import gc
import json
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Config
from tests import make
from tests.kill.merchant import requests
from tests.kill.scenarios import SCENARIOS, Scenario
from tracker.app import create_app
from tracker.domain.ladder import Policy
from tracker.outside.http import Http, Reply
from tracker.outside.words import Words
from tracker.steps import Tools
from tracker.store.base import Store

START = datetime(2026, 11, 18, 11, tzinfo=UTC)
LIFE = timedelta(hours=7)
"""From one life to the next: every lease has ended, every look is due."""
LIVES = 8
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MOST = 400


class Crossings:
    """Counts the seams that a process comes through, and kills it at one of them."""

    def __init__(self, fatal: int | None):
        self._left = fatal

    def __call__(self, _seam: str) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class SeamedStore(Store):
    """A store whose every commit may be the last thing that the process does, or just not.

    One object serves all forks: the statements that it has compiled go with it, its connections do not.  SQLite need
    not wait for the disk: what a killed process has written is the system's, and no power is cut here.
    """

    def __init__(self, url: str):
        super().__init__(url, self._clock, self._clock)
        self.at = START
        self.cross: Callable[[str], None] = Crossings(None)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _hasty)

    def _clock(self) -> datetime:
        return self.at

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with super().begin() as session:
            before = self._written(session)
            yield session
            session.flush()
            wrote = self._written(session) != before
            if wrote:
                self.cross("before a commit")
        if wrote:
            self.cross("after a commit")

    def _written(self, session: Session) -> object:
        """What changes as soon as the transaction has written: a look that finds nothing due is no crossing."""
        told = "total_changes()" if self.engine.dialect.name == "sqlite" else "pg_current_xact_id_if_assigned()::text"
        return session.scalar(sa.text(f"SELECT {told}"))


def _hasty(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class SeamedHttp(Http):
    """An HTTP client that may die before a request goes out, or after it was answered."""

    def __init__(self, cross: Callable[[str], None]):
        super().__init__(trust=TRUST)
        self._cross = cross

    def send(self, *args: Any, **kwargs: Any) -> Reply:
        self._cross("before a call")
        reply = super().send(*args, **kwargs)
        self._cross("after a call")
        return reply


class SeamedMail:
    """A mailer that writes each Message-ID to a file; it may die before or after."""

    def __init__(self, path: Path, cross: Callable[[str], None]):
        self._path, self._cross = path, cross

    def send(self, message: Any) -> str:
        self._cross("before a mail")
        with self._path.open("a") as file:
            file.write(f"{message['Message-ID']}\n")
        self._cross("after a mail")
        return str(message["Message-ID"])


class Stage(NamedTuple):
    """Where a scenario is played."""

    scenario: Scenario
    store: SeamedStore
    folder: Path
    merchant: str
    app: Any
    words: Words

    def tools(self, at: datetime, fatal: int | None) -> Tools:
        self.store.at, self.store.cross = at, (cross := Crossings(fatal))
        http = SeamedHttp(cross)
        return make.tools(
            self.store,
            http=http,
            words=self.words,
            mail=SeamedMail(self.folder / "mails", cross),
            refunds_mode=self.scenario.mode,
            policy=Policy(refunds_per_day=MOST * MOST),
            providers={"webhook": self.scenario.provider(http, self.merchant)},
        )


def play(stage: Stage, k: int) -> dict[str, Any]:
    """One case, killed at crossing `k`, then soon again, then left alone until nothing is due."""
    _clear(stage)
    tools = stage.tools(START, None)
    with tools.store.begin() as session:
        subject = stage.scenario.prepare(session, START)
    tools.store.close()
    fates: list[str] = []
    while len(fates) < LIVES and fates[-1:] != ["idle"]:
        fatal = {0: k, 1: 1 + k % 9}.get(len(fates)) if fates != ["busy"] else None
        fates.append(_live(stage, START + len(fates) * LIFE, fatal))
    tools = stage.tools(START, None)
    with tools.store.read() as session:
        found = stage.scenario.tell(session, subject)
    tools.store.close()
    told = {"requests": requests(stage.folder / "ledger"), "mails": (stage.folder / "mails").read_text().split()}
    return {"k": k, "fates": fates, **told, **found}


def _live(stage: Stage, at: datetime, fatal: int | None) -> str:
    """One process from its start until nothing is due, or until it is killed."""
    code = forked(lambda: _work(stage, at, fatal))
    return "killed" if code is None else {0: "busy", 1: "idle"}[code]


def forked(work: Callable[[], int]) -> int | None:
    """The exit code of a process that does this work; None when it was killed."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - a fork must never come back into its parent's code
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    return os.WEXITSTATUS(status)


def _work(stage: Stage, at: datetime, fatal: int | None) -> int:
    tools = stage.tools(at, fatal)
    stage.app.extensions.update({"tracker": tools, "tracker.clock": lambda: at})
    done = stage.scenario.live(tools, stage.app.test_client(), stage.folder, at)
    tools.store.close()
    return 0 if done else 1


def _clear(stage: Stage) -> None:
    for name in ("mails", "ledger", "acknowledged"):
        (stage.folder / name).write_text("")


def _warm_up(stage: Stage) -> None:
    """One case in this very process: what it loads, every fork has already."""
    _clear(stage)
    tools = stage.tools(START, None)
    with tools.store.begin() as session:
        stage.scenario.prepare(session, START)
    tools.store.close()
    for life in range(3):
        _work(stage, START + life * LIFE, None)


def main(name: str, url: str, folder: str, merchant: str) -> None:
    scenario = SCENARIOS[name]
    store = SeamedStore(url)
    app = create_app(Config(env="test"), tools=make.tools(store))
    stage = Stage(scenario, store, Path(folder), merchant, app, Words())
    _warm_up(stage)
    gc.freeze()
    gc.disable()
    for k in range(1, MOST):
        told = play(stage, k)
        print(json.dumps(told), flush=True)
        if "killed" not in told["fates"]:
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
