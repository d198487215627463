"""Simulated time: one heap of what will happen, and a clock that jumps from one to the next."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from tracker.clock import Simulated

Act = Callable[[], object]


class Clockwork:
    """Everything that happens in the world, in the order of its time; what is planned first comes first."""

    def __init__(self, start: datetime) -> None:
        """Nothing planned yet; the clock stands at `start`."""
        self.clock = Simulated(start)
        self._heap: list[tuple[datetime, int, Act]] = []
        self._numbers = count()

    def __call__(self) -> datetime:
        """The simulated instant."""
        return self.clock()

    def at(self, when: datetime, act: Act) -> None:
        """Let something happen at `when`, or now if that is past."""
        heapq.heappush(self._heap, (max(when, self.clock()), next(self._numbers), act))

    def next_at(self) -> datetime | None:
        """When the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def advance(self, to: datetime) -> bool:
        """Move the clock to `to` and let everything happen that is due by then; returns whether anything did."""
        happened = False
        while self._heap and self._heap[0][0] <= to:
            when, _, act = heapq.heappop(self._heap)
            self.clock.advance(max(when, self.clock()))
            act()
            happened = True
        self.clock.advance(max(to, self.clock()))
        return happened


def rounded_up(at: datetime, grid: timedelta) -> datetime:
    """The first instant on the grid that is not before `at`; a grid counts from midnight in UTC."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -((midnight - at) // grid)
    return midnight + steps * grid
