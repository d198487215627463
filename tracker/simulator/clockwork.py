"""The world's time: one heap of what will happen, and a clock that jumps from one to the next, or is the real one."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

from tracker.clock import Clock, Simulated

Act = Callable[[], object]


class Clockwork:
    """Everything that happens in the world, in the order of its time; what is planned first comes first."""

    def __init__(self, start: datetime) -> None:
        """Nothing planned yet; the clock stands at `start`."""
        self._simulated = Simulated(start)
        self._clock: Clock = self._simulated
        self._heap: list[tuple[datetime, int, Act]] = []
        self._numbers = count()
        self._lock = Lock()

    def __call__(self) -> datetime:
        """The present instant of the world."""
        return self._clock()

    def at(self, when: datetime, act: Act) -> None:
        """Let something happen at `when`, or now if that is past."""
        with self._lock:
            heapq.heappush(self._heap, (max(when, self()), next(self._numbers), act))

    def next_at(self) -> datetime | None:
        """When the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def advance(self, to: datetime) -> bool:
        """Move the clock to `to` and let everything happen that is due by then; returns whether anything did."""
        happened = False
        while (due := self._pop(to)) is not None:
            self._simulated.advance(max(due[0], self()))
            due[1]()
            happened = True
        self._simulated.advance(max(to, self()))
        return happened

    def go_live(self, clock: Clock) -> None:
        """From now on time passes by itself; `catch_up` lets happen what has become due."""
        self._clock = clock

    def catch_up(self) -> None:
        """Let everything happen that is due by now."""
        while (due := self._pop(self())) is not None:
            due[1]()

    def _pop(self, by: datetime) -> tuple[datetime, Act] | None:
        """The next thing, if its time has come."""
        with self._lock:
            if not self._heap or self._heap[0][0] > by:
                return None
            when, _, act = heapq.heappop(self._heap)
            return when, act


def rounded_up(at: datetime, grid: timedelta) -> datetime:
    """The first instant on the grid that is not before `at`; a grid counts from midnight in UTC."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -((midnight - at) // grid)
    return midnight + steps * grid
