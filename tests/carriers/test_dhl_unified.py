"""DHL Unified's answers, and the question that brings them."""

import json

import pytest

from tests.carriers.samples import FEEDS, data
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, NotKnown, OtherParcel, Throttled, Wanted
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.status import fold

DHL = CARRIERS["dhl_unified"]
COLLECTED = FEEDS / "samples/dhl_unified"
collected = pytest.mark.skipif(not COLLECTED.is_dir(), reason="the collected feeds do not lie beside the project")


def read(answer, wanted=None):
    return DHL.read(200, answer, [wanted or Wanted("")])


def test_the_key_stands_in_its_header():
    ask = DHL.ask([Wanted("123", "28013", "ES")], Account("dhl_unified", settings={"API_KEY": "k"}))
    assert (ask.method, ask.path, ask.params) == ("GET", "/track/shipments", {"trackingNumber": "123"})
    assert ask.headers == {"DHL-API-Key": "k"}


def test_the_key_is_all_that_an_account_needs():
    assert DHL.missing(Account("dhl_unified")) == ["API_KEY"]
    assert DHL.missing(Account("dhl_unified", settings={"API_KEY": "k"})) == []


def test_a_delivered_parcel():
    wanted = Wanted("00340434161094042557", "28013", "ES")
    told = read(data("dhl_unified/built_delivered.json"), wanted).events[wanted.number]
    assert [event.stage for event in told] == [Stage.REGISTERED, Stage.IN_TRANSIT, Stage.IN_TRANSIT, Stage.DELIVERED]
    standing = fold(told)
    assert (standing.stage, standing.exception, standing.ended) == (Stage.DELIVERED, ExceptionCode.NONE, True)
    assert standing.delivered_at.isoformat() == "2026-11-17T13:02:11+01:00"
    assert [event.location for event in told] == ["BARCELONA", "ZARAGOZA", "MADRID", "MADRID"]


def test_a_failure_is_trouble_of_no_told_kind_whatever_its_text():
    told = read(data("dhl_unified/built_failure.json")).events["7777777771"]
    assert told[-1].exception is ExceptionCode.DELAYED_OTHER
    assert "damaged in transit" in told[-1].raw_text
    assert DHL.codes.rows["failure"].reason
    assert fold(told).stage is Stage.IN_TRANSIT


def test_two_services_under_one_number_are_told_apart_by_where_they_go():
    answer = data("dhl_unified/built_two_services.json")
    assert len(read(answer, Wanted("12345678", "28013")).events["12345678"]) == 4
    assert len(read(answer, Wanted("12345678", "75001")).events["12345678"]) == 1
    with pytest.raises(OtherParcel, match="a postcode is needed"):
        read(answer, Wanted("12345678"))


def test_the_only_parcel_is_ours_wherever_it_was_sent_on_to():
    answer = data("dhl_unified/built_failure.json")
    assert read(answer, Wanted("7777777771", "00000")).events["7777777771"]


PARTS = {
    "an id that is a number": ({"id": 7}, "7"),
    "an id that is a text": ({"id": "7"}, "7"),
    "a piece of it": ({"id": 1, "details": {"pieceIds": ["7"]}}, "7"),
    "its reference": ({"id": 1, "details": {"references": {"number": "7"}}}, "7"),
    "one of its references": ({"id": 1, "details": {"references": [None, {"number": "7"}]}}, "7"),
    "no id at all": ({}, "7"),
}


@pytest.mark.parametrize(("part", "number"), PARTS.values(), ids=PARTS)
def test_by_what_a_shipment_is_known(part, number):
    event = {"timestamp": "2026-11-17T10:00:00", "statusCode": "transit"}
    told = read({"shipments": [{**part, "events": [event]}]}, Wanted(number)).events[number]
    assert [one.stage for one in told] == [Stage.IN_TRANSIT]
    assert told[0].location is None


def test_without_events_the_status_is_the_only_one():
    status = {"timestamp": "2026-11-17T10:00:00Z", "statusCode": "Delivered", "status": "DELIVERED"}
    (event,) = read({"shipments": [{"id": "7", "status": status}]}).events["7"]
    assert (event.stage, event.tz_known, event.raw_code) == (Stage.DELIVERED, True, "Delivered")


def test_an_event_without_a_code_is_unmapped_under_its_text():
    event = {"timestamp": "2026-11-17T10:00:00", "status": "Something"}
    (told,) = read({"shipments": [{"id": "7", "events": [event]}]}).events["7"]
    assert (told.raw_code, told.exception) == ("Something", ExceptionCode.UNMAPPED)


def test_dhl_saying_nothing_leaves_the_parcel_where_it_was():
    events = [
        {"timestamp": "2026-11-17T10:00:00", "statusCode": "transit"},
        {"timestamp": "2026-11-18T10:00:00", "statusCode": "unknown"},
    ]
    standing = fold(read({"shipments": [{"id": "7", "events": events}]}).events["7"])
    assert (standing.stage, standing.exception) == (Stage.IN_TRANSIT, ExceptionCode.NONE)


def test_no_shipments_is_not_known():
    assert read({"shipments": []}, Wanted("7")) == ({}, {})


def test_an_error_told_with_a_200():
    with pytest.raises(Throttled, match="Quota"):
        read({"title": "Too Many Requests", "detail": "Quota used up", "status": 429})


@collected
def test_the_collected_contradiction_is_read_by_its_code_not_by_its_text():
    answer = json.loads((COLLECTED / "doc_example_contradictory.json").read_bytes())
    for number in ("7777777770", "JD014600006281230704", "YZ3892406173"):
        (event,) = read(answer, Wanted(number, "1043AG", "NL")).events[number]
        assert (event.stage, event.exception) == (Stage.REGISTERED, ExceptionCode.NONE)
        assert (event.raw_code, event.tz_known) == ("pre-transit", False)
        assert "DELIVERED" in event.raw_text
        assert event.raw_time == "2018-03-02T07:53:47"
        assert event.location == "Oderweg 2, AMSTERDAM"


@collected
def test_the_collected_not_found_is_not_known():
    answer = json.loads((COLLECTED / "error_not_found_404.json").read_bytes())
    assert DHL.read(404, answer, [Wanted("8264715546")]) == ({}, {})
    with pytest.raises(NotKnown):
        DHL.read(200, answer, [Wanted("8264715546")])
