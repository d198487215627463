"""Refunds: what is owed, the states of an intent and the only moves between them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from tracker.domain.incidents import IllegalMove, Kind


class State(StrEnum):
    """The life of a refund intent."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    NEEDS_PERSON = "needs_person"
    SUCCEEDED_EXTERNALLY = "succeeded_externally"


class Mode(StrEnum):
    """How far the program goes by itself: nothing, up to a person's press of a button, all the way within caps."""

    OFF = "off"
    PROPOSE = "propose"
    AUTO = "auto"


_ENDS = (State.SUCCEEDED, State.PENDING, State.FAILED, State.UNKNOWN)
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset({State.APPROVED, State.CANCELLED}),
    State.APPROVED: frozenset({State.SENDING, State.CANCELLED}),
    State.SENDING: frozenset(_ENDS),
    State.PENDING: frozenset({State.SUCCEEDED, State.FAILED, State.NEEDS_PERSON}),
    State.UNKNOWN: frozenset(
        {State.SENDING, State.SUCCEEDED, State.PENDING, State.FAILED, State.NEEDS_PERSON, State.SUCCEEDED_EXTERNALLY}
    ),
    State.NEEDS_PERSON: frozenset({State.SUCCEEDED, State.FAILED, State.SUCCEEDED_EXTERNALLY}),
    State.SUCCEEDED: frozenset({State.FAILED}),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.SUCCEEDED_EXTERNALLY: frozenset(),
}
"""What each state may become.  `unknown` leaves by evidence only, and never because time has passed."""

LIVE: Final = frozenset(State) - {State.FAILED, State.CANCELLED}
"""One intent per incident may be in these states."""
GIVES_BACK: Final = frozenset({State.FAILED, State.CANCELLED})
"""The reserved money returns to the order only in these states."""
CAN_CANCEL: Final = frozenset({State.REQUESTED, State.APPROVED})
PAID: Final = frozenset({State.SUCCEEDED, State.SUCCEEDED_EXTERNALLY})

RECONCILE_AFTER: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=23),
)
"""When an unknown outcome is looked up again, counted from the first sending."""
RESEND_WITHIN: Final = timedelta(hours=23)
"""A provider that promises idempotency keys may be sent the same key and body again for this long."""
PENDING_PATIENCE: Final = timedelta(days=7)
"""An accepted refund of which nothing more is heard for this long goes to a person."""

_NEEDS_PROOF = frozenset({Kind.DELIVERED_NOT_RECEIVED, Kind.MISSING_PIECES, Kind.DAMAGED_DELIVERED})


class Owed(NamedTuple):
    """How much is owed (minor units), or the reason why a person must say."""

    amount_minor: int | None
    reason: str | None = None


def after(state: State, news: State) -> State:
    """`news`, if the table allows it.  Raises IllegalMove otherwise."""
    if news not in MOVES[state]:
        raise IllegalMove(f"a refund that is {state} cannot become {news}")
    return news


def owed(kind: Kind, value_minor: int | None, paid_minor: int, reserved_minor: int, *, cod: bool, alone: bool) -> Owed:
    """What the merchant owes for a shipment: its own value, or the order's where it is the only shipment."""
    if cod:
        return Owed(None, "the order is cash on delivery: check whether it was paid")
    if kind in _NEEDS_PROOF:
        return Owed(None, f"{kind} needs a person: proof of delivery, a statement or photos")
    amount = value_minor if value_minor is not None else (paid_minor if alone else None)
    if amount is None or amount <= 0:
        return Owed(None, "the amount of this shipment is not known")
    if reserved_minor + amount > paid_minor:
        return Owed(None, "more would go back than was paid")
    return Owed(amount)


def key(ref: str, seq: int) -> str:
    """The idempotency key of the `seq`-th intent of an incident; it never changes and never returns."""
    return f"{ref}-refund-{seq}"
