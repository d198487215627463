"""The only place that asks the clock: a real, a frozen and a simulated one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Clock = Callable[[], datetime]
"""Answers the present instant, aware and in UTC, whenever it is called."""


def now() -> datetime:
    """The present instant by this machine's clock, aware, in UTC."""
    return datetime.now(UTC)


def frozen(at: datetime) -> Clock:
    """A clock that stands still at the aware instant `at`; ValueError when it is naive."""
    instant: Final = in_utc(at)
    return lambda: instant


def in_utc(at: datetime) -> datetime:
    """The same instant in UTC; ValueError when `at` is naive, for then nobody knows which instant is meant."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)


class Simulated:
    """A clock that moves only when it is told to, and never back."""

    def __init__(self, start: datetime) -> None:
        """Start at the aware instant `start`; ValueError when it is naive."""
        self._now = in_utc(start)

    def __call__(self) -> datetime:
        """The simulated instant, aware, in UTC."""
        return self._now

    def advance(self, to: datetime) -> None:
        """Move on to the aware instant `to`; ValueError when it is naive or lies in the past."""
        instant = in_utc(to)
        if instant < self._now:
            raise ValueError(f"time does not go back from {self._now.isoformat()} to {instant.isoformat()}")
        self._now = instant
