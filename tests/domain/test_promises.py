"""Promises: every cell of the table of words, who is believed, and what the clock asks for to the minute."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tracker.domain.incidents import IllegalMove
from tracker.domain.promises import FAILED, OPEN, SCORED_AGAINST, Facts, Next, Party, State, Word, after, due_next

DUE = datetime(2026, 11, 18, 13, tzinfo=UTC)
MICRO, HOUR = timedelta(microseconds=1), timedelta(hours=1)
NUDGE = DUE - 2 * HOUR

# state -> what each word makes of it; what is left out is refused
TABLE = {
    State.MADE: "acknowledged kept broken unconfirmed void",
    State.ACKNOWLEDGED: "- kept broken unconfirmed void",
    State.KEPT: "- - disputed - -",
    State.KEPT_LATE: "- - disputed - -",
    State.BROKEN: "- kept_late - - void",
    State.UNCONFIRMED: "- kept broken - void",
    State.DISPUTED: "- kept broken - void",
    State.VOID: "- - - - -",
}


@pytest.mark.parametrize(("state", "word"), list(product(State, Word)))
def test_every_cell_of_the_table_of_words(state, word):
    said = dict(zip(Word, TABLE[state].split(), strict=True))[word]
    if said == "-":
        with pytest.raises(IllegalMove, match=f"{state} cannot be called {word}"):
            after(state, word)
    else:
        assert after(state, word) is State(said)


@pytest.mark.parametrize("state", [State.MADE, State.ACKNOWLEDGED, State.UNCONFIRMED, State.DISPUTED])
def test_what_was_done_after_the_due_time_is_kept_late(state):
    assert after(state, Word.KEPT, late=True) is State.KEPT_LATE


@pytest.mark.parametrize("word", [Word.NOT_KEPT, Word.SILENCE, Word.WITHDRAWN])
def test_lateness_changes_nothing_else(word):
    assert after(State.MADE, word, late=True) is after(State.MADE, word)


def test_silence_climbs_as_if_broken_and_does_not_count_against_the_depot():
    assert State.UNCONFIRMED in FAILED
    assert State.UNCONFIRMED not in SCORED_AGAINST
    assert not OPEN & FAILED


def facts(**values):
    said = {"beneficiary": Party.CUSTOMER, "due_at": DUE, "nudge_at": NUDGE, "nudged": False, "asked_at": None}
    return Facts(**{**said, "patience": HOUR, **values})


OURS = {"beneficiary": Party.MERCHANT}
CLOCK = {
    "long before": (facts(), NUDGE - HOUR, Next.WAIT, NUDGE),
    "a moment before the nudge": (facts(), NUDGE - MICRO, Next.WAIT, NUDGE),
    "at the nudge": (facts(), NUDGE, Next.NUDGE, DUE),
    "nudged already": (facts(nudged=True), NUDGE, Next.WAIT, DUE),
    "nobody to nudge": (facts(nudge_at=None), NUDGE, Next.WAIT, DUE),
    "a moment before it is due": (facts(), DUE - MICRO, Next.NUDGE, DUE),
    "due: the customer is asked": (facts(), DUE, Next.ASK, DUE),
    "asked, a moment before patience ends": (facts(asked_at=DUE), DUE + HOUR - MICRO, Next.WAIT, DUE + HOUR),
    "asked, and patience ends": (facts(asked_at=DUE), DUE + HOUR, Next.GIVE_UP_ASKING, DUE + HOUR),
    "patience counts from the asking": (facts(asked_at=DUE + HOUR), DUE + HOUR, Next.WAIT, DUE + 2 * HOUR),
    "owed to us, a moment before": (facts(nudged=True, **OURS), DUE - MICRO, Next.WAIT, DUE),
    "owed to us, due": (facts(**OURS), DUE, Next.BREAK, DUE),
}


@pytest.mark.parametrize(("known", "now", "step", "again"), CLOCK.values(), ids=CLOCK)
def test_what_the_clock_asks_for(known, now, step, again):
    assert due_next(known, now) == (step, again)
