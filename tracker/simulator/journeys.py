"""What a parcel goes through: the scans of a good journey, and the ways in which one goes wrong."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from tracker.domain.events import ExceptionCode
from tracker.simulator.chance import between
from tracker.simulator.truth import Parcel, Scan

MADRID: Final = ZoneInfo("Europe/Madrid")
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


class Fate(StrEnum):
    """What becomes of a parcel."""

    FINE = "fine"
    ABSENT = "absent"
    REFUSED = "refused"
    DAMAGED = "damaged"
    LOST = "lost"
    EITHER_BROKEN = "either_broken"
    EITHER_LOST = "either_lost"
    EITHER_FOUND = "either_found"
    MISSING_FOUND = "missing_found"
    MISSING = "missing"
    STALLED = "stalled"
    VANISHED = "vanished"
    FOUND_LATE = "found_late"


Rates = Mapping[Fate, float]
RATES: Final[Rates] = {
    Fate.ABSENT: 0.06,
    Fate.REFUSED: 0.02,
    Fate.DAMAGED: 0.015,
    Fate.LOST: 0.015,
    Fate.EITHER_BROKEN: 0.015,
    Fate.EITHER_LOST: 0.01,
    Fate.EITHER_FOUND: 0.01,
    Fate.MISSING_FOUND: 0.015,
    Fate.MISSING: 0.005,
    Fate.STALLED: 0.03,
    Fate.VANISHED: 0.01,
    Fate.FOUND_LATE: 0.005,
}
"""How often each fate falls, of all parcels; the rest arrive."""
LATE_SCAN: Final = 0.02
"""How often the feed shows a scan hours after it was made."""


def draw(stream: random.Random, rates: Rates) -> Fate:
    """A fate by the rates; whatever is left over is fine."""
    left = stream.random()
    for fate, rate in rates.items():
        left -= rate
        if left < 0:
            return fate
    return Fate.FINE


def at(day: datetime, clock: time, *, workdays: int = 0) -> datetime:
    """A clock time in Madrid, on the local day of `day` or so many days (without weekends) after it, in UTC."""
    local = day.astimezone(MADRID).date()
    while workdays > 0:
        local += DAY
        workdays -= local.weekday() < 5
    return datetime.combine(local, clock, MADRID).astimezone(UTC)


def plan(parcel: Parcel, fate: Fate, stream: random.Random) -> None:
    """Write a parcel's journey into it: what will be scanned, and when the feed shows it."""
    scans = _dhl(parcel, fate, stream) if parcel.carrier == "dhl_unified" else _ROADS[fate](parcel, stream)
    parcel.add(*(_late(scan, stream) for scan in scans))


def _late(scan: Scan, stream: random.Random) -> Scan:
    if scan.trouble or stream.random() >= LATE_SCAN:
        return scan
    shown = scan.at + between(stream, HOUR, 9 * HOUR)
    return Scan(scan.at, scan.code, scan.text, scan.town, scan.depot, shown, scan.trouble, scan.ends, scan.recovers)


# --- SEUR -------------------------------------------------------------------------------------------------------------


def accepted(parcel: Parcel, stream: random.Random) -> list[Scan]:
    """Registered when it was sold, taken over the same evening, at the hub the night after."""
    start = parcel.created_at
    first = start + between(stream, timedelta(minutes=5), HOUR)
    taken = at(start, time(19, stream.randint(0, 59)), workdays=1)
    hub = at(taken, time(4, stream.randint(10, 59)), workdays=1)
    return [
        Scan(first, "SX010", "ENVÍO REGISTRADO"),
        Scan(taken, "SX001", "RECIBIDO SIE"),
        Scan(hub, "LI428", "MERCANCÍA EN MADRID", "MADRID", "28"),
    ]


def delivery(parcel: Parcel, after: datetime, stream: random.Random, *, workdays: int = 1) -> list[Scan]:
    """At the delivery depot, out with the driver, delivered: on the working day so many days after `after`."""
    arrived = at(after, time(6, stream.randint(0, 59)), workdays=workdays)
    if parcel.carrier == "dhl_unified":
        there = at(arrived, time(stream.randint(10, 18), stream.randint(41, 59)))
        return [
            Scan(arrived, "transit", "Arrived at delivery station", parcel.town),
            Scan(there, "delivered", "Delivered", parcel.town, ends=True),
        ]
    return [
        Scan(arrived, f"LI4{parcel.depot}", f"MERCANCÍA EN {parcel.town}", parcel.town, parcel.depot),
        Scan(at(arrived, time(9, stream.randint(0, 40))), "LC001", "EN REPARTO CONFIRMADO"),
        Scan(at(arrived, time(stream.randint(10, 18), stream.randint(41, 59))), "LL001", "Entregado", ends=True),
    ]


def _fine(parcel: Parcel, stream: random.Random) -> list[Scan]:
    scans = accepted(parcel, stream)
    return scans + delivery(parcel, scans[-1].at, stream)


def _absent(parcel: Parcel, stream: random.Random) -> list[Scan]:
    *road, arrived, out, there = _fine(parcel, stream)
    missed = Scan(there.at, "LI523", "CERRADO O PRIMERA AUSENCIA")
    again = delivery(parcel, there.at, stream)[1:]
    return [*road, arrived, out, missed, *again]


def _refused(parcel: Parcel, stream: random.Random) -> list[Scan]:
    *road, there = _fine(parcel, stream)
    sent = at(there.at, time(11, stream.randint(0, 59)), workdays=1)
    back = at(there.at, time(12, stream.randint(0, 59)), workdays=3)
    return [
        *road,
        Scan(there.at, "LI542", "RECHAZO. INDICAN DEVOLUCIÓN"),
        Scan(sent, "LL833", "DEVOLVER A ORIGEN"),
        Scan(back, "LL300", "Liquidado DEVUELTO", ends=True),
    ]


def _trouble(code: str, text: str, trouble: ExceptionCode) -> Callable[[Parcel, random.Random], list[Scan]]:
    """A journey that ends at the hub, or after it, with one scan that says what is wrong."""

    def road(parcel: Parcel, stream: random.Random) -> list[Scan]:
        scans = accepted(parcel, stream)
        said = at(scans[-1].at, time(stream.randint(7, 20), stream.randint(0, 59)), workdays=stream.randint(1, 3))
        return [*scans, Scan(said, code, text, trouble=trouble)]

    return road


_damaged = _trouble("LI537", "EXPEDICIÓN DETERIORADA", ExceptionCode.DAMAGED)
_lost = _trouble("LI535", "EXPEDICIÓN EXTRAVIADA", ExceptionCode.LOST)
_either = _trouble("LK560", "Siniestro", ExceptionCode.DAMAGED_OR_LOST)
_missing = _trouble("LI510", "FALTAN BULTOS", ExceptionCode.MISSING_PIECES)


def _missing_found(parcel: Parcel, stream: random.Random) -> list[Scan]:
    scans = _missing(parcel, stream)
    return scans + delivery(parcel, scans[-1].at, stream, workdays=stream.randint(1, 2))


def _found_late(parcel: Parcel, stream: random.Random) -> list[Scan]:
    scans = _lost(parcel, stream)
    return scans + delivery(parcel, scans[-1].at, stream, workdays=stream.randint(3, 6))


def _stalled(parcel: Parcel, stream: random.Random) -> list[Scan]:
    scans = accepted(parcel, stream)
    return scans + delivery(parcel, scans[-1].at, stream, workdays=stream.randint(4, 6))


_ROADS: Final[dict[Fate, Callable[[Parcel, random.Random], list[Scan]]]] = {
    Fate.FINE: _fine,
    Fate.ABSENT: _absent,
    Fate.REFUSED: _refused,
    Fate.DAMAGED: _damaged,
    Fate.LOST: _lost,
    Fate.EITHER_BROKEN: _either,
    Fate.EITHER_LOST: _either,
    Fate.EITHER_FOUND: _either,
    Fate.MISSING: _missing,
    Fate.MISSING_FOUND: _missing_found,
    Fate.STALLED: _stalled,
    Fate.VANISHED: accepted,
    Fate.FOUND_LATE: _found_late,
}


# --- DHL --------------------------------------------------------------------------------------------------------------


def _dhl(parcel: Parcel, fate: Fate, stream: random.Random) -> list[Scan]:
    """DHL's few codes: told, on its way, delivered; a failure of any kind is one word and a text."""
    start = parcel.created_at
    taken = at(start, time(18, stream.randint(0, 59)), workdays=1)
    hub = at(taken, time(3, stream.randint(0, 59)), workdays=1)
    there = at(hub, time(stream.randint(10, 18), stream.randint(0, 59)), workdays=5 if fate is Fate.STALLED else 1)
    road = [
        Scan(start + between(stream, timedelta(minutes=5), HOUR), "pre-transit", "Electronic information received"),
        Scan(taken, "transit", "Shipment picked up", "MADRID"),
        Scan(hub, "transit", "Processed at hub", "LEIPZIG"),
    ]
    if fate is Fate.ABSENT:
        missed = Scan(there, "failure", "Delivery attempted, recipient not home")
        return [*road, missed, Scan(there + DAY, "delivered", "Delivered", parcel.town, ends=True)]
    if fate in {Fate.FINE, Fate.STALLED, Fate.REFUSED, Fate.DAMAGED}:
        return [*road, Scan(there, "delivered", "Delivered", parcel.town, ends=True)]
    return road
