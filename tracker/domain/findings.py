"""What counts as trouble, as a table: the feed's exceptions that open an incident, and what silence says."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from tracker.domain.events import ExceptionCode, Stage

MOVING: Final = frozenset(
    {Stage.ACCEPTED, Stage.IN_TRANSIT, Stage.CUSTOMS, Stage.AT_DELIVERY_DEPOT, Stage.OUT_FOR_DELIVERY, Stage.RETURNING}
)
"""Stages in which a parcel in good hands is scanned every working day or two."""
OPENING: Final = frozenset(
    {
        ExceptionCode.DAMAGED_OR_LOST,
        ExceptionCode.LOST,
        ExceptionCode.STOLEN,
        ExceptionCode.DESTROYED,
        ExceptionCode.DAMAGED,
        ExceptionCode.MISSING_PIECES,
        ExceptionCode.DAMAGED_DELIVERED,
        ExceptionCode.DELIVERED_NOT_RECEIVED,
        ExceptionCode.UNDER_INVESTIGATION,
    }
)
"""The exceptions that open an incident at once (the "at once" rows of the table of exceptions)."""
ENDED: Final = frozenset({Stage.DELIVERED, Stage.RETURNED, Stage.ENDED_UNDELIVERED})


class Picture(NamedTuple):
    """What a finding is judged by; `stall_at` and `overdue_at` are the instants at which silence becomes one."""

    stage: Stage
    exceptions: frozenset[ExceptionCode]
    stall_at: datetime | None
    overdue_at: datetime | None


def _stalled(picture: Picture, now: datetime) -> bool:
    return picture.stage in MOVING and picture.stall_at is not None and now >= picture.stall_at


def _overdue(picture: Picture, now: datetime) -> bool:
    return picture.stage not in ENDED and picture.overdue_at is not None and now >= picture.overdue_at


DERIVED: Final[tuple[tuple[ExceptionCode, Callable[[Picture, datetime], bool]], ...]] = (
    (ExceptionCode.STALLED, _stalled),
    (ExceptionCode.OVERDUE, _overdue),
)


def findings(picture: Picture, now: datetime) -> frozenset[ExceptionCode]:
    """Every live finding.  Silence says nothing new about a parcel whose trouble the carrier has told us."""
    told = frozenset(code for code in picture.exceptions if code in OPENING)
    return told or frozenset(code for code, rule in DERIVED if rule(picture, now))


def cleared(open_ones: Iterable[ExceptionCode], live: frozenset[ExceptionCode]) -> frozenset[ExceptionCode]:
    """The findings that no longer hold."""
    return frozenset(open_ones) - live
