"""How often a carrier is asked about a parcel: trouble first, calm parcels seldom, ended ones no more."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tracker.domain.events import ExceptionCode, Stage

FRESH: Final = timedelta(hours=2)
TROUBLE: Final = timedelta(minutes=30)
OUT_FOR_DELIVERY: Final = timedelta(minutes=30)
UNKNOWN: Final = timedelta(hours=2)
GIVE_UP_UNKNOWN: Final = timedelta(days=7)
AFTER_END: Final = timedelta(days=3)
"""An ended parcel without an open incident is watched for this long, for a late correction."""
AFTER_INCIDENT: Final = timedelta(days=30)
"""A parcel with an incident is watched for this long after its end: a lost one may turn up."""
ENDED: Final = frozenset({Stage.DELIVERED, Stage.RETURNED, Stage.ENDED_UNDELIVERED})


class Watched(NamedTuple):
    """What decides the next poll.  `incident_closed_at`: when the last incident ended, if one has."""

    stage: Stage
    exception: ExceptionCode
    last_event_at: datetime | None
    unknown_since: datetime | None
    incident_open: bool = False
    incident_closed_at: datetime | None = None


class Plan(NamedTuple):
    """How long to wait (None: no more polls), and the reason for an end, as people read it."""

    wait: timedelta | None
    reason: str | None = None


def plan(parcel: Watched, now: datetime) -> Plan:
    """The wait until the next poll.  No exception ever ends the polling; an end is always told with its reason."""
    if parcel.unknown_since is not None and parcel.last_event_at is None:
        if now - parcel.unknown_since > GIVE_UP_UNKNOWN:
            return Plan(None, "the carrier does not know the number")
        return Plan(UNKNOWN)
    if parcel.incident_open:
        return Plan(TROUBLE)
    if parcel.incident_closed_at is not None:
        over = now - parcel.incident_closed_at > AFTER_INCIDENT
        return Plan(None, "30 days after its incident") if over else Plan(FRESH * 3)
    if parcel.stage in ENDED and parcel.last_event_at is not None:
        over = now - parcel.last_event_at > AFTER_END
        return Plan(None, f"three days after it was {parcel.stage}") if over else Plan(FRESH * 3)
    if parcel.exception not in {ExceptionCode.NONE, ExceptionCode.UNMAPPED}:
        return Plan(TROUBLE)
    return Plan(OUT_FOR_DELIVERY if parcel.stage is Stage.OUT_FOR_DELIVERY else FRESH)
