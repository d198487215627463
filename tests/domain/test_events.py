"""Events: their identity, their order, their form as JSON."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tracker.domain.events import GRAVITY, Event, ExceptionCode, Stage

MADRID = timezone(timedelta(hours=1))
SCAN = Event(
    number="1",
    occurred_at=datetime(2026, 11, 18, 8, 12, tzinfo=MADRID),
    tz_known=False,
    raw_code="LI535",
    raw_text="EXPEDICIÓN EXTRAVIADA",
    raw_time="2026-11-18T08:12:00.000",
    stage=None,
    exception=ExceptionCode.LOST,
    location="Badajoz",
)

SAME = {
    "other words": {"raw_text": "PERDIDA"},
    "another number of the same parcel": {"number": "2"},
    "a corrected mapping": {"exception": ExceptionCode.DAMAGED, "stage": Stage.IN_TRANSIT, "mapping_version": 9},
    "another zone assumed": {"occurred_at": datetime(2026, 11, 18, 7, 12, tzinfo=UTC), "tz_known": True},
}
OTHER = {
    "another code": {"raw_code": "LI537"},
    "another time": {"raw_time": "2026-11-18T08:13:00.000"},
    "another place": {"location": "Madrid"},
    "another piece": {"piece": "2"},
    "the carrier's own id": {"carrier_event_id": "7"},
}


@pytest.mark.parametrize("changed", SAME.values(), ids=SAME)
def test_an_event_keeps_its_identity(changed):
    assert SCAN._replace(**changed).identity == SCAN.identity


@pytest.mark.parametrize("changed", OTHER.values(), ids=OTHER)
def test_another_event_has_another_identity(changed):
    assert SCAN._replace(**changed).identity != SCAN.identity


def test_the_carriers_own_id_is_identity_enough():
    one, other = SCAN._replace(carrier_event_id="7"), SCAN._replace(carrier_event_id="7", raw_time="x", location=None)
    assert one.identity == other.identity


def test_fields_do_not_run_into_each_other():
    assert SCAN._replace(raw_code="A", raw_time="BC").identity != SCAN._replace(raw_code="AB", raw_time="C").identity


def test_events_order_by_instant_then_gravity():
    later = SCAN._replace(occurred_at=SCAN.occurred_at + timedelta(minutes=1), exception=ExceptionCode.NONE)
    graver = SCAN._replace(exception=ExceptionCode.DAMAGED_OR_LOST)
    assert sorted([later, graver, SCAN], key=lambda event: event.order) == [SCAN, graver, later]


def test_gravity_follows_the_list():
    assert GRAVITY[ExceptionCode.NONE] == 0
    assert max(GRAVITY, key=GRAVITY.__getitem__) is ExceptionCode.DAMAGED_OR_LOST
    assert GRAVITY[ExceptionCode.LOST] > GRAVITY[ExceptionCode.DAMAGED] > GRAVITY[ExceptionCode.MISSING_PIECES]
    assert len(GRAVITY) == len(ExceptionCode) == 33
    assert len(Stage) == 12


def test_an_event_as_json_keeps_the_last_stage_and_the_carriers_offset():
    told = SCAN.as_json(Stage.IN_TRANSIT)
    assert list(told) == [
        "number", "occurred_at", "tz_known", "raw_code", "raw_text", "stage", "exception", "direction", "handover_to",
        "location", "depot", "source", "mapped",
    ]  # fmt: skip
    assert (told["stage"], told["exception"], told["mapped"]) == ("in_transit", "lost", True)
    assert told["occurred_at"] == "2026-11-18T08:12:00+01:00"
    assert SCAN._replace(stage=Stage.DELIVERED).as_json(Stage.IN_TRANSIT)["stage"] == "delivered"


def test_only_an_unmapped_code_is_not_mapped():
    assert not SCAN._replace(exception=ExceptionCode.UNMAPPED).mapped
    assert SCAN._replace(exception=ExceptionCode.NONE).mapped
