"""What counts as trouble: the feed's own words first, silence only where nobody has said anything worse."""

from datetime import UTC, datetime, timedelta

import pytest

from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.findings import ENDED, MOVING, OPENING, Picture, cleared, findings

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
MICRO, DAY = timedelta(microseconds=1), timedelta(days=1)


def picture(stage=Stage.IN_TRANSIT, exceptions=(), stall_at=None, overdue_at=None):
    return Picture(stage, frozenset(exceptions), stall_at, overdue_at)


@pytest.mark.parametrize("code", ExceptionCode)
@pytest.mark.parametrize("stage", Stage)
def test_the_feeds_own_trouble_is_a_finding_at_once_and_nothing_else_is(stage, code):
    assert findings(picture(stage, [code]), NOW) == ({code} if code in OPENING else set())


SILENCE = {
    "a moment before": (NOW + MICRO, set()),
    "on the minute": (NOW, {ExceptionCode.STALLED}),
    "later": (NOW - DAY, {ExceptionCode.STALLED}),
    "never": (None, set()),
}


@pytest.mark.parametrize(("stall_at", "found"), SILENCE.values(), ids=SILENCE)
def test_silence_is_a_finding_from_its_very_instant(stall_at, found):
    assert findings(picture(stall_at=stall_at), NOW) == found


@pytest.mark.parametrize("stage", Stage)
def test_only_a_parcel_on_its_way_can_stall(stage):
    found = findings(picture(stage, stall_at=NOW), NOW)
    assert (ExceptionCode.STALLED in found) == (stage in MOVING)


LATE = {
    "a moment before": (NOW + MICRO, set()),
    "on the minute": (NOW, {ExceptionCode.OVERDUE}),
    "never promised": (None, set()),
}


@pytest.mark.parametrize(("overdue_at", "found"), LATE.values(), ids=LATE)
def test_a_parcel_is_overdue_from_its_very_instant(overdue_at, found):
    assert findings(picture(overdue_at=overdue_at), NOW) == found


@pytest.mark.parametrize("stage", Stage)
def test_a_parcel_whose_road_has_ended_is_never_overdue(stage):
    assert bool(findings(picture(stage, overdue_at=NOW), NOW)) == (stage not in ENDED)


def test_silence_says_nothing_new_about_trouble_that_is_known():
    assert findings(picture(exceptions=[ExceptionCode.LOST], stall_at=NOW, overdue_at=NOW), NOW) == {ExceptionCode.LOST}


def test_several_troubles_are_several_findings():
    both = [ExceptionCode.DAMAGED, ExceptionCode.MISSING_PIECES, ExceptionCode.REFUSED]
    assert findings(picture(exceptions=both), NOW) == set(both[:2])


def test_what_no_longer_holds_is_cleared():
    assert cleared([ExceptionCode.STALLED, ExceptionCode.LOST], frozenset({ExceptionCode.LOST})) == {
        ExceptionCode.STALLED
    }
