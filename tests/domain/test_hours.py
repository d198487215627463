"""Business time, to the minute, in named cases."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from tracker.domain.hours import (
    ALWAYS,
    Calendar,
    NeverOpen,
    add,
    add_working_days,
    before,
    end_of_working_day,
    is_open,
    next_opening,
    windows,
)

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)


def periods(text):
    """ "09:00-14:00,16:00-18:00" as pairs of times; 24:00 is the midnight that ends the day."""
    pairs = (period.split("-") for period in text.split(",") if period)
    return tuple((time.fromisoformat(a), time.fromisoformat(b.replace("24:00", "00:00"))) for a, b in pairs)


def weekly(name, zone, *week, feasts=None):
    """A calendar of seven texts, Monday first, closed on feasts."""
    table, feasts = [periods(text) for text in week], feasts or {}
    return Calendar(name, zone, lambda day: () if day in feasts else table[day.weekday()], feasts.get)


SPLIT = "09:00-14:00,16:00-18:00"
BADAJOZ = weekly(
    "depot", "Europe/Madrid", *[SPLIT] * 5, "10:00-13:00", "", feasts={date(2026, 9, 8): "Día de Extremadura"}
)
NONSTOP = weekly("depot", "Europe/Madrid", *["00:00-24:00"] * 5, "", "", feasts={date(2029, 3, 19): "San José"})
NIGHT = weekly("night shift", "Europe/Madrid", *["22:00-06:00"] * 5, "", "")


def at(text, zone="Europe/Madrid"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def shown(instant, calendar=BADAJOZ):
    return instant.astimezone(ZoneInfo(calendar.zone)).strftime("%Y-%m-%d %H:%M")


# 2026-09-04 is a Friday; Tuesday the 8th is a holiday in Extremadura.
ADDED = {
    "within one period": ("2026-09-04 09:30", 2 * HOUR, "2026-09-04 11:30"),
    "over the lunch break": ("2026-09-04 13:00", 2 * HOUR, "2026-09-04 17:00"),
    "started inside the lunch break": ("2026-09-04 15:10", HOUR, "2026-09-04 17:00"),
    "exactly at the lunch close": ("2026-09-04 13:00", HOUR, "2026-09-04 14:00"),
    "exactly at the evening close": ("2026-09-04 16:00", 2 * HOUR, "2026-09-04 18:00"),
    "a minute past the evening close": ("2026-09-04 16:00", 2 * HOUR + MINUTE, "2026-09-05 10:01"),
    "on a Friday evening": ("2026-09-04 20:10", HOUR, "2026-09-05 11:00"),
    "on a Sunday": ("2026-09-06 12:00", HOUR, "2026-09-07 10:00"),
    "before the opening": ("2026-09-04 07:00", HOUR, "2026-09-04 10:00"),
    "on the eve of a holiday": ("2026-09-07 17:00", 2 * HOUR, "2026-09-09 10:00"),
    "on the holiday itself": ("2026-09-08 11:00", HOUR, "2026-09-09 10:00"),
    "a week of work": ("2026-09-04 09:00", 7 * 4 * HOUR, "2026-09-10 13:00"),
    "none, while open": ("2026-09-04 10:00", 0 * HOUR, "2026-09-04 10:00"),
    "none, at the close": ("2026-09-04 18:00", 0 * HOUR, "2026-09-04 18:00"),
    "none, while closed": ("2026-09-04 19:00", 0 * HOUR, "2026-09-05 10:00"),
}


@pytest.mark.parametrize(("start", "business", "due"), ADDED.values(), ids=ADDED)
def test_business_time_is_counted_while_open(start, business, due):
    assert shown(add(BADAJOZ, at(start), business).at) == due


SUBTRACTED = {
    "two hours before the evening close": ("2026-09-04 18:00", 2 * HOUR, "2026-09-04 16:00"),
    "over the lunch break": ("2026-09-04 17:00", 2 * HOUR, "2026-09-04 13:00"),
    "over the night": ("2026-09-04 10:00", 2 * HOUR, "2026-09-03 17:00"),
    "over Sunday and the Saturday's short day": ("2026-09-07 10:00", 5 * HOUR, "2026-09-04 17:00"),
    "over the holiday": ("2026-09-09 10:00", 2 * HOUR, "2026-09-07 17:00"),
    "from inside the lunch break": ("2026-09-04 15:00", HOUR, "2026-09-04 13:00"),
    "a whole period from its close": ("2026-09-04 14:00", 5 * HOUR, "2026-09-04 09:00"),
    "none": ("2026-09-04 10:00", 0 * HOUR, "2026-09-04 10:00"),
    "none, at the opening": ("2026-09-04 09:00", 0 * HOUR, "2026-09-04 09:00"),
}


@pytest.mark.parametrize(("end", "business", "start"), SUBTRACTED.values(), ids=SUBTRACTED)
def test_a_nudge_falls_business_time_before_the_deadline(end, business, start):
    assert shown(before(BADAJOZ, at(end), business)) == start


ENDS = {
    "the next day": ("2026-09-02 11:00", 1, "2026-09-03 18:00"),
    "before the opening, still the next day": ("2026-09-02 01:00", 1, "2026-09-03 18:00"),
    "from Friday, the short Saturday": ("2026-09-04 20:10", 1, "2026-09-05 13:00"),
    "from Saturday over Sunday": ("2026-09-05 09:00", 1, "2026-09-07 18:00"),
    "from Sunday": ("2026-09-06 12:00", 1, "2026-09-07 18:00"),
    "over the holiday": ("2026-09-07 09:00", 1, "2026-09-09 18:00"),
    "from the holiday": ("2026-09-08 09:00", 1, "2026-09-09 18:00"),
    "three of them": ("2026-09-04 11:00", 3, "2026-09-09 18:00"),
    "late in the evening by local time, already tomorrow in Asia": ("2026-09-02 23:59", 1, "2026-09-03 18:00"),
}


@pytest.mark.parametrize(("start", "n", "due"), ENDS.values(), ids=ENDS)
def test_a_working_day_ends_with_its_last_close(start, n, due):
    assert shown(end_of_working_day(BADAJOZ, at(start), n).at) == due


WORKING_DAYS = {
    "the same clock time": ("2026-09-02 11:30", 1, "2026-09-03 11:30"),
    "into the lunch break: its end": ("2026-09-02 15:00", 1, "2026-09-03 16:00"),
    "at the lunch close: there": ("2026-09-02 14:00", 1, "2026-09-03 14:00"),
    "before the opening: the opening": ("2026-09-02 07:00", 1, "2026-09-03 09:00"),
    "after the close: the close, for the date stays": ("2026-09-02 20:00", 1, "2026-09-03 18:00"),
    "onto the short Saturday": ("2026-09-04 17:00", 1, "2026-09-05 13:00"),
    "from a Sunday, like the evening before": ("2026-09-06 10:00", 1, "2026-09-07 18:00"),
    "over Sunday and the holiday": ("2026-09-05 11:00", 2, "2026-09-09 11:00"),
}


@pytest.mark.parametrize(("start", "n", "due"), WORKING_DAYS.values(), ids=WORKING_DAYS)
def test_working_days_keep_the_clock_time(start, n, due):
    assert shown(add_working_days(BADAJOZ, at(start), n).at) == due


OPEN = {
    "at the opening": ("2026-09-04 09:00", True, "2026-09-04 09:00"),
    "a minute before": ("2026-09-04 08:59", False, "2026-09-04 09:00"),
    "a minute before lunch": ("2026-09-04 13:59", True, "2026-09-04 13:59"),
    "at lunch": ("2026-09-04 14:00", False, "2026-09-04 16:00"),
    "at the close": ("2026-09-04 18:00", False, "2026-09-05 10:00"),
    "on the holiday": ("2026-09-08 10:00", False, "2026-09-09 09:00"),
}


@pytest.mark.parametrize(("moment", "yes", "opening"), OPEN.values(), ids=OPEN)
def test_open_begins_at_the_opening_and_ends_at_the_close(moment, yes, opening):
    assert is_open(BADAJOZ, at(moment)) is yes
    assert shown(next_opening(BADAJOZ, at(moment))) == opening


def test_a_night_shift_belongs_to_the_day_it_starts_on():
    friday_night = at("2026-09-04 23:00")
    assert is_open(NIGHT, at("2026-09-05 05:59"))
    assert not is_open(NIGHT, at("2026-09-05 06:00"))
    assert shown(add(NIGHT, friday_night, 8 * HOUR).at) == "2026-09-07 23:00"
    assert shown(before(NIGHT, at("2026-09-07 23:00"), 8 * HOUR)) == "2026-09-04 23:00"
    assert shown(end_of_working_day(NIGHT, friday_night).at) == "2026-09-08 06:00"


def test_periods_that_overlap_count_once():
    doubled = weekly("depot", "Europe/Madrid", *["22:00-06:00,04:00-08:00,05:00-09:00"] * 7)
    found = list(islice(windows(doubled, at("2026-09-04 12:00")), 3))
    assert [(shown(a), shown(b)) for a, b in found] == [
        ("2026-09-04 22:00", "2026-09-05 06:00"),
        ("2026-09-05 06:00", "2026-09-05 09:00"),
        ("2026-09-05 22:00", "2026-09-06 06:00"),
    ]


def test_always_open_is_plain_time():
    start = datetime(2026, 3, 28, 12, 34, 56, 789, UTC)
    assert add(ALWAYS, start, 1000 * HOUR).at == start + 1000 * HOUR
    assert before(ALWAYS, start, 1000 * HOUR) == start - 1000 * HOUR
    assert next_opening(ALWAYS, start) == start


TRACES = {
    "the sample": (
        add(NONSTOP, at("2029-03-16 17:40"), 24 * HOUR),
        "24 h from Fri 17:40; depot closed Sat-Mon (Mon: San José) → Tue 17:40",
    ),
    "nothing closed": (add(BADAJOZ, at("2026-09-04 13:30"), 90 * MINUTE), "1 h 30 min from Fri 13:30 → Fri 17:00"),
    "waiting for the opening": (
        add(BADAJOZ, at("2026-09-05 20:00"), 45 * MINUTE),
        "45 min from Sat 20:00 (opens Mon 09:00); depot closed Sun → Mon 09:45",
    ),
    "the next working day": (
        end_of_working_day(BADAJOZ, at("2026-09-07 12:00")),
        "end of the next working day from Mon 12:00; depot closed Tue (Tue: Día de Extremadura) → Wed 18:00",
    ),
    "two closed stretches": (
        end_of_working_day(BADAJOZ, at("2026-09-05 12:00"), 2),
        "end of working day 2 from Sat 12:00; depot closed Sun, Tue (Tue: Día de Extremadura) → Wed 18:00",
    ),
    "a week and more, with dates": (
        add_working_days(BADAJOZ, at("2026-09-04 12:00"), 8),
        "8 working days from Fri 4 Sep 12:00; depot closed 3 days (Tue 8 Sep: Día de Extremadura) → Tue 15 Sep 12:00",
    ),
    "a week with one closed day": (
        add_working_days(BADAJOZ, at("2026-09-10 12:00"), 6),
        "6 working days from Thu 10 Sep 12:00; depot closed Sun 13 Sep → Thu 17 Sep 12:00",
    ),
    "one working day": (
        add_working_days(BADAJOZ, at("2026-09-02 11:30"), 1),
        "1 working day from Wed 11:30 → Thu 11:30",
    ),
    "in the calendar's own time": (
        add(BADAJOZ, datetime(2026, 9, 4, 8, 0, 30, tzinfo=UTC), timedelta(seconds=20)),
        "20 s from Fri 10:00 → Fri 10:00",
    ),
}


@pytest.mark.parametrize(("deadline", "trace"), TRACES.values(), ids=TRACES)
def test_the_trace_says_why(deadline, trace):
    assert deadline.trace == trace


CLOCK_CHANGES = {
    "Berlin, an opening in the skipped hour": (
        "Europe/Berlin", "2026-03-29", "02:30-10:00", [("2026-03-29 01:00", "2026-03-29 08:00")],
    ),
    "Berlin, a close in the skipped hour": (
        "Europe/Berlin", "2026-03-29", "01:00-02:30", [("2026-03-29 00:00", "2026-03-29 01:00")],
    ),
    "Berlin, all of it in the skipped hour": ("Europe/Berlin", "2026-03-29", "02:10-02:50", []),
    "Berlin, an opening in the doubled hour": (
        "Europe/Berlin", "2026-10-25", "02:30-10:00", [("2026-10-25 00:30", "2026-10-25 09:00")],
    ),
    "Berlin, a close in the doubled hour": (
        "Europe/Berlin", "2026-10-25", "01:00-02:30", [("2026-10-24 23:00", "2026-10-25 01:30")],
    ),
    "Berlin, two periods that meet in the doubled hour": (
        "Europe/Berlin", "2026-10-25", "01:00-02:30,02:30-05:00", [("2026-10-24 23:00", "2026-10-25 04:00")],
    ),
    "Lord Howe skips half an hour": (
        "Australia/Lord_Howe", "2026-10-04", "02:15-09:00", [("2026-10-03 15:30", "2026-10-03 22:00")],
    ),
    "Lord Howe doubles half an hour": (
        "Australia/Lord_Howe", "2026-04-05", "01:45-09:00", [("2026-04-04 14:45", "2026-04-04 22:30")],
    ),
    "Lord Howe closes in the doubled half hour": (
        "Australia/Lord_Howe", "2026-04-05", "01:00-01:45", [("2026-04-04 14:00", "2026-04-04 15:15")],
    ),
    "Apia has no such day": ("Pacific/Apia", "2011-12-30", "09:00-17:00", []),
    "Casablanca leaves winter time for Ramadan": (
        "Africa/Casablanca", "2026-02-15", "02:30-09:00", [("2026-02-15 01:30", "2026-02-15 09:00")],
    ),
    "Casablanca comes back after Ramadan": (
        "Africa/Casablanca", "2026-03-22", "02:30-09:00", [("2026-03-22 02:00", "2026-03-22 08:00")],
    ),
    "Santiago skips midnight": (
        "America/Santiago", "2026-09-06", "00:30-09:00", [("2026-09-06 04:00", "2026-09-06 12:00")],
    ),
    "Santiago closes at a midnight that is skipped": (
        "America/Santiago", "2026-09-05", "09:00-24:00", [("2026-09-05 13:00", "2026-09-06 04:00")],
    ),
    "Santiago doubles the hour before midnight": (
        "America/Santiago", "2026-04-04", "23:30-24:00", [("2026-04-05 02:30", "2026-04-05 04:00")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("zone", "day", "text", "expected"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_INV_T3_a_clock_change_moves_no_opening_to_an_hour_that_is_not_there(zone, day, text, expected):
    only = date.fromisoformat(day)
    monthly = {only + n * 30 * DAY for n in range(4)}
    calendar = Calendar("monthly", zone, lambda asked: periods(text) if asked in monthly else ())
    noon = datetime.combine(only, time(12), UTC)
    found = [window for window in islice(windows(calendar, noon - 3 * DAY), 2) if window[0] < noon + 3 * DAY]
    assert [tuple(f"{instant:%Y-%m-%d %H:%M}" for instant in window) for window in found] == expected


def test_INV_T3_the_day_that_apia_skipped_is_no_working_day():
    calendar = weekly("depot", "Pacific/Apia", *["09:00-17:00"] * 7)
    due = end_of_working_day(calendar, at("2011-12-29 10:00", "Pacific/Apia"))
    assert shown(due.at, calendar) == "2011-12-31 17:00"
    assert due.trace == "end of the next working day from Thu 10:00; depot closed Fri → Sat 17:00"


def test_INV_T2_four_hours_over_a_clock_change_are_four_hours():
    nonstop = weekly("depot", "Europe/Berlin", *["00:00-24:00"] * 7)
    for eve in ("2026-03-29 01:00", "2026-10-25 01:00"):
        start = at(eve, "Europe/Berlin").astimezone(UTC)
        assert add(nonstop, start, 4 * HOUR).at == start + 4 * HOUR
        assert before(nonstop, start + 4 * HOUR, 4 * HOUR) == start


QUESTIONS = {
    "windows": lambda calendar, start: next(windows(calendar, start)),
    "next_opening": next_opening,
    "add": lambda calendar, start: add(calendar, start, HOUR),
    "before": lambda calendar, start: before(calendar, start, HOUR),
    "end_of_working_day": end_of_working_day,
    "add_working_days": lambda calendar, start: add_working_days(calendar, start, 1),
}


@pytest.mark.parametrize("ask", [*QUESTIONS.values(), is_open], ids=[*QUESTIONS, "is_open"])
def test_INV_T1_a_naive_time_is_refused(ask):
    with pytest.raises(ValueError, match="2026-09-04T10:00:00 has no time zone"):
        ask(BADAJOZ, datetime.fromisoformat("2026-09-04 10:00"))


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_INV_T7_a_calendar_that_never_opens_is_an_error_at_once(ask):
    asked = []
    never = Calendar("the closed depot", "Europe/Madrid", lambda day: asked.append(day) or ())
    with pytest.raises(NeverOpen, match=r"the closed depot does not open on any of 400 days"):
        ask(never, at("2026-09-04 10:00"))
    assert len(asked) <= 402


def test_INV_T7_four_hundred_days_are_a_limit_to_the_day():
    start = at("2026-09-04 10:00")
    for quiet, opens in ((399, True), (401, False)):
        only = start.date() + quiet * DAY
        calendar = Calendar("rare", "Europe/Madrid", lambda day, only=only: periods("09:00-10:00") * (day == only))
        if opens:
            assert end_of_working_day(calendar, start).at.date() == only
        else:
            with pytest.raises(NeverOpen):
                end_of_working_day(calendar, start)


def test_closed_days_that_do_not_follow_each_other_are_no_mistake():
    mondays = weekly("Mondays", "UTC", "09:00-10:00", *[""] * 6)
    due = end_of_working_day(mondays, at("2026-09-04 10:00"), 200).at
    assert due == datetime(2026, 9, 7, 10, 0, tzinfo=UTC) + 199 * 7 * DAY


def test_a_calendar_that_never_opens_is_never_open():
    assert not is_open(Calendar("closed", "UTC", lambda _: ()), at("2026-09-04 10:00"))


@pytest.mark.parametrize("ask", [add, before])
def test_negative_business_time_is_refused(ask):
    with pytest.raises(ValueError, match="never negative"):
        ask(BADAJOZ, at("2026-09-04 10:00"), -MINUTE)


@pytest.mark.parametrize("ask", [end_of_working_day, add_working_days])
def test_working_days_are_counted_from_one(ask):
    with pytest.raises(ValueError, match="counted from 1"):
        ask(BADAJOZ, at("2026-09-04 10:00"), 0)


def test_a_day_is_worked_out_once():
    asked = []
    calendar = Calendar("counted", "Europe/Madrid", lambda day: asked.append(day) or periods(SPLIT))
    for minute in range(100):
        end_of_working_day(calendar, at("2026-09-04 10:00") + minute * MINUTE, 3)
        add(calendar, at("2026-09-04 10:00") + minute * MINUTE, 9 * HOUR)
    assert len(asked) == len(set(asked))
