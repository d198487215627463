"""The fold: ten rules that other trackers break, and the same standing from any order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracker.domain.events import Direction, Event, ExceptionCode, Source, Stage
from tracker.domain.status import ARRIVAL_CLEARS, ATTEMPTS, RETURN_CAUSES, STICKY, SUSPICIONS, Standing, fold

E, S = ExceptionCode, Stage
START = datetime(2026, 11, 16, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours):
    return START + hours * HOUR


def scan(hours, stage=S.IN_TRANSIT, exception=E.NONE, **told):
    values = {"number": "1", "occurred_at": at(hours), "tz_known": True, "raw_code": f"{stage}/{exception}"}
    return Event(**{**values, "raw_text": "", "raw_time": str(hours), "stage": stage, "exception": exception, **told})


def trouble(hours, exception, **told):
    return scan(hours, None, exception, **told)


def stood(*events):
    standing = fold(events)
    return standing.stage, standing.exception


def test_nothing_told_is_an_unknown_parcel():
    assert fold([]) == Standing()


# --- the ten rules ----------------------------------------------------------------------------------------------------


def test_1_loss_does_not_end_the_watch():
    standing = fold([scan(0), trouble(1, E.LOST)])
    assert (standing.stage, standing.exception, standing.ended) == (S.IN_TRANSIT, E.LOST, False)
    settled = fold([scan(0), scan(1, S.ENDED_UNDELIVERED, E.LOST)])
    assert (settled.stage, settled.ended) == (S.ENDED_UNDELIVERED, False)
    again = fold([scan(0), scan(1, S.ENDED_UNDELIVERED, E.LOST), scan(2)])
    assert (again.stage, again.exception, again.seen_again_at) == (S.IN_TRANSIT, E.LOST, at(2))


def test_2_damage_or_loss_is_an_answer_of_its_own_until_one_answers_it():
    events = [scan(0), trouble(1, E.DAMAGED_OR_LOST), scan(2), scan(3, S.DELIVERED)]
    assert stood(*events) == (S.DELIVERED, E.DAMAGED_OR_LOST)
    broken = trouble(4, E.DAMAGED, source=Source.DEPOT, recovery=True)
    assert stood(*events, broken)[1] is E.DAMAGED
    found = trouble(4, E.NONE, source=Source.DEPOT, recovery=True)
    assert stood(*events, found)[1] is E.NONE


def test_3_trouble_is_not_hidden_under_a_calm_stage():
    assert stood(scan(0, exception=E.DAMAGED)) == (S.IN_TRANSIT, E.DAMAGED)


def test_4_an_unknown_code_is_not_in_transit():
    standing = fold(
        [scan(0, S.REGISTERED), trouble(1, E.UNMAPPED, raw_code="ZZ1"), trouble(2, E.UNMAPPED, raw_code="Z")]
    )
    assert (standing.stage, standing.exception, standing.unmapped) == (S.REGISTERED, E.UNMAPPED, 2)
    assert stood(trouble(1, E.UNMAPPED)) == (S.UNKNOWN, E.UNMAPPED)


DROPS = {
    "a pickup point": ("pickup_point", False),
    "a locker": ("locker", False),
    "a neighbour": ("neighbour", False),
    "a neighbour who may": ("neighbour_with_consent", True),
    "the addressee": ("addressee", True),
    "nobody told": (None, True),
}


@pytest.mark.parametrize(("receiver", "ended"), DROPS.values(), ids=DROPS)
def test_5_a_drop_off_is_no_end(receiver, ended):
    standing = fold([scan(0), scan(1, S.DELIVERED, handover_to=receiver)])
    assert (standing.handover_to, standing.ended) == (receiver, ended)
    assert standing.ended_at == (at(1) if ended else None)
    assert standing.delivered_at == at(1)


def test_5_a_parcel_at_a_point_is_not_delivered():
    standing = fold([scan(0), scan(1, S.AT_PICKUP_POINT, handover_to="locker")])
    assert (standing.delivered_at, standing.ended, standing.handover_to) == (None, False, "locker")


def test_6_a_return_that_is_delivered_is_returned():
    back = scan(2, S.RETURNING, direction=Direction.RETURN)
    standing = fold([scan(0), back, scan(3), scan(4, S.OUT_FOR_DELIVERY)])
    assert (standing.stage, standing.direction) == (S.RETURNING, Direction.RETURN)
    standing = fold([scan(0), back, scan(3), scan(4, S.DELIVERED)])
    assert (standing.stage, standing.direction, standing.ended_at) == (S.RETURNED, Direction.RETURN, at(4))
    assert standing.delivered_at is None


def test_7_attempts_are_counted_and_end_nothing():
    events = [trouble(1, E.ATTEMPT_FAILED_ABSENT), scan(2), trouble(25, E.ATTEMPT_FAILED_CLOSED)]
    standing = fold([scan(0), *events, *events])
    assert (standing.attempts, standing.stage, standing.exception) == (2, S.IN_TRANSIT, E.ATTEMPT_FAILED_CLOSED)
    assert fold([trouble(1, E.ATTEMPT_FAILED_NO_TIME)]).attempts == 0


def test_8_a_delay_is_a_delay_and_no_return():
    standing = fold([scan(0), trouble(1, E.DELAYED_OTHER)])
    assert (standing.direction, standing.exception) == (Direction.OUTBOUND, E.DELAYED_OTHER)


@pytest.mark.parametrize("exception", sorted(STICKY | SUSPICIONS))
def test_9_a_recovery_clears_what_was_wrong(exception):
    standing = fold([scan(0), trouble(1, exception), scan(2, recovery=True)])
    assert (standing.exception, standing.exceptions, standing.since) == (E.NONE, (), None)


def test_9_trouble_after_a_recovery_is_new():
    standing = fold([trouble(1, E.LOST), scan(2, recovery=True), trouble(3, E.LOST)])
    assert (standing.exception, standing.since) == (E.LOST, at(3))


@pytest.mark.parametrize("exception", sorted(STICKY))
def test_10_a_later_scan_does_not_undo_what_sticks(exception):
    standing = fold([scan(0), trouble(1, exception), scan(2), scan(3, S.OUT_FOR_DELIVERY)])
    assert (standing.stage, standing.exception, standing.since) == (S.OUT_FOR_DELIVERY, exception, at(1))
    assert standing.seen_again_at == at(3)


# --- what passes ------------------------------------------------------------------------------------------------------

PASSING = sorted(set(E) - STICKY - {E.NONE})


@pytest.mark.parametrize("exception", PASSING)
def test_a_later_scan_clears_what_passes(exception):
    assert stood(scan(0), trouble(1, exception)) == (S.IN_TRANSIT, exception)
    assert stood(scan(0), trouble(1, exception), scan(2, S.AT_DELIVERY_DEPOT)) == (S.AT_DELIVERY_DEPOT, E.NONE)


@pytest.mark.parametrize("exception", PASSING)
def test_papers_clear_nothing(exception):
    assert stood(scan(0), trouble(1, exception), trouble(2, E.NONE))[1] is exception
    assert stood(scan(0), trouble(1, exception), scan(2, S.REGISTERED)) == (S.IN_TRANSIT, exception)


@pytest.mark.parametrize("exception", sorted(STICKY))
def test_an_arrival_clears_only_what_it_proves_wrong(exception):
    expected = E.NONE if exception in ARRIVAL_CLEARS else exception
    assert stood(scan(0), trouble(1, exception), scan(2, S.DELIVERED)) == (S.DELIVERED, expected)
    assert stood(scan(0), trouble(1, exception), scan(2, S.RETURNED)) == (S.RETURNED, expected)


def test_a_depot_scan_after_a_delivery_proves_no_arrival():
    assert stood(scan(0, S.DELIVERED), trouble(1, E.LOST), scan(2)) == (S.DELIVERED, E.LOST)


def test_missing_goods_are_a_suspicion():
    assert fold([scan(0), trouble(1, E.MISSING_PIECES)]).suspected
    assert not fold([scan(0), trouble(1, E.MISSING_PIECES), trouble(2, E.LOST)]).suspected
    assert not fold([scan(0), trouble(1, E.MISSING_PIECES), scan(2)]).suspected


@pytest.mark.parametrize("exception", sorted(RETURN_CAUSES))
def test_why_a_parcel_comes_back_is_kept_on_its_way(exception):
    events = [scan(0), trouble(1, exception), scan(2, S.RETURNING, direction=Direction.RETURN), scan(3)]
    assert stood(*events) == (S.RETURNING, exception)


def test_the_gravest_of_several_counts_and_all_are_told():
    standing = fold([scan(0), trouble(1, E.DAMAGED), trouble(2, E.LOST), trouble(3, E.DELAYED_OTHER)])
    assert (standing.exception, standing.since) == (E.LOST, at(2))
    assert standing.exceptions == (E.LOST, E.DAMAGED, E.DELAYED_OTHER)


def test_trouble_told_again_began_when_it_was_first_told():
    assert fold([trouble(1, E.DAMAGED), scan(2), trouble(3, E.DAMAGED)]).since == at(1)


# --- where it is ------------------------------------------------------------------------------------------------------


def test_a_late_older_event_never_moves_a_parcel_back():
    events = [scan(0), scan(5, S.DELIVERED)]
    before = fold(events)
    after = fold([*events, scan(2, S.OUT_FOR_DELIVERY), scan(6), scan(7, S.REGISTERED)])
    assert (after.stage, after.delivered_at) == (before.stage, before.delivered_at) == (S.DELIVERED, at(5))


def test_a_correction_takes_a_delivery_back():
    standing = fold([scan(0), scan(1, S.DELIVERED), scan(2, recovery=True)])
    assert (standing.stage, standing.delivered_at, standing.ended) == (S.IN_TRANSIT, None, False)


def test_a_delivered_parcel_may_come_back():
    standing = fold([scan(1, S.DELIVERED), scan(2, S.RETURNING, direction=Direction.RETURN)])
    assert (standing.stage, standing.delivered_at, standing.ended) == (S.RETURNING, None, False)


def test_the_first_delivery_is_the_delivery():
    standing = fold([scan(1, S.DELIVERED, handover_to="neighbour"), scan(9, S.DELIVERED)])
    assert (standing.delivered_at, standing.handover_to) == (at(1), "neighbour")


def test_place_and_depot_are_the_last_that_were_named():
    standing = fold([scan(0, location="Madrid", depot="28"), scan(1, location="Badajoz"), trouble(2, E.LOST)])
    assert (standing.location, standing.depot) == ("Badajoz", "28")


def test_first_and_last_and_silence():
    standing = fold([scan(3), scan(1)])
    assert (standing.first_event_at, standing.last_event_at) == (at(1), at(3))
    assert standing.quiet_for(at(5)) == 2 * HOUR
    assert fold([]).quiet_for(at(5)) is None


def test_a_needed_solution_waits_until_the_parcel_goes_on():
    needed = trouble(1, E.ADDRESS_PROBLEM, solution=True)
    assert fold([scan(0), needed]).solution_needed
    assert fold([scan(0), needed, trouble(2, E.ATTEMPT_FAILED_ABSENT)]).solution_needed
    assert fold([scan(0), needed, trouble(2, E.UNMAPPED)]).solution_needed
    assert not fold([scan(0), needed, scan(2)]).solution_needed
    assert not fold([scan(0), needed, trouble(2, E.NONE)]).solution_needed


# --- times ahead ------------------------------------------------------------------------------------------------------


def test_a_time_far_ahead_raises_trouble_but_moves_and_clears_nothing():
    now = at(2)
    ahead = [scan(2 + 25, S.DELIVERED), trouble(2 + 26, E.DAMAGED), scan(2 + 27, recovery=True)]
    standing = fold([scan(0), trouble(1, E.LOST), *ahead], now)
    assert (standing.stage, standing.exceptions) == (S.IN_TRANSIT, (E.LOST, E.DAMAGED))
    assert (standing.last_event_at, standing.delivered_at) == (at(1), None)


def test_a_time_exactly_a_day_ahead_is_believed():
    assert fold([scan(0), scan(26, S.DELIVERED)], at(2)).stage is S.DELIVERED
    late = scan(0)._replace(occurred_at=at(26) + timedelta(seconds=1), stage=S.DELIVERED)
    assert fold([scan(0), late], at(2)).stage is S.IN_TRANSIT


def test_without_now_every_time_is_believed():
    assert fold([scan(0), scan(10_000, S.DELIVERED)]).stage is S.DELIVERED


# --- pieces -----------------------------------------------------------------------------------------------------------


def test_the_worst_piece_speaks_for_all():
    one = [scan(1, S.DELIVERED, piece="a")]
    standing = fold([scan(0), *one, scan(1, piece="b"), trouble(2, E.DAMAGED, piece="b")])
    assert (standing.stage, standing.exception, standing.ended) == (S.IN_TRANSIT, E.DAMAGED, False)
    assert fold([scan(0), *one]).stage is S.DELIVERED
    both = fold([scan(0), *one, scan(2, S.DELIVERED, piece="b")])
    assert (both.stage, both.ended) == (S.DELIVERED, True)


def test_a_scan_of_one_piece_does_not_find_another():
    standing = fold([trouble(1, E.MISSING_PIECES, piece="b"), scan(2, piece="a")])
    assert (standing.exception, standing.suspected) == (E.MISSING_PIECES, True)


def test_what_is_told_of_no_piece_is_true_of_all():
    standing = fold([scan(0, piece="a"), scan(0, piece="b"), trouble(1, E.LOST), trouble(2, E.UNMAPPED)])
    assert (standing.exception, standing.unmapped) == (E.LOST, 1)


# --- any order --------------------------------------------------------------------------------------------------------

EVENTS = st.builds(
    scan,
    hours=st.integers(0, 6),
    stage=st.sampled_from([None, *S]),
    exception=st.sampled_from(list(E)),
    direction=st.sampled_from(Direction),
    handover_to=st.sampled_from([None, "addressee", "locker", "neighbour"]),
    location=st.sampled_from([None, "Madrid", "Badajoz"]),
    depot=st.sampled_from([None, "06", "28"]),
    recovery=st.booleans(),
    solution=st.booleans(),
    piece=st.sampled_from([None, None, "a", "b"]),
    raw_code=st.sampled_from(["A", "B"]),
)


@st.composite
def shuffled(draw):
    events = draw(st.lists(EVENTS, max_size=8))
    again = draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    return events, draw(st.permutations([*events, *again]))


@settings(max_examples=500, deadline=None)
@given(shuffled(), st.sampled_from([None, at(1), at(-24)]))
@example(([scan(0), scan(0, S.DELIVERED)], [scan(0, S.DELIVERED), scan(0)]), None)
def test_any_order_and_any_repetition_stand_the_same(case, now):
    events, other = case
    assert fold(other, now) == fold(events, now)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=8))
def test_a_standing_agrees_with_itself(events):
    standing = fold(events)
    assert standing.exception is (standing.exceptions[0] if standing.exceptions else E.NONE)
    assert (standing.since is None) == (standing.exception is E.NONE)
    assert standing.suspected == (standing.exception in SUSPICIONS)
    assert standing.ended == (standing.ended_at is not None)
    assert not (standing.direction is Direction.RETURN and standing.stage is S.DELIVERED and not any_piece(events))
    assert standing.attempts <= sum(event.exception in ATTEMPTS for event in events)


def any_piece(events):
    return any(event.piece for event in events)


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=8), st.sampled_from(sorted(STICKY - ARRIVAL_CLEARS)))
def test_no_grave_trouble_is_ever_lost_without_a_recovery(events, exception):
    calm = [event._replace(recovery=False) for event in events]
    assert exception in fold([*calm, trouble(3, exception)]).exceptions
