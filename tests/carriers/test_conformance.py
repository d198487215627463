"""What every carrier must keep to, whoever it is."""

import json
import string
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.carriers.samples import BUILT, built, data
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, BadReply, CarrierError, NotKnown, Reading, Throttled, Wanted, understand
from tracker.carriers.base.shape import AuthRefused, CarrierDown
from tracker.domain.events import Event, ExceptionCode, Source, Stage
from tracker.domain.status import fold
from tracker.outside import strict_json

REFUSED = {"seur/built_errors_in_200.json", "seur/built_token.json", "dhl_unified/built_not_found.json"}
SAMPLES = sorted(path.relative_to(BUILT).as_posix() for path in BUILT.glob("*/*.json"))
WHOLE = {
    "seur": ("seur/built_lost.json", Wanted("PED-1001", "06001", "ES")),
    "dhl_unified": ("dhl_unified/built_delivered.json", Wanted("00340434161094042557", "28013", "ES")),
}
every_carrier = pytest.mark.parametrize("code", CARRIERS)


def read(code, body, wanted=None, status=200):
    return understand(CARRIERS[code], status, body, [wanted or Wanted("")], strict_json.loads)


def whole(code):
    name, wanted = WHOLE[code]
    return data(name), wanted


def events_of(code, answer, wanted):
    return list(read(code, json.dumps(answer).encode(), wanted).events[wanted.number])


def histories(answer):
    """The lists of events inside an answer, to be turned round or spoilt."""
    if "data" in answer:
        return [entry["situations"] for entry in answer["data"]]
    return [shipment["events"] for shipment in answer["shipments"]]


def test_every_carrier_has_a_whole_sample():
    assert WHOLE.keys() == CARRIERS.keys()


@every_carrier
def test_a_carrier_is_known_by_its_code(code):
    carrier = CARRIERS[code]
    assert carrier.code == code
    assert carrier.base_url.startswith("https://")
    assert (carrier.auth == "token") == (carrier.token is not None)
    assert carrier.batch >= 1
    assert carrier.facts
    assert carrier.limits


def outcome(call):
    """What a reading gives: itself, or nothing and the sentence of its refusal."""
    try:
        return call(), None
    except CarrierError as error:
        return Reading(), str(error)


def is_sentence(text):
    return text.endswith(".") and "\n" not in text and len(text) < 400


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_read_or_refused_in_one_sentence(name):
    reading, refusal = outcome(lambda: read(name.partition("/")[0], built(name)))
    told = [event for events in reading.events.values() for event in events]
    assert not reading.faults
    assert all(isinstance(event, Event) for event in told)
    assert (refusal is not None) == (name in REFUSED)
    assert refusal is None or is_sentence(refusal)


@every_carrier
def test_events_are_aware_polled_versioned_and_oldest_first(code):
    events = events_of(code, *whole(code))
    assert len(events) > 3
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)
    assert all(event.occurred_at.tzinfo for event in events)
    assert {event.source for event in events} == {Source.POLL}
    assert {event.mapping_version for event in events} == {CARRIERS[code].codes.version}
    assert len({event.identity for event in events}) == len(events)
    assert all(len(event.identity) == 16 for event in events)


@every_carrier
def test_the_order_of_an_answer_does_not_matter(code):
    answer, wanted = whole(code)
    straight = events_of(code, answer, wanted)
    for history in histories(answer):
        history.reverse()
    assert events_of(code, answer, wanted) == straight
    assert fold(reversed(straight)) == fold(straight)


@every_carrier
def test_an_answer_told_twice_is_told_once(code):
    answer, wanted = whole(code)
    straight = events_of(code, answer, wanted)
    for history in histories(answer):
        history.extend([dict(event) for event in history])
    assert events_of(code, answer, wanted) == straight


@every_carrier
def test_a_reworded_event_is_the_same_event(code):
    answer, wanted = whole(code)
    before = [event.identity for event in events_of(code, answer, wanted)]
    for event in (event for history in histories(answer) for event in history):
        event["description"] = "OTRAS PALABRAS"
        event["newKey"] = {"of": "theirs"}
    after = events_of(code, answer, wanted)
    assert [event.identity for event in after] == before
    assert "OTRAS PALABRAS" in after[0].raw_text


@every_carrier
def test_a_code_never_seen_is_unmapped_and_keeps_the_stage(code):
    answer, wanted = whole(code)
    standing = fold(events_of(code, answer, wanted))
    history = histories(answer)[0]
    strange = {key: "NEVER-SEEN" if key in ("eventCode", "statusCode") else value for key, value in history[-1].items()}
    strange |= {key: "2026-11-20T10:00:00" for key in ("situationDate", "timestamp") if key in strange}
    history.append(strange)
    events = events_of(code, answer, wanted)
    event = events[-1]
    assert (event.raw_code, event.exception, event.stage, event.mapped) == (
        "NEVER-SEEN",
        ExceptionCode.UNMAPPED,
        None,
        False,
    )
    assert fold(events).stage is standing.stage
    assert fold(events).unmapped == 1


@every_carrier
def test_a_time_without_a_zone_is_the_carriers_and_says_so(code):
    answer, wanted = whole(code)
    for event in (event for history in histories(answer) for event in history):
        key = "situationDate" if "situationDate" in event else "timestamp"
        event[key] = event[key].replace(".000", "") + "Z"
    told = events_of(code, answer, wanted)
    assumed = events_of(code, *whole(code))
    assert {event.tz_known for event in told} == {True}
    assert {event.tz_known for event in assumed} == {False}
    assert {zoned.occurred_at - naive.occurred_at for zoned, naive in zip(told, assumed, strict=True)} == {
        timedelta(hours=1)
    }


STATUSES = {
    "no content": (204, b"", None),
    "not found, in words": (404, b'{"title": "No result found", "status": 404}', None),
    "not found, by a proxy": (404, b"<html>", BadReply),
    "credentials refused": (401, b'{"error": "invalid_token"}', AuthRefused),
    "forbidden": (403, b"<html>", AuthRefused),
    "too often": (429, b"", Throttled),
    "down": (503, b"<html>busy</html>", CarrierDown),
    "a redirect": (302, b"", BadReply),
    "our mistake": (400, b"{}", BadReply),
    "an empty body": (200, b"", BadReply),
    "a page": (200, b"<html><body>Mantenimiento</body></html>", BadReply),
    "half an answer": (200, b'{"data": [{"ref": "PED', BadReply),
    "a list": (200, b"[]", BadReply),
    "null": (200, b"null", BadReply),
    "a number": (200, b"17", BadReply),
    "an empty object": (200, b"{}", BadReply),
    "nested without end": (200, b"[" * 100_000, BadReply),
}


@every_carrier
@pytest.mark.parametrize(("status", "body", "expected"), STATUSES.values(), ids=STATUSES)
def test_statuses_and_bodies_that_are_no_answer(code, status, body, expected):
    if expected is None:
        assert read(code, body, Wanted("1"), status) == ({}, {})
        return
    with pytest.raises(expected) as refused:
        read(code, body, Wanted("1"), status)
    assert type(refused.value) is expected
    assert str(refused.value).startswith(CARRIERS[code].name)
    assert "html" not in str(refused.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable + "ñ\x00\ud800", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths(value, here=()):
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*here, key))


def spoil(value, path, odd):
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = spoil(value[path[0]], path[1:], odd)
    return copy


@every_carrier
@settings(max_examples=300, deadline=None)
@given(draw=st.data(), odd=ANYTHING)
def test_whatever_stands_in_the_wrong_place_raises_one_sentence_or_harms_one_parcel(code, draw, odd):
    answer, wanted = whole(code)
    path = draw.draw(st.sampled_from(list(paths(answer))))
    spoilt = spoil(answer, path, odd)
    one = draw.draw(st.sampled_from([wanted, Wanted(""), Wanted(wanted.number), Wanted("", wanted.postcode)]))
    reading, refusal = outcome(lambda: CARRIERS[code].read(200, spoilt, [one]))
    assert refusal is None or is_sentence(refusal)
    for event in (event for events in reading.events.values() for event in events):
        assert isinstance(event.stage, Stage | None)
        assert "\x00" not in event.raw_text + event.raw_code + event.raw_time + (event.location or "")
        assert len(event.raw_text) <= 300
        event.identity.hex().encode()
        json.dumps(event.as_json(Stage.UNKNOWN)).encode("utf-8")
    assert all(map(is_sentence, reading.faults.values()))


@every_carrier
def test_one_unreadable_event_is_counted_and_the_others_are_kept(code):
    answer, wanted = whole(code)
    straight = events_of(code, answer, wanted)
    history = histories(answer)[0]
    history += [None, {}, "text", {**history[0], "situationDate": "ayer", "timestamp": "0001-01-01T00:00:00"}]
    reading = read(code, json.dumps(answer).encode(), wanted)
    assert list(reading.events[wanted.number]) == straight
    assert "4 events" in reading.faults[wanted.number]


@every_carrier
def test_an_answer_about_another_number_is_that_parcels_fault_and_not_the_feeds(code):
    answer, _ = whole(code)
    reading = read(code, json.dumps(answer).encode(), Wanted("OTHER-1", "06001"))
    assert reading.events == {}
    assert reading.faults == {"OTHER-1": f"{CARRIERS[code].name} answered about another parcel than OTHER-1."}


@every_carrier
def test_the_number_told_inside_an_answer_need_not_be_written_as_it_was_asked(code):
    answer, wanted = whole(code)
    asked = wanted._replace(number=f" {wanted.number.lower()} ")
    assert len(read(code, json.dumps(answer).encode(), asked).events[asked.number]) > 3


@every_carrier
def test_a_request_asks_for_the_number_as_typed(code):
    ask = CARRIERS[code].ask([Wanted("ped 1001/ñ", "06001", "ES")], Account(code))
    assert ask.method == "GET"
    assert ask.path.startswith("/")
    assert "ped 1001/ñ" in ask.params.values()


@every_carrier
def test_secrets_are_not_printed(code):
    account = Account(code, settings={"CLIENT_SECRET": "hush", "PASSWORD": "hush", "USERNAME": "u"})
    carrier = CARRIERS[code]
    assert "hush" not in repr(account)
    assert carrier.token is None or "hush" not in repr(carrier.token(account))


def test_not_known_inside_an_answer_is_said_as_such():
    with pytest.raises(NotKnown, match="No shipment with given tracking number found"):
        read("dhl_unified", built("dhl_unified/built_not_found.json"))
