"""Opening-hours texts and public holidays made into business calendars.

Hours are OpenStreetMap's opening_hours syntax (wiki.openstreetmap.org/wiki/Key:opening_hours/specification), read by
the opening-hours library; holidays, national and regional, come from the holidays library in the country's language.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Final
from zoneinfo import ZoneInfo

import holidays
from opening_hours import OpeningHours, ParserError, State  # type: ignore[attr-defined]  # its stub forgets the error

from tracker.domain.hours import Calendar, Periods
from tracker.outside.postcodes import postcode_region, postcode_zone

__all__ = ["BadCalendar", "calendar", "postcode_region", "postcode_zone"]

DAY: Final = timedelta(days=1)
WEEK: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
SINCE: Final = date(2020, 1, 1)
UNTIL: Final = date(2100, 1, 1)
UNKNOWN: Final = re.compile(r"\b(SH|sunrise|sunset|dawn|dusk)\b")
"""Words of the syntax that need a school calendar or a place: the library would quietly guess."""


class BadCalendar(ValueError):
    """Opening hours, a zone, a country or a region that cannot be understood, in one sentence."""


@lru_cache(maxsize=1 << 13)
def calendar(name: str, zone: str, hours: str, country: str, region: str | None = None) -> Calendar:
    """The business calendar of a place; BadCalendar says what is wrong with its text.

    `hours` like "Mo-Fr 09:00-14:00,16:00-18:00; PH off"; without a word on PH (public holidays) it is closed on them,
    "24/7" aside. A local feast is part of the text: `2026 Sep 24 off "Feria"`. `region` is the holidays library's code
    or name ("EX", "Extremadura") or ISO 3166-2 ("ES-EX"), whose country then counts. An opening shorter than a day
    belongs to the local day that it starts on; a longer one is cut at midnights.
    """
    if region and (iso := re.fullmatch(r"([A-Z]{2})-(\w+)", region)):
        country, region = iso.groups()
    place = country.strip().upper(), region or None
    text = _text(hours)
    try:
        _check(zone, *place)
        _check_hours(hours, text)
    except BadCalendar as error:
        raise BadCalendar(f"{name}: {error}") from None
    return Calendar(name, zone, partial(_periods, text, *place), partial(_reason, text, *place))


def _text(hours: str) -> str:
    text = " ".join(hours.split()).rstrip("; ")
    return text if text in ("", "24/7") or re.search(r"\bPH\b", _unquoted(text)) else f"{text}; PH off"


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def _check(zone: str, country: str, region: str | None) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise BadCalendar(f"the time zone {zone!r} does not exist") from None
    try:
        _holidays(country, region, 2026)
    except NotImplementedError:
        where = f"region {region!r} of country {country!r}" if region else f"country {country!r}"
        raise BadCalendar(f"no holidays are known for {where}") from None


def _check_hours(hours: str, text: str) -> None:
    if odd := UNKNOWN.search(_unquoted(text)):
        raise BadCalendar(f"the opening hours {hours!r} use {odd[0]}, which is not known here")
    try:
        variants = _hours(text, ()), _hours(text, WEEK)
    except ParserError as error:
        place = re.search(r"--> 1:(\d+)", str(error))
        where = f" from character {place[1]} on" if place and int(place[1]) <= len(hours) else ""
        raise BadCalendar(f"the opening hours {hours!r} cannot be read{where}") from None
    if not any(map(_ever_opens, variants)):
        raise BadCalendar(f"the opening hours {hours!r} never open")


def _ever_opens(hours: OpeningHours) -> bool:
    """Whether there is any opening in these decades; a text that opened in the past alone shows when it is used."""
    return any(state == State.OPEN for *_, state, _ in hours.intervals(_midnight(SINCE), _midnight(UNTIL)))


def _midnight(day: date) -> datetime:
    """The start of a day on a clock of no zone, as the library takes it; never stored or compared with an instant."""
    return datetime.combine(day, time())


@lru_cache(maxsize=1 << 12)
def _hours(text: str, festive: tuple[str, ...]) -> OpeningHours:
    """The text with PH spelt out as the weekdays that are holidays where we look: the library knows no regions."""
    days = ",".join(festive) or "PH"
    return OpeningHours(re.sub(r'"[^"]*"|\bPH\b', lambda word: days if word[0] == "PH" else word[0], text))


@lru_cache(maxsize=1 << 10)
def _holidays(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """A year's public holidays by name, in the country's own language whatever the machine's is."""
    language = holidays.country_holidays(country, subdiv=region).default_language
    return dict(holidays.country_holidays(country, subdiv=region, years=year, expand=False, language=language))


def _holiday(country: str, region: str | None, day: date) -> str | None:
    return _holidays(country, region, day.year).get(day)


def _periods(text: str, country: str, region: str | None, day: date) -> Periods:
    around = [day + n * DAY for n in (-2, -1, 0, 1)]
    festive = tuple(WEEK[near.weekday()] for near in around if _holiday(country, region, near))
    return tuple((opens.time(), closes.time()) for opens, closes in _openings(_hours(text, festive), day))


def _openings(hours: OpeningHours, day: date) -> Iterator[tuple[datetime, datetime]]:
    """What opens on a local day; the day before tells an opening that began there, the day after where one ends."""
    begin, end = _midnight(day), _midnight(day + DAY)
    for opens, closes, state, _ in hours.intervals(begin - DAY, end + DAY):
        if state != State.OPEN:
            continue
        if closes - opens >= DAY and opens < end and closes > begin:
            yield max(opens, begin), min(closes, end)
        elif begin <= opens < end:
            yield opens, closes


def _reason(text: str, country: str, region: str | None, day: date) -> str | None:
    comment = _hours(text, ()).state(_midnight(day) + DAY / 2)[1]
    return _holiday(country, region, day) or comment or None
