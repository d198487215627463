"""The laws of business time, over ten zones: odd offsets and odd clock changes, around which half the starts lie."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.domain.hours import Calendar, add, add_working_days, before, end_of_working_day, is_open, windows

HOUR, MINUTE, DAY, TICK = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1), timedelta(microseconds=1)

ZONES = {
    "Europe/Madrid": ("2026-03-29", "2026-10-25"),
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "Atlantic/Azores": ("2026-03-29", "2026-10-25"),
    "Australia/Lord_Howe": ("2026-10-03", "2026-04-04"),
    "Pacific/Apia": ("2011-12-30", "2012-04-01"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "America/Santiago": ("2026-09-06", "2026-04-05"),
    "America/St_Johns": ("2026-03-08", "2026-11-01"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Pacific/Chatham": ("2026-09-26", "2026-04-04"),
}
YEARS = ("2009-01-01", "2035-01-01")
EXAMPLES = 80
law = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
in_ten_zones = pytest.mark.parametrize("zone", ZONES)

clocks = st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30))
days = st.lists(st.tuples(clocks, clocks), max_size=3).map(tuple)
weeks = st.lists(days, min_size=7, max_size=7).filter(any)
amounts = st.integers(0, 60 * 60).map(lambda minutes: minutes * MINUTE)
spans = st.integers(0, 6 * 24 * 60).map(lambda minutes: minutes * MINUTE)


def calendars(zone):
    """Weeks of up to three periods a day, over midnight too, with every so many-th day closed."""
    return st.builds(
        lambda week, nth: Calendar("depot", zone, lambda day: week[day.weekday()] if day.toordinal() % nth else ()),
        weeks,
        st.integers(2, 9).filter(lambda nth: nth != 7),
    )


def starts(zone):
    changes = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in ZONES[zone]]
    near = st.builds(lambda change, away: change + away * MINUTE, st.sampled_from(changes), st.integers(-4320, 4320))
    return near | st.datetimes(*map(datetime.fromisoformat, YEARS), timezones=st.just(UTC))


def open_time(calendar, start, end):
    """Business time between two instants, counted window by window."""
    total = timedelta(0)
    for opens, closes in windows(calendar, start):
        if opens >= end:
            return total
        total += min(closes, end) - opens
    raise AssertionError("windows ended")


def in_opening(calendar, instant):
    return is_open(calendar, instant) or is_open(calendar, instant - TICK)


def test_the_laws_are_tried_on_four_thousand_examples():
    laws = [name for name in globals() if name.startswith("test_INV_T2_law_")]
    assert len(ZONES) * EXAMPLES * len(laws) >= 4000


@in_ten_zones
def test_INV_T2_law_a_deadline_is_the_first_instant_with_that_much_open_time_behind_it(zone):
    @law
    @given(calendars(zone), starts(zone), amounts)
    def holds(calendar, start, amount):
        due = add(calendar, start, amount).at
        assert due.tzinfo is UTC
        assert in_opening(calendar, due)
        assert open_time(calendar, start, due) == amount
        assert (due > start) if amount else (due >= start)
        assert not amount or open_time(calendar, start, due - TICK) == amount - TICK

    holds()


@in_ten_zones
def test_INV_T2_law_deadlines_add_up_and_never_run_backwards(zone):
    @law
    @given(calendars(zone), starts(zone), amounts, amounts, spans)
    def holds(calendar, start, first, second, later):
        due = add(calendar, start, first).at
        assert add(calendar, due, second).at == add(calendar, start, first + second).at
        assert due <= add(calendar, start, first + second).at
        assert due <= add(calendar, start + later, first).at

    holds()


@in_ten_zones
def test_INV_T2_law_before_is_the_last_instant_with_that_much_open_time_ahead(zone):
    @law
    @given(calendars(zone), starts(zone), amounts)
    def holds(calendar, end, amount):
        start = before(calendar, end, amount)
        assert start <= end
        assert in_opening(calendar, start)
        assert open_time(calendar, start, end) == amount
        assert not amount or open_time(calendar, start + TICK, end) == amount - TICK

    holds()


@in_ten_zones
def test_INV_T2_law_windows_are_what_the_clocks_on_the_wall_say(zone):
    @law
    @given(calendars(zone), starts(zone))
    def holds(calendar, start):
        found = list(islice(windows(calendar, start), 12))
        assert all(opens < closes for opens, closes in found)
        assert all(one[1] <= two[0] for one, two in pairwise(found))
        for moment in (start + n * 37 * MINUTE for n in range(40)):
            inside = any(opens <= moment < closes for opens, closes in found)
            assert inside == is_open(calendar, moment) or moment >= found[-1][1]
            if steady(moment, zone):
                assert is_open(calendar, moment) == on_the_wall(calendar, moment.astimezone(ZoneInfo(zone)))

    holds()


def steady(moment, zone):
    """No clock change within a day and a half: what the wall shows decides."""
    offsets = {(moment + n * HOUR).astimezone(ZoneInfo(zone)).utcoffset() for n in range(-36, 37, 6)}
    return len(offsets) == 1


def on_the_wall(calendar, local):
    now = local.timetz().replace(tzinfo=None)
    today = any(a <= now < b or (b <= a <= now) for a, b in calendar.opens(local.date()))
    return today or any(now < b <= a for a, b in calendar.opens(local.date() - DAY))


@in_ten_zones
def test_INV_T2_law_working_days_end_at_a_close_and_never_run_backwards(zone):
    @law
    @given(calendars(zone), starts(zone), st.integers(1, 6), spans)
    def holds(calendar, start, n, later):
        local = start.astimezone(ZoneInfo(zone)).date()
        for ask in (end_of_working_day, add_working_days):
            due = ask(calendar, start, n).at
            assert in_opening(calendar, due)
            assert due <= ask(calendar, start, n + 1).at
            assert due <= ask(calendar, start + later, n).at
            assert due.astimezone(ZoneInfo(zone)).date() > local
        end = end_of_working_day(calendar, start, n).at
        assert is_open(calendar, end - TICK)
        assert add_working_days(calendar, start, n).at <= end

    holds()
