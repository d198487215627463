"""Depots and desks from a file: each row is checked, its calendar too, and made or changed."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from tracker.outside.calendars import BadCalendar, calendar
from tracker.outside.postcodes import ISLANDS, MAINLANDS
from tracker.steps.intake.new import Wrong, carrier, code, country, email, language, line
from tracker.steps.intake.sheet import BadRow, Lines, Report, Sheet
from tracker.store import depots
from tracker.store.depots import Depot

COLUMNS: Final = (
    "carrier", "code", "name", "hours", "timezone", "country", "region", "email", "phone", "manager_email", "language",
    "postcodes",
)  # fmt: skip
HOURS: Final = "Mo-Fr 09:00-14:00,16:00-19:00; PH off"
"""What a depot without opening hours is taken to keep: a Spanish office's day."""
ZONE: Final = "Europe/Madrid"
COUNTRY_OF: Final = {zone: land for land, zone in MAINLANDS.items()} | {
    zone: land for land, zones in ISLANDS.items() for zone in zones.values()
}
"""Whose holidays a depot keeps where only its zone is known."""


def import_depots(session: Session, lines: Lines) -> Report:
    """Make or change the depots of a CSV file; the code `desk` is the carrier's account or claims desk.

    A row stands for its depot whole: an empty cell empties the value. `known` counts the depots that were there
    before. Raises Refused when the file cannot be read.
    """
    sheet = Sheet(lines, COLUMNS, required=("carrier", "code"))
    report = Report(ignored=sheet.ignored)
    for row in sheet.rows():
        if isinstance(row, BadRow):
            report.refused.append(row)
            continue
        try:
            known = _put(session, _values(row.values))
        except Wrong as wrong:
            report.refused.append(BadRow(row.line, wrong.field, str(wrong)))
            continue
        report.known += known
        report.added += not known
    return report


def _put(session: Session, values: dict[str, Any]) -> bool:
    """Whether the depot was known already.  An address that changes has to prove itself again."""
    depot = depots.by_code(session, values["carrier"], values["code"])
    if depot is None:
        session.add(Depot(**values))
        session.flush()
        return False
    if depot.email != values["email"]:
        depot.confirmed_at = None
    for name, value in values.items():
        if name != "code":
            setattr(depot, name, value)
    session.flush()
    return True


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    told = {name: given.get(name, "") for name in COLUMNS}
    for name in ("carrier", "code"):
        if not told[name]:
            raise Wrong(name, "is missing")
    region = code("region", told["region"], 8).upper() or None
    zone = code("timezone", told["timezone"], 64) or ZONE
    values = {
        "carrier": carrier("carrier", told["carrier"]),
        "code": _code(told["code"]),
        "name": line("name", told["name"], 120) or told["code"],
        "hours": line("hours", told["hours"], 300) or HOURS,
        "timezone": zone,
        "country": _country(told["country"], region, zone),
        "region": region,
        "email": email("email", told["email"]) if told["email"] else None,
        "phone": code("phone", told["phone"], 32) or None,
        "manager_email": email("manager_email", told["manager_email"]) if told["manager_email"] else None,
        "language": language("language", told["language"]) if told["language"] else "es",
        "postcodes": _prefixes(told["postcodes"]),
    }
    _check_calendar(values)
    return values


def _code(text: str) -> str:
    found = code("code", text, 32)
    return found.lower() if found.lower() == depots.DESK else found


def _country(text: str, region: str | None, zone: str) -> str:
    """As told, else as the region (ES-EX) or the zone tells, else Spain."""
    if text:
        return country("country", text)
    if region and (iso := re.fullmatch("([A-Z]{2})-.+", region)):
        return iso[1]
    return COUNTRY_OF.get(zone, "ES")


def _prefixes(text: str) -> str:
    prefixes = re.split(r"[\s,;|]+", text.strip()) if text.strip() else []
    for prefix in prefixes:
        if not re.fullmatch("[0-9A-Za-z]{1,10}", prefix):
            raise Wrong("postcodes", f"must be beginnings of postcodes such as 06 10, not {prefix[:20]!r}")
    return " ".join(prefixes).upper()


def _check_calendar(values: Mapping[str, Any]) -> None:
    named = (values["name"], values["timezone"], values["hours"], values["country"], values["region"])
    try:
        calendar(*named)
    except BadCalendar as error:
        text = str(error).removeprefix(f"{values['name']}: ")
        column = next((name for name, word in _CALENDAR_WORDS.items() if word in text), "hours")
        raise Wrong(column, f"is not usable: {text}") from None


_CALENDAR_WORDS: Final = {"timezone": "time zone", "region": "region", "country": "country"}
