"""Plays a road again and again, killed with SIGKILL at its k-th crossing, restarted until nothing is due.

    python -m tests.kill.driver SCENARIO DATABASE_URL FOLDER MERCHANT_URL

A crossing is the instant before or after a commit, or before or after a call to the outside. For each k a fresh case
is prepared and one process after the other takes up the work; the first dies at its k-th crossing, the second soon
after it has begun, the third lives. One JSON line per k tells what came of it; the last k is one that was never
reached. What must hold is asserted by the test that reads the lines.
"""

import gc
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from config import Config
from tests import make
from tests.kill.merchant import requests
from tests.kill.scenarios import SCENARIOS, Scenario
from tests.kill.seams import START, Crossings, SeamedHttp, SeamedMail, SeamedStore, forked
from tracker.app import create_app
from tracker.domain.ladder import Policy
from tracker.outside.words import Words
from tracker.steps import Tools

LIFE = timedelta(hours=7)
"""From one life to the next: every lease has ended, every look is due."""
LIVES = 8
MOST = 400


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
