"""Refunds: what is owed, the states of an intent, the only moves between them and whose word moves it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
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


class Witness(StrEnum):
    """Whose word it is that tells what became of a refund."""

    ANSWER = "answer"
    """The provider's answer to our own sending."""
    LOOK_UP = "look_up"
    CALLBACK = "callback"
    PERSON = "person"


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
"""Nothing has been sent yet."""
PAID: Final = frozenset({State.SUCCEEDED, State.SUCCEEDED_EXTERNALLY})
IN_FLIGHT: Final = frozenset({State.SENDING, State.UNKNOWN, State.PENDING, State.NEEDS_PERSON})
"""Sent, and nobody knows yet how it ends."""

_HEARD_IN: Final[Mapping[Witness, frozenset[State]]] = {
    Witness.ANSWER: frozenset({State.SENDING}),
    Witness.LOOK_UP: frozenset({State.UNKNOWN, State.PENDING}),
    Witness.CALLBACK: IN_FLIGHT | {State.SUCCEEDED},
    Witness.PERSON: frozenset({State.UNKNOWN, State.NEEDS_PERSON}),
}

RECONCILE_AFTER: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=23),
    timedelta(hours=24),
    timedelta(hours=48),
)
"""When an unknown outcome is looked up again, counted from the first sending; after the last a person must."""
RESEND_WITHIN: Final = timedelta(hours=23)
"""A provider that promises idempotency keys may be sent the same key and body again for this long."""
PENDING_LOOK: Final = timedelta(hours=6)
"""How often an accepted refund is looked up while nothing is heard."""
PENDING_PATIENCE: Final = timedelta(days=7)
"""An accepted refund of which nothing more is heard for this long goes to a person."""

_NEEDS_PROOF = frozenset({Kind.DELIVERED_NOT_RECEIVED, Kind.MISSING_PIECES, Kind.DAMAGED_DELIVERED})


class Owed(NamedTuple):
    """How much is owed (minor units), or the reason why a person must say."""

    amount_minor: int | None
    reason: str | None = None


class Trigger(NamedTuple):
    """What a refund rests on, as it stands at the moment of acting."""

    kind: Kind
    resolved: bool
    arrived: bool
    """Delivered, or back at the sender."""
    announced_at: datetime | None
    """When the open announcement says that it will be asked for; None when there is none."""
    by_rule: bool
    """Asked for by the program itself and not by a person."""


def after(state: State, news: State) -> State:
    """`news`, if the table allows it.  Raises IllegalMove otherwise."""
    if news not in MOVES[state]:
        raise IllegalMove(f"a refund that is {state} cannot become {news}")
    return news


def learned(state: State, news: State, witness: Witness) -> State:
    """The state after somebody's word: older, weaker or impossible news changes nothing.

    An answer counts only while we wait for it, a look-up only while the outcome is open; so the API answer and the
    callbacks of one refund end in the same state in whatever order and however often they come.
    """
    return news if state in _HEARD_IN[witness] and news in MOVES[state] else state


def contradicts(state: State, news: State) -> bool:
    """Whether a provider's word cannot be true beside what is recorded, so that a person must look."""
    never_sent = state in CAN_CANCEL or state is State.CANCELLED
    return never_sent or (state is State.FAILED and news in PAID) or (state in PAID and news is State.FAILED)


def objection(trigger: Trigger, now: datetime) -> str | None:
    """Why a refund that was decided earlier must not go out now; None when nothing has changed."""
    if trigger.resolved:
        return "the incident was resolved"
    if trigger.arrived and trigger.kind not in _NEEDS_PROOF:
        return "the parcel has arrived"
    if not trigger.by_rule:
        return None
    if trigger.kind is Kind.FOUND:
        return "the parcel was found"
    if trigger.announced_at is not None and trigger.announced_at > now:
        return "it was announced for a later day"
    return None


def owed(
    kind: Kind,
    value_minor: int | None,
    paid_minor: int,
    reserved_minor: int,
    *,
    cod: bool,
    alone: bool,
    judged: bool = False,
) -> Owed:
    """What the merchant owes for a shipment: its own value, or the order's where it is the only shipment.

    `judged`: a person has looked at the proof, or at whether cash on delivery was paid.
    """
    if cod and not judged:
        return Owed(None, "the order is cash on delivery: check whether it was paid")
    if kind in _NEEDS_PROOF and not judged:
        return Owed(None, f"{kind} needs a person: proof of delivery, a statement or photos")
    amount = value_minor if value_minor is not None else (paid_minor if alone else None)
    if amount is None or amount <= 0:
        return Owed(None, "the amount of this shipment is not known")
    if reserved_minor + amount > paid_minor:
        return Owed(None, "more would go back than was paid")
    return Owed(amount)


def next_look(first_sent_at: datetime, now: datetime) -> datetime | None:
    """When an unknown outcome is looked up again; None when the looks are used up and a person must find out."""
    return next((at for step in RECONCILE_AFTER if (at := first_sent_at + step) > now), None)


def may_resend(first_sent_at: datetime, now: datetime) -> bool:
    """Whether a provider still knows the key of a sending: only then may the same one go out again."""
    return now - first_sent_at < RESEND_WITHIN


def key(ref: str, seq: int) -> str:
    """The idempotency key of the `seq`-th intent of an incident; it never changes and never returns."""
    return f"{ref}-refund-{seq}"
