"""The clocks: aware, standing still when told to, and never going back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tracker import clock

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
IN_MADRID = datetime(2026, 11, 18, 13, 0, tzinfo=ZoneInfo("Europe/Madrid"))
NAIVE = datetime(2026, 11, 18, 12, 0)  # noqa: DTZ001  # the very thing that must be refused


def test_the_real_clock_is_aware_and_in_utc():
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_a_frozen_clock_gives_the_same_instant_in_utc_for_ever():
    stopped = clock.frozen(IN_MADRID)
    assert [stopped(), stopped()] == [NOON, NOON]
    assert stopped().tzinfo is UTC


def test_a_simulated_clock_moves_only_when_told():
    simulated = clock.Simulated(IN_MADRID)
    assert simulated() == simulated() == NOON
    simulated.advance(IN_MADRID + timedelta(minutes=30))
    assert simulated() == NOON + timedelta(minutes=30)
    assert simulated().tzinfo is UTC


def test_a_simulated_clock_may_stand_but_not_go_back():
    simulated = clock.Simulated(NOON)
    simulated.advance(NOON)
    with pytest.raises(ValueError, match="does not go back"):
        simulated.advance(NOON - timedelta(microseconds=1))
    assert simulated() == NOON


@pytest.mark.parametrize("start", [clock.frozen, clock.Simulated, clock.Simulated(NOON).advance])
def test_no_clock_takes_a_time_without_zone(start):
    with pytest.raises(ValueError, match="has no time zone"):
        start(NAIVE)
