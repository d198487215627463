"""Runs the jobs with APScheduler in one process: nothing but wake-up calls, for what is due stands in the database."""

import logging
import signal
from datetime import UTC
from threading import Event
from types import FrameType

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.schedulers.background import BackgroundScheduler

from tracker.clock import Clock
from tracker.jobs import JOBS, Job
from tracker.steps import Tools

log = logging.getLogger(__name__)


def scheduler(
    tools: Tools, clock: Clock, names: frozenset[str] = frozenset(), stop: Event | None = None
) -> BackgroundScheduler:
    """A scheduler with the jobs in it, not started: UTC, memory store, no job twice at a time, no run missed.

    Once `stop` is set no job begins another round.
    """
    stop = stop or Event()
    made = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for job in JOBS:
        if not names or job.name in names:
            made.add_job(
                _run, "interval", args=(job, tools, clock, stop), id=job.name, seconds=job.every.total_seconds()
            )
    made.add_listener(_complain, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
    return made


def run_until_told(tools: Tools, clock: Clock, names: frozenset[str] = frozenset()) -> None:
    """Run the jobs until SIGTERM or SIGINT: no new work is begun then, and what runs comes to its end."""
    stop = Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    running = scheduler(tools, clock, names, stop)
    running.start()
    stop.wait()
    running.shutdown(wait=True)


def _run(job: Job, tools: Tools, clock: Clock, stop: Event) -> None:
    """Work while there is work, so that a backlog drains at once and not a batch a tick."""
    while not stop.is_set() and ((told := job.run(tools, clock())).done or told.errors):
        log.info("%s: %s done, %s failed", job.name, told.done, len(told.errors))


def _complain(event: JobEvent) -> None:
    if event.code == EVENT_JOB_MAX_INSTANCES:
        log.warning("%s is still running when its next turn comes", event.job_id)
    else:
        log.error("%s failed", event.job_id, exc_info=event.exception)
