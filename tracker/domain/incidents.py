"""Incidents: their kinds, their causes, their states and the tables of legal moves."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from tracker.domain.events import ExceptionCode


class IllegalMove(Exception):
    """A move that the table of states leaves out."""


class Kind(StrEnum):
    """What an incident is about; the gravest stands first."""

    FOUND = "found"
    DESTROYED = "destroyed"
    STOLEN = "stolen"
    LOST = "lost"
    DAMAGED = "damaged"
    DAMAGED_OR_LOST = "damaged_or_lost"
    DAMAGED_DELIVERED = "damaged_delivered"
    DELIVERED_NOT_RECEIVED = "delivered_not_received"
    MISSING_PIECES = "missing_pieces"
    UNDER_INVESTIGATION = "under_investigation"
    STALLED = "stalled"
    OVERDUE = "overdue"


class State(StrEnum):
    """The life of an incident."""

    OPEN = "open"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """How an incident ended."""

    DELIVERED = "delivered"
    REFUNDED = "refunded"
    RETURNED = "returned"
    MOVING = "moving"
    """Silence was all that was wrong, and a scan has ended it."""
    WITHDRAWN = "withdrawn"


class Cause(StrEnum):
    """What is known to have happened to the parcel, once somebody who knows has said it."""

    BROKEN = "broken"
    LOST = "lost"


class Desired(StrEnum):
    """What the customer chose."""

    WAIT = "wait"
    REFUND = "refund"


class Move(StrEnum):
    """What can be done to an incident's state."""

    RESOLVE = "resolve"
    REOPEN = "reopen"


MOVES: Final = {(State.OPEN, Move.RESOLVE): State.RESOLVED, (State.RESOLVED, Move.REOPEN): State.OPEN}

# Kinds that say one thing more than another: vague news never replaces precise news, precise replaces vague.
_VAGUE = {Kind.STALLED, Kind.OVERDUE, Kind.UNDER_INVESTIGATION, Kind.MISSING_PIECES}
_PRECISE = {Kind.DAMAGED, Kind.LOST, Kind.STOLEN, Kind.DESTROYED, Kind.DAMAGED_DELIVERED}
_LOSSES: Final = frozenset({Kind.DAMAGED_OR_LOST, Kind.DAMAGED, Kind.LOST, Kind.STOLEN, Kind.DESTROYED})

KIND_MOVES: Final[frozenset[tuple[Kind, Kind]]] = frozenset(
    {(vague, news) for vague in _VAGUE for news in Kind if news not in _VAGUE}
    | {(Kind.OVERDUE, Kind.STALLED), (Kind.OVERDUE, Kind.MISSING_PIECES), (Kind.STALLED, Kind.MISSING_PIECES)}
    | {(vague, Kind.UNDER_INVESTIGATION) for vague in (Kind.STALLED, Kind.OVERDUE)}
    | {(Kind.DAMAGED_OR_LOST, news) for news in (*_PRECISE, Kind.FOUND)}
    | {(before, Kind.FOUND) for before in (*_PRECISE, Kind.DELIVERED_NOT_RECEIVED) if before is not Kind.DESTROYED}
    | {(Kind.LOST, news) for news in (Kind.DAMAGED, Kind.STOLEN, Kind.DESTROYED, Kind.DAMAGED_DELIVERED)}
    | {(Kind.STOLEN, Kind.DAMAGED), (Kind.STOLEN, Kind.DAMAGED_DELIVERED), (Kind.DAMAGED, Kind.DESTROYED)}
    | {(Kind.DAMAGED, Kind.LOST), (Kind.DAMAGED, Kind.DAMAGED_DELIVERED)}
    | {(Kind.FOUND, news) for news in (*_PRECISE, Kind.DAMAGED_OR_LOST)}
)
"""Which kind may become which: (before, after)."""

OPENS: Final = {
    ExceptionCode.DAMAGED_OR_LOST: Kind.DAMAGED_OR_LOST,
    ExceptionCode.LOST: Kind.LOST,
    ExceptionCode.STOLEN: Kind.STOLEN,
    ExceptionCode.DESTROYED: Kind.DESTROYED,
    ExceptionCode.DAMAGED: Kind.DAMAGED,
    ExceptionCode.MISSING_PIECES: Kind.MISSING_PIECES,
    ExceptionCode.DAMAGED_DELIVERED: Kind.DAMAGED_DELIVERED,
    ExceptionCode.DELIVERED_NOT_RECEIVED: Kind.DELIVERED_NOT_RECEIVED,
    ExceptionCode.UNDER_INVESTIGATION: Kind.UNDER_INVESTIGATION,
    ExceptionCode.STALLED: Kind.STALLED,
    ExceptionCode.OVERDUE: Kind.OVERDUE,
}
"""Which exceptions open an incident at once, and of which kind (feed and derived ones alike)."""

CAUSE_OF: Final = {
    Kind.LOST: Cause.LOST,
    Kind.STOLEN: Cause.LOST,
    Kind.DAMAGED: Cause.BROKEN,
    Kind.DESTROYED: Cause.BROKEN,
}


def after(state: State, move: Move) -> State:
    """The state after a move.  Raises IllegalMove when the table leaves it out."""
    try:
        return MOVES[state, move]
    except KeyError:
        raise IllegalMove(f"cannot {move} an incident that is {state}") from None


def moved(kind: Kind, news: Kind) -> Kind:
    """The kind after news of another: it changes only as the table allows."""
    return news if (kind, news) in KIND_MOVES else kind


def gravest(kinds: Iterable[Kind]) -> Kind:
    """The kind that stands first among several."""
    order = list(Kind)
    return min(kinds, key=order.index)


def is_loss(kind: Kind) -> bool:
    """Whether the goods are gone or broken, so that a refund is announced at once."""
    return kind in _LOSSES
