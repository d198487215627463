"""When somebody is open: local opening hours made into windows between instants.

Opening hours are local, arithmetic is not: each day's periods become UTC instants first, and everything else is done
on those. A period that starts at a local time which a clock change skips opens at the next instant that exists; one
that starts in a repeated hour opens at its first pass, and one that ends there closes at its second.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

Periods = tuple[tuple[time, time], ...]
"""The opening periods of one local day; a close that is not later than its opening belongs to the next day."""

Window = tuple[datetime, datetime]
"""From an opening to its close, as UTC instants; at the close it is no longer open."""

QUIET_DAYS: Final = 400
"""A calendar without one opening in so many days in a row is a mistake."""

DAY: Final = timedelta(days=1)


class NeverOpen(ValueError):
    """A calendar opens on none of QUIET_DAYS days in a row."""


def _no_reason(_: date) -> None:
    """A closed day without a name."""


@dataclass(frozen=True)
class Calendar:
    """When somebody works.

    `name` stands in traces ("SEUR Badajoz closed Sat-Sun"), `zone` is an IANA name, `opens` gives the periods of a
    local day, `why_closed` the name of its holiday. Both always answer the same for the same day: answers are kept.
    """

    name: str
    zone: str
    opens: Callable[[date], Periods]
    why_closed: Callable[[date], str | None] = _no_reason


def _all_day(_: date) -> Periods:
    return ((time(0), time(0)),)


ALWAYS: Final = Calendar("always open", "UTC", _all_day)
"""Open around the clock: business time is plain time."""


def windows(calendar: Calendar, start: datetime) -> Iterator[Window]:
    """Opening windows from `start` on, in order and apart, without end; one that is open at `start` begins there.

    Like every question here it raises ValueError for a naive time and NeverOpen for a calendar that does not open.
    """
    return (window for window in ahead(calendar, utc(start)) if window[0] < window[1])


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether the calendar is open at an instant: yes at the opening, no at the close."""
    at = utc(at)
    today = local(calendar, at).date()
    return any(opens <= at < closes for day in (today - DAY, today) for opens, closes in windows_of(calendar, day))


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """The first open instant from `at` on, in UTC: `at` itself when it is open."""
    return next(windows(calendar, at))[0]


def ahead(calendar: Calendar, start: datetime) -> Iterator[Window]:
    """What is left of each window from `start` on; the first is empty when `start` is a close."""
    for _, found in working_days(calendar, local(calendar, start).date() - DAY):
        for opens, closes in found:
            if closes >= start:
                yield max(opens, start), closes


def behind(calendar: Calendar, end: datetime) -> Iterator[Window]:
    """What lies of each window before `end`, the latest first; the first is empty when `end` is an opening."""
    for _, found in working_days(calendar, local(calendar, end).date(), -DAY):
        for opens, closes in reversed(found):
            if opens <= end:
                yield opens, min(closes, end)


def working_days(calendar: Calendar, day: date, step: timedelta = DAY) -> Iterator[tuple[date, tuple[Window, ...]]]:
    """Local days that open, from `day` on, or backwards, with their windows."""
    quiet = 0
    while quiet < QUIET_DAYS:
        if found := windows_of(calendar, day):
            yield day, found
        quiet = 0 if found else quiet + 1
        day += step
    raise NeverOpen(f"the calendar {calendar.name} does not open on any of {QUIET_DAYS} days in a row")


@lru_cache(maxsize=1 << 16)
def windows_of(calendar: Calendar, day: date) -> tuple[Window, ...]:
    """What opens on a local day, without what is still open from the day before: days never overlap."""
    found, eve = _opened(calendar, day), _opened(calendar, day - DAY)
    if not eve or not found or eve[-1][1] <= found[0][0]:
        return found
    return tuple((max(opens, eve[-1][1]), closes) for opens, closes in found if closes > eve[-1][1])


@lru_cache(maxsize=1 << 16)
def _opened(calendar: Calendar, day: date) -> tuple[Window, ...]:
    return tuple(_merged([_window(calendar, day, *period) for period in calendar.opens(day)]))


def _merged(found: list[Window]) -> Iterator[Window]:
    """Windows in order, those that overlap or touch as one, empty ones (a skipped hour) left out."""
    last: Window | None = None
    for opens, closes in sorted(found):
        if last and opens <= last[1]:
            last = last[0], max(last[1], closes)
        elif opens < closes:
            if last:
                yield last
            last = opens, closes
    if last:
        yield last


def _window(calendar: Calendar, day: date, opens: time, closes: time) -> Window:
    zone, last = zone_of(calendar), day if opens < closes else day + DAY
    return instant(datetime.combine(day, opens), zone, 0), instant(datetime.combine(last, closes), zone, 1)


def instant(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    """When the clocks of `zone` show `wall`, or jump over it; `fold` 0 is the first pass, 1 the second.

    Local times are never compared or subtracted: two passes of one hour are equal in Python.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        return _jump(second, first, zone)
    return second if fold else first


def _jump(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The second between two instants at which the clocks of `zone` jump forward."""
    start, offset = early.replace(microsecond=0), late.astimezone(zone).utcoffset()

    def jumped(second: int) -> bool:
        return (start + timedelta(seconds=second)).astimezone(zone).utcoffset() == offset

    return start + timedelta(seconds=bisect_left(range(int((late - start).total_seconds())), True, key=jumped))


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def zone_of(calendar: Calendar) -> ZoneInfo:
    """The calendar's zone, loaded once."""
    return _zone(calendar.zone)


def utc(at: datetime) -> datetime:
    """An aware time as an instant in UTC; ValueError for a naive one, which is no instant."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)


def local(calendar: Calendar, at: datetime) -> datetime:
    """What the calendar's clocks show; for reading dates off, never for arithmetic."""
    return at.astimezone(zone_of(calendar))
