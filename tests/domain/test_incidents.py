"""Incidents: every cell of the tables of states and kinds, those that are refused included."""

from itertools import pairwise, product

import pytest

from tracker.domain import incidents
from tracker.domain.events import ExceptionCode
from tracker.domain.findings import DERIVED, OPENING
from tracker.domain.incidents import CAUSE_OF, KIND_MOVES, OPENS, Cause, IllegalMove, Kind, Move, State

STATES = {(State.OPEN, Move.RESOLVE): State.RESOLVED, (State.RESOLVED, Move.REOPEN): State.OPEN}
LOSSES = {Kind.DAMAGED_OR_LOST, Kind.DAMAGED, Kind.LOST, Kind.STOLEN, Kind.DESTROYED}
VAGUE = {Kind.STALLED, Kind.OVERDUE, Kind.UNDER_INVESTIGATION, Kind.MISSING_PIECES}


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_every_cell_of_the_table_of_states(state, move):
    if (state, move) in STATES:
        assert incidents.after(state, move) is STATES[state, move]
    else:
        with pytest.raises(IllegalMove, match=f"cannot {move} an incident that is {state}"):
            incidents.after(state, move)


@pytest.mark.parametrize(("before", "news"), list(product(Kind, Kind)))
def test_a_kind_changes_only_as_the_table_allows(before, news):
    assert incidents.moved(before, news) is (news if (before, news) in KIND_MOVES else before)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_never_moves_to_itself(kind):
    assert (kind, kind) not in KIND_MOVES


@pytest.mark.parametrize(("before", "news"), list(product(sorted(set(Kind) - VAGUE - {Kind.FOUND}), sorted(VAGUE))))
def test_vague_news_never_replaces_precise_news(before, news):
    assert incidents.moved(before, news) is before


@pytest.mark.parametrize(("before", "news"), list(product(sorted(VAGUE), sorted(LOSSES))))
def test_a_loss_replaces_every_vague_kind(before, news):
    assert incidents.moved(before, news) is news


STORY = [Kind.OVERDUE, Kind.STALLED, Kind.DAMAGED_OR_LOST, Kind.LOST, Kind.FOUND, Kind.DAMAGED, Kind.DAMAGED_DELIVERED]


def test_a_story_can_be_told_to_its_end():
    for before, news in pairwise(STORY):
        assert incidents.moved(before, news) is news


def test_what_was_destroyed_is_not_found():
    assert incidents.moved(Kind.DESTROYED, Kind.FOUND) is Kind.DESTROYED


def test_every_finding_that_opens_an_incident_has_its_kind():
    assert set(OPENS) == OPENING | {code for code, _ in DERIVED}
    assert all(str(code) == str(kind) for code, kind in OPENS.items())


def test_a_cause_is_known_only_where_the_kind_says_which_of_the_two_it_is():
    assert set(CAUSE_OF) == LOSSES - {Kind.DAMAGED_OR_LOST}
    assert {kind for kind, cause in CAUSE_OF.items() if cause is Cause.LOST} == {Kind.LOST, Kind.STOLEN}


@pytest.mark.parametrize("kind", Kind)
def test_a_refund_is_announced_for_losses_alone(kind):
    assert incidents.is_loss(kind) == (kind in LOSSES)


def test_the_gravest_of_several_kinds_stands_first():
    assert incidents.gravest([Kind.STALLED, Kind.LOST, Kind.DAMAGED]) is Kind.LOST
    assert incidents.gravest([Kind.OVERDUE]) is Kind.OVERDUE


def test_ordinary_trouble_opens_no_incident():
    assert not {ExceptionCode.REFUSED, ExceptionCode.UNMAPPED, ExceptionCode.NONE, ExceptionCode.MISROUTED} & set(OPENS)
