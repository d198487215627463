"""Many events make one Standing: where a parcel is, what is wrong with it, and since when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tracker.domain.events import GRAVITY, Direction, Event, ExceptionCode, Stage

AHEAD: Final = timedelta(hours=24)
"""A time further ahead of now than this is a carrier's mistake: it raises trouble, but moves and clears nothing."""
FINAL: Final = frozenset({Stage.DELIVERED, Stage.RETURNED})
NOT_YET: Final = frozenset({Stage.UNKNOWN, Stage.REGISTERED})
SCANS: Final = frozenset(Stage) - NOT_YET - {Stage.ENDED_UNDELIVERED}
"""Stages that somebody with the parcel in hand reports."""
RECEIVERS: Final = frozenset({None, "addressee", "authorised_person", "neighbour_with_consent"})
"""Whose hands end the road; a pickup point, a locker or a neighbour nobody agreed to do not."""
ATTEMPTS: Final = frozenset(
    {
        ExceptionCode.ATTEMPT_FAILED_ABSENT,
        ExceptionCode.ATTEMPT_FAILED_CLOSED,
        ExceptionCode.ATTEMPT_FAILED_ACCESS,
    }
)
SUSPICIONS: Final = frozenset({ExceptionCode.MISSING_PIECES})
STICKY: Final = frozenset(
    {
        ExceptionCode.DAMAGED_OR_LOST,
        ExceptionCode.LOST,
        ExceptionCode.STOLEN,
        ExceptionCode.DESTROYED,
        ExceptionCode.DAMAGED,
        ExceptionCode.DAMAGED_DELIVERED,
        ExceptionCode.DELIVERED_NOT_RECEIVED,
        ExceptionCode.UNDER_INVESTIGATION,
        ExceptionCode.SEIZED,
        ExceptionCode.SECURITY_HOLD,
    }
)
"""Exceptions that a later scan does not clear: a damaged parcel that moves on is still damaged."""
ARRIVAL_CLEARS: Final = frozenset(
    {
        ExceptionCode.LOST,
        ExceptionCode.STOLEN,
        ExceptionCode.UNDER_INVESTIGATION,
        ExceptionCode.SEIZED,
        ExceptionCode.SECURITY_HOLD,
    }
)
"""Sticky exceptions that cannot be true any more of a parcel in its receiver's or sender's hands."""
RETURN_CAUSES: Final = frozenset({ExceptionCode.REFUSED, ExceptionCode.UNCLAIMED, ExceptionCode.ADDRESS_PROBLEM})
"""Why a parcel comes back: the scans of the way back do not clear it."""
PROGRESS: Final[Mapping[Stage, int]] = {stage: place for place, stage in enumerate(Stage)}
WORST_FIRST: Final = (
    Stage.ENDED_UNDELIVERED,
    Stage.RETURNED,
    Stage.RETURNING,
    *(stage for stage in Stage if stage not in (Stage.ENDED_UNDELIVERED, Stage.RETURNED, Stage.RETURNING)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a shipment stands.  Every instant is aware.

    `exception` is the gravest of `exceptions`, the live ones, gravest first, and began at `since`; `suspected` says
    that it is a suspicion, which a later scan may undo. `seen_again_at` is the last scan after a sticky exception
    began: it proposes that the parcel was found, and clears nothing. `attempts` counts failed ones at the door.
    `location` and `depot` are those of the last event that names them. `unmapped` counts codes never seen.
    `ended` says that the parcel is with its receiver or back with its sender, since `ended_at`; a drop-off is neither,
    nor is a neighbour nobody agreed to. `delivered_at` is set for any delivery.
    """

    stage: Stage = Stage.UNKNOWN
    exception: ExceptionCode = ExceptionCode.NONE
    exceptions: tuple[ExceptionCode, ...] = ()
    since: datetime | None = None
    suspected: bool = False
    seen_again_at: datetime | None = None
    direction: Direction = Direction.OUTBOUND
    handover_to: str | None = None
    attempts: int = 0
    solution_needed: bool = False
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None
    delivered_at: datetime | None = None
    ended: bool = False
    ended_at: datetime | None = None
    location: str | None = None
    depot: str | None = None
    unmapped: int = 0

    def quiet_for(self, now: datetime) -> timedelta | None:
        """How long nothing has happened; None before the first event."""
        return None if self.last_event_at is None else now - self.last_event_at


def fold(events: Iterable[Event], now: datetime | None = None) -> Standing:
    """The standing of a shipment by all its events, in any order and however often each is given.

    Each piece that events name is folded with the events that name none, and the worst piece speaks for all.
    `now` (aware) tells times that lie in the future; without it every time is believed.
    """
    told = sorted(events, key=_order)
    pieces = sorted({event.piece for event in told if event.piece})
    if not pieces:
        return _walk(told, now)
    return _worst([_walk([event for event in told if event.piece in (None, piece)], now) for piece in pieces], told)


def _order(event: Event) -> tuple[object, ...]:
    """Instant and gravity, then progress, and in the end whatever makes the order of the input not matter."""
    return (
        event.occurred_at,
        GRAVITY[event.exception],
        PROGRESS[event.stage] if event.stage else 0,
        event.raw_code,
        event.raw_time,
        event.direction,
        event.handover_to or "",
        event.location or "",
        event.depot or "",
        event.recovery,
        event.solution,
    )


class _Road:
    """A parcel on its way through its events, oldest first."""

    def __init__(self) -> None:
        self.stage = Stage.UNKNOWN
        self.returning = False
        self.live: dict[ExceptionCode, datetime] = {}
        self.handover_to: str | None = None
        self.delivered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.scanned_at: datetime | None = None
        self.solution = False

    def take(self, event: Event) -> None:
        """One more event: it may clear, move and raise, in this order."""
        clean = event.exception is ExceptionCode.NONE
        if event.recovery:
            self.live.clear()
        if event.direction is Direction.RETURN or event.stage in (Stage.RETURNING, Stage.RETURNED):
            self.returning = True
        if event.stage is not None:
            self._move(event, event.stage)
            if event.stage in SCANS:
                self.scanned_at = event.occurred_at
                self._clear(arrived=event.stage in FINAL, clean=clean)
        self.solution = event.solution or (self.solution and not clean and not event.recovery)
        if not clean:
            self.live.setdefault(event.exception, event.occurred_at)

    def _move(self, event: Event, stage: Stage) -> None:
        if self.returning and stage in SCANS:
            stage = Stage.RETURNED if stage in FINAL else Stage.RETURNING
        back = stage in NOT_YET and self.stage is not Stage.UNKNOWN
        over = self.stage in FINAL and stage not in (Stage.RETURNING, *FINAL) and not event.recovery
        if back or over or (self.stage is Stage.RETURNED and stage is not Stage.RETURNED):
            return
        if stage is not self.stage:
            self.handover_to = self.ended_at = None
            self.delivered_at = event.occurred_at if stage is Stage.DELIVERED else None
        self.stage = stage
        self.handover_to = event.handover_to or self.handover_to
        if stage is Stage.RETURNED or (stage is Stage.DELIVERED and self.handover_to in RECEIVERS):
            self.ended_at = self.ended_at or event.occurred_at

    def _clear(self, *, arrived: bool, clean: bool) -> None:
        """What a scan says is over: passing trouble and suspicions, and what an arrival proves wrong."""
        keep = STICKY - ARRIVAL_CLEARS if arrived else STICKY
        keep = keep | RETURN_CAUSES if self.returning else keep
        if clean and self.live:
            self.live = {code: since for code, since in self.live.items() if code in keep}


def _walk(events: Sequence[Event], now: datetime | None) -> Standing:
    road = _Road()
    latest = now + AHEAD if now else None
    dated = [event for event in events if latest is None or event.occurred_at <= latest]
    for event in dated:
        road.take(event)
    for event in events[len(dated) :]:
        if now and event.exception is not ExceptionCode.NONE:
            road.live.setdefault(event.exception, now)
    live = tuple(sorted(road.live, key=GRAVITY.__getitem__, reverse=True))
    gravest = live[0] if live else ExceptionCode.NONE
    since = road.live.get(gravest)
    seen = road.scanned_at if since and gravest in STICKY and road.scanned_at and road.scanned_at > since else None
    return Standing(
        stage=road.stage,
        exception=gravest,
        exceptions=live,
        since=since,
        suspected=gravest in SUSPICIONS,
        seen_again_at=seen,
        direction=Direction.RETURN if road.returning else Direction.OUTBOUND,
        handover_to=road.handover_to,
        attempts=len({event.occurred_at for event in dated if event.exception in ATTEMPTS}),
        solution_needed=road.solution,
        first_event_at=dated[0].occurred_at if dated else None,
        last_event_at=dated[-1].occurred_at if dated else None,
        delivered_at=road.delivered_at,
        ended=road.ended_at is not None,
        ended_at=road.ended_at,
        location=next((event.location for event in reversed(dated) if event.location), None),
        depot=next((event.depot for event in reversed(dated) if event.depot), None),
        unmapped=_unmapped(events),
    )


def _unmapped(events: Iterable[Event]) -> int:
    return len({(event.raw_code, event.raw_time) for event in events if not event.mapped})


def _worst(pieces: Sequence[Standing], events: Sequence[Event]) -> Standing:
    """The piece furthest behind or worst off gives the stage; what is wrong with any of them is wrong."""
    slowest = min(pieces, key=lambda piece: WORST_FIRST.index(piece.stage))
    gravest = max(pieces, key=lambda piece: GRAVITY[piece.exception])
    live = {code for piece in pieces for code in piece.exceptions}
    ends = [piece.ended_at for piece in pieces if piece.ended_at]
    over = len(ends) == len(pieces)
    return replace(
        slowest,
        exception=gravest.exception,
        exceptions=tuple(sorted(live, key=GRAVITY.__getitem__, reverse=True)),
        since=gravest.since,
        suspected=gravest.suspected,
        seen_again_at=gravest.seen_again_at,
        attempts=max(piece.attempts for piece in pieces),
        solution_needed=any(piece.solution_needed for piece in pieces),
        ended=over,
        ended_at=max(ends) if over else None,
        unmapped=_unmapped(events),
    )
