"""Deadlines counted in business time, each with the trace that says why it is that instant."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import Final, NamedTuple

from tracker.domain.hours.opening import (
    DAY,
    Calendar,
    Window,
    ahead,
    behind,
    instant,
    local,
    next_opening,
    utc,
    windows_of,
    working_days,
    zone_of,
)

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Deadline(NamedTuple):
    """An instant in UTC, and why it is that one: a short English sentence in the calendar's local time."""

    at: datetime
    trace: str


def add(calendar: Calendar, start: datetime, business: timedelta) -> Deadline:
    """`business` time after `start`, counted while open; a time used up exactly at a close is due at that close.

    Like every question here it raises ValueError for a naive time or a negative amount, and NeverOpen.
    """
    start = utc(start)
    (opens, _), left = _reached(ahead(calendar, start), business)
    return _because(calendar, _amount(business), start, opens + left, counted_from=next_opening(calendar, start))


def before(calendar: Calendar, end: datetime, business: timedelta) -> datetime:
    """The latest instant, in UTC, from which `business` time is open until `end`: when to nudge before a deadline."""
    (_, closes), left = _reached(behind(calendar, utc(end)), business)
    return closes - left


def _reached(found: Iterator[Window], business: timedelta) -> tuple[Window, timedelta]:
    """The window in which `business` time is used up, and how much of it falls there."""
    if business < timedelta(0):
        raise ValueError(f"business time is never negative, as {business} is")
    window = next(found)
    while business > window[1] - window[0]:
        business -= window[1] - window[0]
        window = next(found)
    return window, business


def end_of_working_day(calendar: Calendar, start: datetime, n: int = 1) -> Deadline:
    """The last close of the n-th working day after the local day of `start`; n = 1 is the next working day."""
    start = utc(start)
    what = "end of the next working day" if n == 1 else f"end of working day {n}"
    return _because(calendar, what, start, _nth_working_day(calendar, start, n)[1][-1][1])


def add_working_days(calendar: Calendar, start: datetime, n: int) -> Deadline:
    """The n-th working day after the local day of `start`, at the clock time of `start`.

    Where that day is closed at that time, its next opening counts, else its last close: the date stays. A start on a
    closed day counts like the evening before it, so that a later start is never due earlier.
    """
    start = utc(start)
    day, found = _nth_working_day(calendar, start, n)
    shown, due = local(calendar, start), found[-1][1]
    if windows_of(calendar, shown.date()):
        clock = instant(datetime.combine(day, shown.time()), zone_of(calendar), 0)
        due = next((max(opens, clock) for opens, closes in found if clock <= closes), due)
    return _because(calendar, "1 working day" if n == 1 else f"{n} working days", start, due)


def _nth_working_day(calendar: Calendar, start: datetime, n: int) -> tuple[date, tuple[Window, ...]]:
    """The n-th local day that opens after the day of `start`, with its windows."""
    if n < 1:
        raise ValueError(f"working days are counted from 1, not from {n}")
    days = working_days(calendar, local(calendar, start).date() + DAY)
    return next(islice(days, n - 1, None))


def _because(
    calendar: Calendar, what: str, start: datetime, due: datetime, counted_from: datetime | None = None
) -> Deadline:
    first, last = local(calendar, start), local(calendar, due)
    far = last.date() - first.date() >= 7 * DAY
    opens = ""
    if counted_from and start < counted_from <= due:
        opens = f" (opens {_clock(local(calendar, counted_from), far)})"
    closed = _closed(calendar, first.date(), last.date(), far)
    return Deadline(due, f"{what} from {_clock(first, far)}{opens}{closed} → {_clock(last, far)}")


def _clock(shown: datetime, far: bool) -> str:
    return f"{_date(shown, far)} {shown:%H:%M}"


def _date(day: date, far: bool) -> str:
    """A weekday; with its date when the trace spans a week or more, where weekdays come twice."""
    name = WEEKDAYS[day.weekday()]
    return f"{name} {day.day} {MONTHS[day.month - 1]}" if far else name


def _closed(calendar: Calendar, first: date, last: date, far: bool) -> str:
    """The closed days from one date to another, and the holidays among them by name."""
    days = (first + n * DAY for n in range((last - first).days + 1))
    shut = [day for day in days if not windows_of(calendar, day)]
    if not shut:
        return ""
    told = f"{len(shut)} days" if far and len(shut) > 1 else ", ".join(_runs(shut, far))
    named = ", ".join(f"{_date(day, far)}: {why}" for day in shut if (why := calendar.why_closed(day)))
    return f"; {calendar.name} closed {told}" + (f" ({named})" if named else "")


def _runs(days: list[date], far: bool) -> Iterator[str]:
    """Days in a row told as one: Sat-Mon."""
    for _, group in groupby(enumerate(days), key=lambda pair: pair[1].toordinal() - pair[0]):
        run = [_date(day, far) for _, day in group]
        yield run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}"


def _amount(business: timedelta) -> str:
    """Hours, minutes and seconds, those that are not nought: 1 h 30 min."""
    minutes, seconds = divmod(int(business.total_seconds()), 60)
    parts = zip((*divmod(minutes, 60), seconds), ("h", "min", "s"), strict=True)
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"
