"""`flask carriers`: raw answers read from files, code tables, and what is told about each carrier."""

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.carriers.samples import BUILT, FEEDS, built
from tracker.carriers import CARRIERS
from tracker.cli.carriers import carriers
from tracker.domain.events import ExceptionCode, Source, Stage
from tracker.store.shipments import Channel, Customer, EventRow, Order, Shipment

LOST = str(BUILT / "seur/built_lost.json")
KEYS = [
    "number", "occurred_at", "tz_known", "raw_code", "raw_text", "stage", "exception", "direction", "handover_to",
    "location", "depot", "source", "mapped",
]  # fmt: skip


def run(*words, stdin=None):
    return CliRunner().invoke(carriers, [str(word) for word in words], input=stdin)


def lines(answer):
    return [json.loads(line) for line in answer.stdout.splitlines()]


def refused(answer):
    """The one sentence on stderr, when that is all there is."""
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.endswith(".\n")
    return answer.stderr


def test_a_raw_answer_becomes_one_event_a_line():
    answer = run("read", "seur", LOST, "--number", "PED-1001", "--postcode", "06001")
    assert (answer.exit_code, answer.stderr) == (0, "")
    events = lines(answer)
    assert len(events) == 7
    assert {tuple(event) for event in events} == {tuple(KEYS)}
    assert (events[-1]["raw_code"], events[-1]["stage"], events[-1]["exception"], events[-1]["mapped"]) == (
        "LI535",
        "out_for_delivery",
        "lost",
        True,
    )


def test_a_minus_is_stdin():
    assert run("read", "seur", "-", stdin=built("seur/built_lost.json")).stdout == run("read", "seur", LOST).stdout


def test_an_unmapped_code_keeps_the_parcels_stage():
    event = lines(run("read", "seur", BUILT / "seur/built_code_forms.json"))[-1]
    assert (event["raw_code"], event["stage"], event["exception"], event["mapped"]) == (
        "ZZ123",
        "in_transit",
        "unmapped",
        False,
    )


NOTHING = {"an empty list": '{"data": []}', "no body at all": "", "only blanks": " \n"}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_no_events_are_no_error(body):
    answer = run("read", "seur", "-", "--number", "X", stdin=body)
    assert (answer.exit_code, answer.output) == (0, "")


def test_another_customers_parcel_is_no_event_of_ours():
    answer = run("read", "seur", LOST, "--number", "PED-1001", "--postcode", "28001")
    assert (answer.exit_code, answer.output) == (0, "")


REFUSED = {
    "an error inside a 200": ("seur", built("seur/built_errors_in_200.json"), "Invalid account"),
    "a page": ("seur", "<html><body>Mantenimiento</body></html>", "not JSON"),
    "half an answer": ("seur", built("seur/built_lost.json")[:200], "not JSON"),
    "a list inside an answer": ("seur", '[{"eventCode": "LI407"}]', "a list where a whole answer"),
    "another part of an answer": ("seur", '{"shipmentCode": "0281"}', "whole answer"),
    "another carrier's answer": ("dhl_unified", built("seur/built_lost.json"), "whole answer"),
    "not found": ("dhl_unified", built("dhl_unified/built_not_found.json"), "does not know the number"),
    "five megabytes": ("seur", b"[" + b" " * (5 << 20) + b"]", "larger than 5 MB"),
    "bytes that are no text": ("seur", b"\xff\xfe\x00", "not JSON"),
    "an unknown carrier": ("nadie", "{}", "no carrier 'nadie'; the known ones are seur, dhl_unified"),
}


@pytest.mark.parametrize(("code", "body", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_one_sentence(code, body, words):
    assert words in refused(run("read", code, "-", stdin=body))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    assert "cannot be read" in refused(run("read", "seur", tmp_path / "none.json"))
    assert "cannot be read" in refused(run("read", "seur", tmp_path))


def test_another_number_than_the_one_asked_for_is_refused():
    assert "another parcel than X-9" in refused(run("read", "seur", LOST, "--number", "X-9"))


def test_an_unreadable_event_is_said_beside_the_others():
    answer = json.loads(built("seur/built_lost.json"))
    answer["data"][0]["situations"][0]["situationDate"] = "ayer"
    partly = run("read", "seur", "-", stdin=json.dumps(answer))
    assert (partly.exit_code, len(lines(partly))) == (0, 6)
    assert partly.stderr == "SEUR sent an event of PED-1001 that cannot be read.\n"
    answer["data"][0]["situations"] = ["nothing"]
    wholly = run("read", "seur", "-", stdin=json.dumps(answer))
    assert (wholly.exit_code, wholly.stdout) == (2, "")
    assert "cannot be read" in wholly.stderr


@pytest.mark.skipif(not FEEDS.is_dir(), reason="the collected feeds do not lie beside the project")
@pytest.mark.parametrize("code", CARRIERS)
def test_every_collected_sample_is_read_or_refused_without_a_traceback(code):
    for path in sorted((FEEDS / "samples" / code).iterdir()):
        answer = run("read", code, path)
        assert answer.exit_code == 0 or refused(answer), path
        assert answer.exception is None or isinstance(answer.exception, SystemExit), path


def test_every_carrier_is_listed_with_what_it_lacks(monkeypatch):
    monkeypatch.setenv("TRACKER_CARRIER_DHL_UNIFIED__API_KEY", "k")
    found = {line["code"]: line for line in lines(run("list", "--json"))}
    assert list(found) == list(CARRIERS)
    assert found["seur"]["missing_settings"] == ["CLIENT_ID", "CLIENT_SECRET"]
    assert found["dhl_unified"]["missing_settings"] == []
    assert found["seur"]["codes"] == 480
    heads, seur, dhl = run("list").stdout.splitlines()
    assert heads.split() == ["code", "name", "codes", "polled", "missing_settings"]
    assert seur.split() == ["seur", "SEUR", "480", "no", "CLIENT_ID,", "CLIENT_SECRET"]
    assert dhl.split() == ["dhl_unified", "DHL", "5", "yes"]


def test_a_table_is_shown_with_its_reasons():
    rows = {row["code"]: row for row in lines(run("codes", "seur"))}
    assert len(rows) == 480
    assert (rows["LK560"]["exception"], rows["LK560"]["mapping_version"]) == ("damaged_or_lost", 1)
    assert "not told apart" in rows["LK560"]["reason"]
    assert "no carrier" in refused(run("codes", "nadie"))


def test_the_codes_missing_from_a_table_are_counted(sqlite_url, monkeypatch):
    monkeypatch.setenv("TRACKER_DATABASE_URL", sqlite_url)
    assert run("codes", "seur", "--unmapped").output == ""
    _store_unmapped(sqlite_url)
    assert lines(run("codes", "seur", "--unmapped")) == [
        {"raw_code": "ZZ1", "events": 2, "raw_text": "ALGO", "last_at": "2026-11-18T11:00:00+00:00"},
        {"raw_code": "ZZ0", "events": 1, "raw_text": "ALGO", "last_at": "2026-11-18T09:00:00+00:00"},
    ]
    assert run("codes", "dhl_unified", "--unmapped").output == ""
    monkeypatch.setenv("TRACKER_DATABASE_URL", "sqlite:///no/such/folder/tracker.db")
    assert "The database cannot be used" in refused(run("codes", "seur", "--unmapped"))


def _store_unmapped(url):
    at = datetime(2026, 11, 18, 9, tzinfo=UTC)
    with sa.orm.Session(sa.create_engine(url)) as session, session.begin():
        order = Order(channel=Channel(name="shop"), customer=Customer(name="A"), number="1")
        shipment = Shipment(order=order, carrier="seur", number="1", created_at=at, wake_at=at)
        session.add(shipment)
        session.flush()
        told = {
            "shipment_id": shipment.id, "first_seen_at": at, "tz_known": False, "raw_text": "ALGO", "raw_time": "x",
            "direction": "outbound", "mapping_version": 1, "source": Source.POLL,
        }  # fmt: skip
        codes = (("ZZ0", 0, E.UNMAPPED), ("ZZ1", 1, E.UNMAPPED), ("ZZ1", 2, E.UNMAPPED), ("LC001", 3, E.NONE))
        for code, hours, exception in codes:
            occurred = at.replace(hour=9 + hours)
            session.add(
                EventRow(
                    **told, identity=bytes([hours]) * 16, occurred_at=occurred, raw_code=code, exception=exception,
                    stage=Stage.IN_TRANSIT,
                )
            )  # fmt: skip


E = ExceptionCode
