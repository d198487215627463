"""Plays the whole road of a parcel again and again, its worker killed with SIGKILL at every kind of crossing.

    python -m tests.kill.road DATABASE_URL FOLDER MERCHANT_URL CARRIER_URL

The clock goes from stop to stop; at each, all jobs run until nothing is due. The first play is left alone and tells
which crossings there are: by stop, by the line of the program that comes to it, and by its side of the commit, call
or mail. Every one of them is then fatal at its first occurrence at that stop (those of a poll, which is the same at
every stop, at the first stop that has them), up to six at each stop in one play, until all have been; two minutes
after a death the next process takes up the work. One JSON line per play tells what came of it. What must hold is
asserted by the test that reads the lines.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests import make
from tests.kill.merchant import SECRET
from tests.kill.parcel import SEUR, STOPS, prepare, quiet, told
from tests.kill.seams import SeamedHttp, SeamedMail, SeamedStore, forked
from tracker import jobs
from tracker.carriers.base import Account
from tracker.domain.refunds import Mode
from tracker.outside.refund_providers.webhook import Webhook
from tracker.outside.words import Words
from tracker.simulator import due
from tracker.steps import Tools

PAUSE = timedelta(minutes=2)
"""From a death to the next process: every lease has ended."""
AT_ONCE = 6
MOST_PLAYS = 40
MOST_ROUNDS = 20
MOST_LIVES = 1 + AT_ONCE * len(STOPS)


class Journey:
    """Knows every crossing that a process comes to at a stop, and kills it at one of those that are fatal."""

    def __init__(self, folder: Path, fatal: list[list[str]]):
        self._folder, self._fatal = folder, fatal
        self._stop = 0
        self._handed: str | None = None
        self.seen: list[list[str]] = [[] for _ in STOPS]

    def reach(self, stop: int, at: datetime) -> None:
        """Tell the carrier, and whoever takes over, what time it is."""
        self._stop = stop
        (self._folder / "clock").write_text(json.dumps([stop, at.isoformat()]))

    def __call__(self, seam: str) -> None:
        name = f"{place()}, {seam}"
        self.seen[self._stop].append(name)
        if seam == "after a mail":
            self._handed = (self._folder / "mails").read_text().split()[-1]
        elif seam == "after a commit":
            self._handed = None
        if name in self._fatal[self._stop]:
            self._die(name)

    def _die(self, name: str) -> None:
        death = {"stop": self._stop, "crossing": name, "handed": self._handed}
        with (self._folder / "deaths").open("a") as file:
            file.write(json.dumps(death) + "\n")
        os.kill(os.getpid(), signal.SIGKILL)


def place() -> str:
    """The job's step and the line, inside it or below it, that has come to the seam."""
    lines = [(name, line) for name, line in _stack() if name.startswith("tracker.")]
    step = next(name for name, _line in reversed(lines) if name.startswith("tracker.steps."))
    return f"{step}: {lines[0][0]}:{lines[0][1]}"


def _stack() -> Iterator[tuple[str, int]]:
    frame = sys._getframe(1)
    while frame.f_back is not None:
        yield f"{frame.f_globals['__name__']}.{frame.f_code.co_name}", frame.f_lineno
        frame = frame.f_back


class Stage(NamedTuple):
    """Where the road is played."""

    store: SeamedStore
    folder: Path
    merchant: str
    carrier: str
    words: Words

    def tools(self, journey: Journey) -> Tools:
        self.store.cross = journey
        http = SeamedHttp(journey)
        return make.tools(
            self.store,
            http=http,
            words=self.words,
            mail=SeamedMail(self.folder / "mails", journey),
            refunds_mode=Mode.AUTO,
            policy=make.BUILT_IN,
            accounts={"seur": Account("seur", self.carrier, SEUR)},
            providers={"webhook": Webhook(http, self.merchant, SECRET, f"{self.merchant}/status")},
        )


def walk(stage: Stage, fatal: list[list[str]], start: int, at: datetime) -> list[list[str]]:
    """One life: from a stop, at some time, to the end of the road; the crossings that it came to at each stop."""
    journey = Journey(stage.folder, fatal)
    tools = stage.tools(journey)
    for stop in range(start, len(STOPS)):
        stage.store.at = max(at, STOPS[stop])
        journey.reach(stop, stage.store.at)
        work(tools, stage.store.at)
    idle(tools, stage.store.at)
    tools.store.close()
    return journey.seen


def work(tools: Tools, now: datetime) -> None:
    """The jobs that have something to do, in the order of the road, until none has; none may fail."""
    for _ in range(MOST_ROUNDS):
        busy = due.jobs(tools.store, now)
        for job in jobs.JOBS:
            if job.name in busy or job.name not in due.ROWS:
                told = job.run(tools, now)
                assert not told.errors, told
        if not busy:
            return
    raise AssertionError(f"{sorted(busy)} never come to an end")


def idle(tools: Tools, now: datetime) -> None:
    """At the end of the road no job at all finds anything."""
    totals = jobs.until_done(tools, now)
    assert not any(tally.done or tally.errors for tally in totals.values()), totals


def begin(stage: Stage) -> int:
    """A new parcel, empty books, and everything of the parcels before it asleep."""
    for name in ("mails", "ledger", "deaths"):
        (stage.folder / name).write_text("")
    stage.store.cross = lambda _seam: None
    stage.store.at = STOPS[0]
    with stage.store.begin() as session:
        quiet(session)
        subject = prepare(session, STOPS[0])
    stage.store.close()
    return subject


def play(stage: Stage, fatal: list[list[str]]) -> dict[str, Any]:
    """One parcel's road, each process dying at the next fatal crossing of its stop."""
    subject = begin(stage)
    left = [list(names) for names in fatal]
    stop, at = 0, STOPS[0]
    lives = 1
    while _dies(stage, left, stop, at):
        lives += 1
        assert lives <= MOST_LIVES, "a crossing is fatal once"
        last = deaths(stage)[-1]
        left[last["stop"]].remove(last["crossing"])
        stop, reached = json.loads((stage.folder / "clock").read_text())
        at = datetime.fromisoformat(reached) + PAUSE
    return {"lives": lives, **outcome(stage, subject)}


def _dies(stage: Stage, fatal: list[list[str]], stop: int, at: datetime) -> bool:
    code = forked(lambda: len(walk(stage, fatal, stop, at)) - len(STOPS))
    assert code in {None, 0}, f"the worker failed with {code}"
    return code is None


def deaths(stage: Stage) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stage.folder / "deaths").read_text().splitlines()]


def outcome(stage: Stage, subject: int) -> dict[str, Any]:
    """What came of a play."""
    with stage.store.read() as session:
        found = told(session, subject, stage.store.at)
    stage.store.close()
    requests = [json.loads(line) for line in (stage.folder / "ledger").read_text().splitlines()]
    mails = (stage.folder / "mails").read_text().split()
    return {"deaths": deaths(stage), "requests": requests, "mails": mails, **found}


def named(seen: list[list[str]]) -> list[list[str]]:
    """The crossings that must be fatal, by stop."""
    polls: set[str] = set()
    to_come = []
    for names in seen:
        to_come.append([name for name in dict.fromkeys(names) if name not in polls])
        polls.update(name for name in names if name.startswith("tracker.steps.polling"))
    return to_come


def spread(names: list[str]) -> list[str]:
    """A few of the names, far from each other."""
    return names[:: -(-len(names) // AT_ONCE)] if names else []


def main(url: str, folder: str, merchant: str, carrier: str) -> None:
    stage = Stage(SeamedStore(url), Path(folder), merchant, carrier, Words())
    subject = begin(stage)
    seen = walk(stage, [[] for _ in STOPS], 0, STOPS[0])
    print(json.dumps({"lives": 1, "crossings": seen, **outcome(stage, subject)}), flush=True)
    gc.freeze()
    gc.disable()
    to_come = named(seen)
    for _ in range(MOST_PLAYS):
        if not any(to_come):
            break
        case = play(stage, [spread(names) for names in to_come])
        for death in case["deaths"]:
            to_come[death["stop"]].remove(death["crossing"])
        print(json.dumps(case), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
