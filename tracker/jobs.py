"""What is done again and again: the jobs, in the order of the road, and how often each is looked at."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tracker.steps import Tools, feeds, guard, incidents, ladder, outbox, polling, promises, refunds
from tracker.store.due import Tally


class Job(NamedTuple):
    """One step of the road.  `every` is how often it looks whether anything is due; it does nothing when not."""

    name: str
    every: timedelta
    run: Callable[[Tools, datetime], Tally]


JOBS: Final = (
    Job("poll", timedelta(seconds=20), polling.poll),
    Job("feeds", timedelta(minutes=1), feeds.watch),
    Job("incidents", timedelta(seconds=10), incidents.attend),
    Job("promises", timedelta(seconds=10), promises.keep_watch),
    Job("ladder", timedelta(seconds=10), ladder.climb),
    Job("remedies", timedelta(seconds=10), refunds.ask_due),
    Job("refunds", timedelta(seconds=10), refunds.send),
    Job("guard", timedelta(minutes=1), guard.guard),
    Job("outbox", timedelta(seconds=5), outbox.hand_over),
)
MOST_ROUNDS: Final = 10_000
"""Rounds after which a job that never comes to an end is a fault, not work."""


def until_done(tools: Tools, now: datetime, names: frozenset[str] = frozenset()) -> dict[str, Tally]:
    """Run the jobs (those named, or all) round after round until nothing is due at `now`; what each has done.

    A row that fails is put off, so that failures, too, come to an end.
    """
    chosen = [job for job in JOBS if not names or job.name in names]
    totals = {job.name: Tally() for job in chosen}
    for _ in range(MOST_ROUNDS):
        busy = False
        for job in chosen:
            told = job.run(tools, now)
            totals[job.name].done += told.done
            totals[job.name].errors += told.errors
            busy = busy or bool(told.done or told.errors)
        if not busy:
            break
    return totals
