"""Refund intents: every move allowed or refused by name, whose word counts, what is owed and when to look again."""

from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.incidents import IllegalMove, Kind
from tracker.domain.refunds import (
    GIVES_BACK,
    IN_FLIGHT,
    LIVE,
    PAID,
    RECONCILE_AFTER,
    State,
    Trigger,
    Witness,
    after,
    contradicts,
    key,
    learned,
    may_resend,
    next_look,
    objection,
    owed,
)

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

ALLOWED = {
    ("requested", "approved"),
    ("requested", "cancelled"),
    ("approved", "sending"),
    ("approved", "cancelled"),
    ("sending", "succeeded"),
    ("sending", "pending"),
    ("sending", "failed"),
    ("sending", "unknown"),
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("pending", "needs_person"),
    ("unknown", "sending"),
    ("unknown", "succeeded"),
    ("unknown", "pending"),
    ("unknown", "failed"),
    ("unknown", "needs_person"),
    ("unknown", "succeeded_externally"),
    ("needs_person", "succeeded"),
    ("needs_person", "failed"),
    ("needs_person", "succeeded_externally"),
    ("succeeded", "failed"),
}


@pytest.mark.parametrize(("state", "news"), list(product(State, State)), ids="{0[0]}-{0[1]}".format)
def test_INV_M5_every_pair_of_states_is_allowed_or_refused_by_name(state, news):
    if (state.value, news.value) in ALLOWED:
        assert after(state, news) is news
    else:
        with pytest.raises(IllegalMove, match=f"a refund that is {state} cannot become {news}"):
            after(state, news)


def test_a_state_holds_money_or_has_given_it_back():
    assert set(State) == LIVE | GIVES_BACK
    assert not LIVE & GIVES_BACK
    assert PAID < LIVE
    assert IN_FLIGHT < LIVE


# --- whose word counts ------------------------------------------------------------------------------------------------

WORDS = {
    "an answer ends the sending": (State.SENDING, State.PENDING, Witness.ANSWER, State.PENDING),
    "a lost answer leaves it open": (State.SENDING, State.UNKNOWN, Witness.ANSWER, State.UNKNOWN),
    "an answer after the callback is old": (State.SUCCEEDED, State.FAILED, Witness.ANSWER, State.SUCCEEDED),
    "an answer after the restart is old": (State.UNKNOWN, State.FAILED, Witness.ANSWER, State.UNKNOWN),
    "a look-up ends the unknown": (State.UNKNOWN, State.SUCCEEDED, Witness.LOOK_UP, State.SUCCEEDED),
    "a look-up that failed says nothing": (State.UNKNOWN, State.UNKNOWN, Witness.LOOK_UP, State.UNKNOWN),
    "a look-up that failed does not unsettle": (State.PENDING, State.UNKNOWN, Witness.LOOK_UP, State.PENDING),
    "a callback before the answer": (State.SENDING, State.SUCCEEDED, Witness.CALLBACK, State.SUCCEEDED),
    "a callback settles a sheet": (State.NEEDS_PERSON, State.SUCCEEDED, Witness.CALLBACK, State.SUCCEEDED),
    "an older callback is old": (State.SUCCEEDED, State.PENDING, Witness.CALLBACK, State.SUCCEEDED),
    "the bank refuses late": (State.SUCCEEDED, State.FAILED, Witness.CALLBACK, State.FAILED),
    "nothing revives a failed one": (State.FAILED, State.SUCCEEDED, Witness.CALLBACK, State.FAILED),
    "nothing is believed of what was never sent": (State.APPROVED, State.SUCCEEDED, Witness.CALLBACK, State.APPROVED),
    "a person found it": (State.NEEDS_PERSON, State.SUCCEEDED_EXTERNALLY, Witness.PERSON, State.SUCCEEDED_EXTERNALLY),
    "a person cannot undo a payment": (State.SUCCEEDED, State.FAILED, Witness.PERSON, State.SUCCEEDED),
}


@pytest.mark.parametrize(("state", "news", "witness", "expected"), WORDS.values(), ids=WORDS)
def test_whose_word_counts(state, news, witness, expected):
    assert learned(state, news, witness) is expected


NEWS = [
    (State.PENDING, Witness.ANSWER),
    (State.PENDING, Witness.CALLBACK),
    (State.SUCCEEDED, Witness.CALLBACK),
    (State.FAILED, Witness.CALLBACK),
]


@given(st.sampled_from(list(permutations(NEWS))), st.lists(st.sampled_from(NEWS), max_size=6), st.data())
def test_INV_M6_answer_and_callbacks_in_any_order_end_the_same(order, repeated, data):
    told = list(order)
    for news in repeated:
        told.insert(data.draw(st.integers(0, len(told))), news)
    state = State.SENDING
    for news, witness in told:
        state = learned(state, news, witness)
    assert state is State.FAILED


@given(st.lists(st.sampled_from(list(product(State, Witness))), max_size=12), st.sampled_from(State))
def test_INV_M5_whatever_is_heard_only_moves_of_the_table_are_made(heard, state):
    for news, witness in heard:
        before, state = state, learned(state, news, witness)
        assert state is before or (before.value, state.value) in ALLOWED


CONTRADICTIONS = {
    "paid although never sent": (State.APPROVED, State.SUCCEEDED, True),
    "known although cancelled": (State.CANCELLED, State.PENDING, True),
    "paid although failed": (State.FAILED, State.SUCCEEDED, True),
    "failed although found paid": (State.SUCCEEDED_EXTERNALLY, State.FAILED, True),
    "pending after failed is only late": (State.FAILED, State.PENDING, False),
    "pending after paid is only late": (State.SUCCEEDED, State.PENDING, False),
    "the same again": (State.PENDING, State.PENDING, False),
}


@pytest.mark.parametrize(("state", "news", "expected"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_cannot_be_true_goes_to_a_person(state, news, expected):
    assert contradicts(state, news) is expected


# --- may it still go out ----------------------------------------------------------------------------------------------

TRIGGER = Trigger(kind=Kind.DAMAGED, resolved=False, arrived=False, announced_at=None, by_rule=True)
OBJECTIONS = {
    "nothing has changed": (TRIGGER, None),
    "resolved since": (TRIGGER._replace(resolved=True), "the incident was resolved"),
    "resolved since a person asked": (TRIGGER._replace(resolved=True, by_rule=False), "the incident was resolved"),
    "arrived since": (TRIGGER._replace(arrived=True), "the parcel has arrived"),
    "arrived since a person asked": (TRIGGER._replace(arrived=True, by_rule=False), "the parcel has arrived"),
    "arrived broken": (TRIGGER._replace(arrived=True, kind=Kind.DAMAGED_DELIVERED, by_rule=False), None),
    "found since": (TRIGGER._replace(kind=Kind.FOUND), "the parcel was found"),
    "found, and a person asks all the same": (TRIGGER._replace(kind=Kind.FOUND, by_rule=False), None),
    "the customer waits": (TRIGGER._replace(announced_at=NOW + MINUTE), "it was announced for a later day"),
    "the announced time is now": (TRIGGER._replace(announced_at=NOW), None),
    "a person need not wait": (TRIGGER._replace(announced_at=NOW + MINUTE, by_rule=False), None),
}


@pytest.mark.parametrize(("trigger", "expected"), OBJECTIONS.values(), ids=OBJECTIONS)
def test_INV_M9_what_it_rests_on_is_judged_when_it_goes_out(trigger, expected):
    assert objection(trigger, NOW) == expected


# --- what is owed -----------------------------------------------------------------------------------------------------

OWED = {
    "the shipment's own worth": (Kind.DAMAGED, 18000, 18000, 0, {}, 18000),
    "its part of a larger order": (Kind.LOST, 5000, 18000, 0, {}, 5000),
    "the order's, where it is the only shipment": (Kind.LOST, None, 18000, 0, {}, 18000),
    "all that is left": (Kind.LOST, 5000, 18000, 13000, {}, 5000),
    "one cent too much": (Kind.LOST, 5000, 18000, 13001, {}, "more would go back than was paid"),
    "one of several, worth unknown": (Kind.LOST, None, 18000, 0, {"alone": False}, "the amount of this shipment"),
    "nothing was paid": (Kind.LOST, None, 0, 0, {}, "the amount of this shipment is not known"),
    "worth nothing": (Kind.LOST, 0, 18000, 0, {}, "the amount of this shipment is not known"),
    "cash on delivery": (Kind.LOST, 18000, 18000, 0, {"cod": True}, "cash on delivery"),
    "cash on delivery that somebody checked": (Kind.LOST, 18000, 18000, 0, {"cod": True, "judged": True}, 18000),
    "not received": (Kind.DELIVERED_NOT_RECEIVED, 18000, 18000, 0, {}, "needs a person"),
    "contents missing": (Kind.MISSING_PIECES, 18000, 18000, 0, {}, "needs a person"),
    "damaged on arrival": (Kind.DAMAGED_DELIVERED, 18000, 18000, 0, {}, "needs a person"),
    "damaged on arrival, photos seen": (Kind.DAMAGED_DELIVERED, 18000, 18000, 0, {"judged": True}, 18000),
}


@pytest.mark.parametrize(("kind", "value", "paid", "reserved", "more", "expected"), OWED.values(), ids=OWED)
def test_what_is_owed(kind, value, paid, reserved, more, expected):
    found = owed(kind, value, paid, reserved, **{"cod": False, "alone": True, **more})
    if isinstance(expected, int):
        assert found == (expected, None)
    else:
        assert found.amount_minor is None
        assert expected in found.reason


@given(st.sampled_from(Kind), st.none() | st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_INV_M7_never_more_than_is_left_of_what_was_paid(kind, value, paid, data):
    reserved = data.draw(st.integers(0, paid))
    cod, alone, judged = (data.draw(st.booleans()) for _ in range(3))
    found = owed(kind, value, paid, reserved, cod=cod, alone=alone, judged=judged)
    if found.amount_minor is None:
        assert found.reason
    else:
        assert 0 < found.amount_minor <= paid - reserved


# --- when to look again -----------------------------------------------------------------------------------------------

LOOKS = {
    "just sent": (timedelta(0), 30 * timedelta(seconds=1)),
    "on the first look": (timedelta(seconds=30), 2 * MINUTE),
    "after an hour": (HOUR, 2 * HOUR),
    "after a long stop": (13 * HOUR, 23 * HOUR),
    "after the key has lapsed": (23 * HOUR, 24 * HOUR),
    "once more": (24 * HOUR, 48 * HOUR),
    "on the last": (48 * HOUR, None),
}


@pytest.mark.parametrize(("passed", "expected"), LOOKS.values(), ids=LOOKS)
def test_an_unknown_outcome_is_looked_up_later_and_later(passed, expected):
    assert next_look(NOW, NOW + passed) == (None if expected is None else NOW + expected)


def test_a_look_never_comes_before_the_one_before():
    assert list(RECONCILE_AFTER) == sorted(set(RECONCILE_AFTER))


RESENDS = {
    "at once": (timedelta(0), True),
    "a minute before the key lapses": (23 * HOUR - MINUTE, True),
    "on the minute": (23 * HOUR, False),
    "after it": (24 * HOUR + MINUTE, False),
}


@pytest.mark.parametrize(("passed", "expected"), RESENDS.values(), ids=RESENDS)
def test_INV_M4_the_same_key_goes_out_again_only_while_it_is_known(passed, expected):
    assert may_resend(NOW, NOW + passed) is expected


def test_every_intent_of_an_incident_has_its_own_key():
    assert [key("I000007", seq) for seq in (1, 2)] == ["I000007-refund-1", "I000007-refund-2"]
