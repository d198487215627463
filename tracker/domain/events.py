"""The carrier's news in our words: stages, exceptions and the tracking event that carries them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple


class Stage(StrEnum):
    """Where the parcel is."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    CUSTOMS = "customs"
    AT_DELIVERY_DEPOT = "at_delivery_depot"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AT_PICKUP_POINT = "at_pickup_point"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    ENDED_UNDELIVERED = "ended_undelivered"


class ExceptionCode(StrEnum):
    """What is wrong, in order of gravity: the gravest live one is the shipment's."""

    DAMAGED_OR_LOST = "damaged_or_lost"
    LOST = "lost"
    STOLEN = "stolen"
    DESTROYED = "destroyed"
    DAMAGED = "damaged"
    MISSING_PIECES = "missing_pieces"
    DAMAGED_DELIVERED = "damaged_delivered"
    DELIVERED_NOT_RECEIVED = "delivered_not_received"
    PRESUMED_LOST = "presumed_lost"
    UNDER_INVESTIGATION = "under_investigation"
    SEIZED = "seized"
    SECURITY_HOLD = "security_hold"
    CUSTOMS_HOLD = "customs_hold"
    HELD_DOCUMENTS = "held_documents"
    HELD_PAYMENT = "held_payment"
    ADDRESS_PROBLEM = "address_problem"
    REFUSED = "refused"
    UNCLAIMED = "unclaimed"
    ATTEMPT_FAILED_ABSENT = "attempt_failed_absent"
    ATTEMPT_FAILED_CLOSED = "attempt_failed_closed"
    ATTEMPT_FAILED_ACCESS = "attempt_failed_access"
    ATTEMPT_FAILED_NO_TIME = "attempt_failed_no_time"
    MISROUTED = "misrouted"
    DELAYED_CARRIER = "delayed_carrier"
    DELAYED_WEATHER = "delayed_weather"
    DELAYED_OTHER = "delayed_other"
    STALLED = "stalled"
    OVERDUE = "overdue"
    CONTRADICTION = "contradiction"
    TRACKING_ENDED = "tracking_ended"
    CANCELLED = "cancelled"
    UNMAPPED = "unmapped"
    NONE = "none"


class Direction(StrEnum):
    """Which way the parcel travels; the first return event sets RETURN and it stays."""

    OUTBOUND = "outbound"
    RETURN = "return"


class Source(StrEnum):
    """Who told us of the event."""

    POLL = "poll"
    PUSH = "push"
    IMPORT = "import"
    MANUAL = "manual"
    DEPOT = "depot"
    CUSTOMER = "customer"
    FILE = "file"


GRAVITY: Final[Mapping[ExceptionCode, int]] = {code: place for place, code in enumerate(reversed(ExceptionCode))}
"""How grave an exception is: NONE is 0, DAMAGED_OR_LOST the highest."""


class Event(NamedTuple):
    """One scan or answer about a parcel.

    `occurred_at` is aware; `tz_known` says whether the carrier gave the zone or we assumed the carrier's.
    `stage` None keeps the parcel's last one. `recovery` undoes a sticky exception; `solution` means that the
    carrier waits for an instruction. `piece` names one parcel of several. `carrier_event_id` is the carrier's own id
    of the event or, where it gives none and writes codes or places in several ways, what stands for one.
    """

    number: str
    occurred_at: datetime
    tz_known: bool
    raw_code: str
    raw_text: str
    raw_time: str
    stage: Stage | None
    exception: ExceptionCode = ExceptionCode.NONE
    direction: Direction = Direction.OUTBOUND
    handover_to: str | None = None
    location: str | None = None
    depot: str | None = None
    source: Source = Source.POLL
    piece: str | None = None
    recovery: bool = False
    solution: bool = False
    carrier_event_id: str | None = None
    mapping_version: int = 0

    @property
    def mapped(self) -> bool:
        """Whether a code table knew the raw code."""
        return self.exception is not ExceptionCode.UNMAPPED

    @property
    def identity(self) -> bytes:
        """16 bytes that stay the same when the carrier rewords the text or sends the event again."""
        told = self.carrier_event_id or "\x1f".join(
            (self.raw_code, self.raw_time, self.location or "", self.piece or "")
        )
        return sha256(told.encode()).digest()[:16]

    @property
    def order(self) -> tuple[datetime, int, bytes]:
        """The sorting key of a parcel's history: instant, gravity, identity."""
        return (self.occurred_at, GRAVITY[self.exception], self.identity)

    def as_json(self, stage: Stage) -> dict[str, object]:
        """The event as JSON values; `stage` is the parcel's, for an event that keeps the last one."""
        return {
            "number": self.number,
            "occurred_at": self.occurred_at.isoformat(),
            "tz_known": self.tz_known,
            "raw_code": self.raw_code,
            "raw_text": self.raw_text,
            "stage": str(self.stage or stage),
            "exception": str(self.exception),
            "direction": str(self.direction),
            "handover_to": self.handover_to,
            "location": self.location,
            "depot": self.depot,
            "source": str(self.source),
            "mapped": self.mapped,
        }
