"""Business time on instants: opening windows, and the deadlines counted in them with the reason why."""

from tracker.domain.hours.deadlines import Deadline, add, add_working_days, before, end_of_working_day
from tracker.domain.hours.opening import ALWAYS, Calendar, NeverOpen, Periods, Window, is_open, next_opening, windows

__all__ = [
    "ALWAYS",
    "Calendar",
    "Deadline",
    "NeverOpen",
    "Periods",
    "Window",
    "add",
    "add_working_days",
    "before",
    "end_of_working_day",
    "is_open",
    "next_opening",
    "windows",
]
