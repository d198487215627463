"""How often a carrier is asked: trouble first, and every end of the asking to the minute and with its reason."""

from datetime import UTC, datetime, timedelta

import pytest

from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.polling import FRESH, OUT_FOR_DELIVERY, TROUBLE, UNKNOWN, Watched, plan

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
MICRO, DAY = timedelta(microseconds=1), timedelta(days=1)


def watched(**values):
    said = {"stage": Stage.IN_TRANSIT, "exception": ExceptionCode.NONE, "last_event_at": NOW, "unknown_since": None}
    return Watched(**{**said, **values})


NUMBERLESS = {"stage": Stage.UNKNOWN, "last_event_at": None}
PLANS = {
    "calm": (watched(), FRESH),
    "never asked": (watched(**NUMBERLESS), FRESH),
    "out for delivery": (watched(stage=Stage.OUT_FOR_DELIVERY), OUT_FOR_DELIVERY),
    "trouble": (watched(exception=ExceptionCode.REFUSED), TROUBLE),
    "a code never seen is no trouble": (watched(exception=ExceptionCode.UNMAPPED), FRESH),
    "an open incident": (watched(incident_open=True), TROUBLE),
    "an open incident of a delivered parcel": (
        watched(stage=Stage.DELIVERED, last_event_at=NOW - 9 * DAY, incident_open=True),
        TROUBLE,
    ),
    "not known, seven days": (watched(**NUMBERLESS, unknown_since=NOW - 7 * DAY), UNKNOWN),
    "not known, a moment more": (watched(**NUMBERLESS, unknown_since=NOW - 7 * DAY - MICRO), None),
    "once known, never given up": (watched(unknown_since=NOW - 99 * DAY), FRESH),
    "delivered three days ago": (watched(stage=Stage.DELIVERED, last_event_at=NOW - 3 * DAY), 3 * FRESH),
    "delivered a moment more": (watched(stage=Stage.DELIVERED, last_event_at=NOW - 3 * DAY - MICRO), None),
    "returned long ago": (watched(stage=Stage.RETURNED, last_event_at=NOW - 4 * DAY), None),
    "ended undelivered long ago": (watched(stage=Stage.ENDED_UNDELIVERED, last_event_at=NOW - 4 * DAY), None),
    "an incident closed thirty days ago": (watched(incident_closed_at=NOW - 30 * DAY), 3 * FRESH),
    "a moment more": (watched(incident_closed_at=NOW - 30 * DAY - MICRO), None),
    "lost, and its incident closed": (
        watched(exception=ExceptionCode.LOST, incident_closed_at=NOW - DAY),
        3 * FRESH,
    ),
}


@pytest.mark.parametrize(("parcel", "wait"), PLANS.values(), ids=PLANS)
def test_the_wait_until_the_next_poll(parcel, wait):
    told = plan(parcel, NOW)
    assert told.wait == wait
    assert (told.reason is not None) == (wait is None), "an end always has its reason"


@pytest.mark.parametrize("code", ExceptionCode)
@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.DELIVERED, Stage.RETURNED, Stage.ENDED_UNDELIVERED}))
def test_no_exception_ever_ends_the_polling(stage, code):
    assert plan(watched(stage=stage, exception=code, last_event_at=NOW - 999 * DAY), NOW).wait is not None
