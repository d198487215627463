"""Promises: who owes what to whom by when, what a promise becomes, and who is believed."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from tracker.domain.incidents import IllegalMove


class State(StrEnum):
    """The life of a promise."""

    MADE = "made"
    ACKNOWLEDGED = "acknowledged"
    KEPT = "kept"
    KEPT_LATE = "kept_late"
    BROKEN = "broken"
    UNCONFIRMED = "unconfirmed"
    DISPUTED = "disputed"
    VOID = "void"


class Party(StrEnum):
    """Who can promise, owe or receive."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    DEPOT = "depot"
    DESK = "desk"
    CARRIER = "carrier"


class Action(StrEnum):
    """What is owed."""

    ANSWER = "answer"
    CALL = "call"
    DELIVER = "deliver"
    INVESTIGATE = "investigate"
    REFUND = "refund"


class DueSource(StrEnum):
    """Where the due time comes from."""

    AGREED = "agreed"
    ASSUMED = "assumed"
    STATUTORY = "statutory"


class Word(StrEnum):
    """What somebody, or the clock, says about a promise."""

    ACKNOWLEDGED = "acknowledged"
    KEPT = "kept"
    NOT_KEPT = "not_kept"
    SILENCE = "silence"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset({State.MADE, State.ACKNOWLEDGED})
"""A promise in these states can still be kept in time."""
FAILED: Final = frozenset({State.BROKEN, State.UNCONFIRMED, State.DISPUTED})
"""The ladder climbs on these."""
SCORED_AGAINST: Final = frozenset({State.BROKEN, State.DISPUTED, State.KEPT_LATE})
"""The depot's score counts these against it; an unconfirmed promise is left out."""

MOVES: Final = {
    (State.MADE, Word.ACKNOWLEDGED): State.ACKNOWLEDGED,
    **{(state, Word.KEPT): State.KEPT for state in OPEN},
    **{(state, Word.NOT_KEPT): State.BROKEN for state in OPEN},
    **{(state, Word.SILENCE): State.UNCONFIRMED for state in OPEN},
    **{(state, Word.WITHDRAWN): State.VOID for state in (*OPEN, State.BROKEN, State.UNCONFIRMED, State.DISPUTED)},
    (State.BROKEN, Word.KEPT): State.KEPT_LATE,
    (State.UNCONFIRMED, Word.KEPT): State.KEPT,
    (State.UNCONFIRMED, Word.NOT_KEPT): State.BROKEN,
    (State.KEPT, Word.NOT_KEPT): State.DISPUTED,
    (State.KEPT_LATE, Word.NOT_KEPT): State.DISPUTED,
    (State.DISPUTED, Word.NOT_KEPT): State.BROKEN,
    (State.DISPUTED, Word.KEPT): State.KEPT,
}


class Next(StrEnum):
    """What the clock asks for."""

    WAIT = "wait"
    NUDGE = "nudge"
    ASK = "ask"
    BREAK = "break"
    GIVE_UP_ASKING = "give_up_asking"


class Terms(NamedTuple):
    """What is promised: who must do what for whom by when (an instant), and how that date came about."""

    performer: Party
    action: Action
    beneficiary: Party
    due_at: datetime
    source: DueSource = DueSource.AGREED
    reason: str = ""
    trace: str = ""


class Facts(NamedTuple):
    """What decides the next step of an open promise.  `nudge_at` None: there is nobody to nudge."""

    beneficiary: Party
    due_at: datetime
    nudge_at: datetime | None
    nudged: bool
    asked_at: datetime | None
    patience: timedelta


def after(state: State, word: Word, *, late: bool = False) -> State:
    """The state after a word about the promise; `late`: the deed came after the due time.

    Raises IllegalMove when the word says nothing about a promise in that state.
    """
    try:
        said = MOVES[state, word]
    except KeyError:
        raise IllegalMove(f"a promise that is {state} cannot be called {word}") from None
    return State.KEPT_LATE if said is State.KEPT and late else said


def due_next(facts: Facts, now: datetime) -> tuple[Next, datetime]:
    """What to do at `now`, and when to look again if that is to wait."""
    if now < facts.due_at:
        if facts.nudge_at is None or facts.nudged:
            return Next.WAIT, facts.due_at
        return (Next.NUDGE, facts.due_at) if now >= facts.nudge_at else (Next.WAIT, facts.nudge_at)
    if facts.beneficiary is not Party.CUSTOMER:
        return Next.BREAK, facts.due_at
    if facts.asked_at is None:
        return Next.ASK, facts.due_at
    answer_by = facts.asked_at + facts.patience
    return (Next.GIVE_UP_ASKING, answer_by) if now >= answer_by else (Next.WAIT, answer_by)
