"""Polling over time: a passed date stays passed, a scan during a refund is told, one number can be stale alone."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests import fakecarrier, make
from tests.counting import statements
from tests.fakecarrier import CODE, FakeLine
from tests.make import DAY, incident
from tests.steps.test_polling import BEFORE, HOUR, NOW, count, of, parcels, wake_all, world
from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import Outcome
from tracker.domain.incidents import State as IncidentState
from tracker.domain.refunds import State
from tracker.outside.http import Reply
from tracker.steps import polling
from tracker.store import feeds
from tracker.store.incidents import Finding
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment

LOST = ("2026-11-18T09:00:00+01:00", "in_transit", "lost")


@pytest.fixture
def store(store_url):
    made = make.store(store_url)
    yield made
    made.close()


@pytest.fixture
def line():
    return FakeLine()


def poll(tools, at):
    wake_all(tools.store, at)
    return polling.poll(tools, at)


def live(store, kind):
    return count(store, Finding, Finding.kind == kind, Finding.cleared_at.is_(None))


def scan(line, number, at, *said):
    line.parcels[number].append([at.isoformat(), *said])


# --- a date that has passed -----------------------------------------------------------------------------------------


def test_an_overdue_parcel_stays_overdue_whatever_is_scanned_until_it_arrives(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, overdue_at=NOW + HOUR)
    poll(tools, NOW)
    assert live(store, ExceptionCode.OVERDUE) == 0
    for hours in (1, 2, 3):
        poll(tools, NOW + hours * HOUR)
        assert live(store, ExceptionCode.OVERDUE) == 1
        scan(line, number, NOW + hours * HOUR)
    assert count(store, Finding, Finding.kind == ExceptionCode.OVERDUE) == 1, "one finding all the while"
    scan(line, number, NOW + 4 * HOUR, "delivered")
    poll(tools, NOW + 4 * HOUR)
    assert live(store, ExceptionCode.OVERDUE) == 0


def test_a_quiet_poll_of_an_overdue_parcel_folds_nothing(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, overdue_at=NOW + HOUR)
    for at in (NOW, NOW + HOUR):
        poll(tools, at)
    folded = of(store, number).fold_version
    with statements(store) as said:
        poll(tools, NOW + 2 * HOUR)
    assert said.touching("events") == []
    assert (of(store, number).fold_version, of(store, number).overdue_at) == (folded, NOW + HOUR)


def test_a_date_that_passes_while_the_number_is_not_known_is_found_when_it_is_known_again(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 1, line, overdue_at=NOW + HOUR)
    poll(tools, NOW)
    known, line.parcels = line.parcels, {}
    poll(tools, NOW + HOUR)
    line.parcels = known
    poll(tools, NOW + 2 * HOUR)
    assert live(store, ExceptionCode.OVERDUE) == 1


def test_a_date_that_passes_while_the_parcel_is_lost_counts_once_it_is_found(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), LOST], overdue_at=NOW + HOUR)
    event = fakecarrier.event
    monkeypatch.setattr(fakecarrier, "event", lambda *told: event(*told[:4], recovery="found" in told))
    for hours in (0, 1, 2):
        poll(tools, NOW + hours * HOUR)
    assert (live(store, ExceptionCode.LOST), live(store, ExceptionCode.OVERDUE)) == (1, 0)
    scan(line, number, NOW + 2 * HOUR, "in_transit", "none", "found")
    poll(tools, NOW + 3 * HOUR)
    assert (live(store, ExceptionCode.LOST), live(store, ExceptionCode.OVERDUE)) == (0, 1)


# --- a scan while money is on its way -------------------------------------------------------------------------------


def refund(store, number, state, sent_at):
    with store.begin() as session:
        parcel = session.scalars(sa.select(Shipment).where(Shipment.number == number)).one()
        case = incident(session, parcel)
        said = {"order_id": parcel.order_id, "incident_id": case.id, "seq": 1, "key": f"k{number}", "provider": "p"}
        asked = {"amount_minor": 100, "currency": "EUR", "requested_at": NOW, "requested_by": "a person"}
        session.add(Remedy(**said, **asked, state=state, first_sent_at=sent_at))
        return case.id


SENT = {
    "on its way to the provider": (State.SENDING, NOW, 1),
    "accepted": (State.PENDING, NOW, 1),
    "sent without an answer": (State.UNKNOWN, NOW, 1),
    "paid": (State.SUCCEEDED, NOW, 1),
    "sent only after the scan": (State.PENDING, NOW + 2 * HOUR, 0),
    "refused": (State.FAILED, NOW, 0),
    "approved and never sent": (State.APPROVED, None, 0),
}


@pytest.mark.parametrize(("state", "sent_at", "found"), SENT.values(), ids=SENT)
def test_a_scan_after_a_refund_was_sent_is_a_contradiction_though_the_incident_is_open(
    store, line, monkeypatch, state, sent_at, found
):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), LOST])
    poll(tools, NOW)
    refund(store, number, state, sent_at)
    poll(tools, NOW)
    assert live(store, ExceptionCode.CONTRADICTION) == 0, "nothing was scanned since"
    scan(line, number, NOW + HOUR)
    poll(tools, NOW + 3 * HOUR)
    assert live(store, ExceptionCode.CONTRADICTION) == found


def test_bad_news_after_a_refund_was_sent_contradicts_nothing(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), LOST])
    refund(store, number, State.PENDING, NOW)
    scan(line, number, NOW + HOUR, "in_transit", "destroyed")
    poll(tools, NOW + HOUR)
    assert live(store, ExceptionCode.CONTRADICTION) == 0


def test_a_scan_between_sending_and_success_is_told_also_once_the_incident_is_resolved(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), LOST])
    poll(tools, NOW)
    case = refund(store, number, State.SUCCEEDED, NOW)
    with store.begin() as session:
        row = session.get_one(make.Incident, case)
        row.state, row.outcome, row.resolved_at = IncidentState.RESOLVED, Outcome.REFUNDED, NOW + 2 * HOUR
    scan(line, number, NOW + HOUR)
    poll(tools, NOW + 3 * HOUR)
    assert live(store, ExceptionCode.CONTRADICTION) == 1


# --- one number that cannot be read ---------------------------------------------------------------------------------


def is_stale(store, number, at):
    with store.read() as session:
        return feeds.stale(session, session.scalars(sa.select(Shipment).where(Shipment.number == number)).one(), at)


def test_a_number_whose_own_answer_cannot_be_read_is_stale_though_its_feed_is_well(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    good, bad = parcels(store, 2, line)
    poll(tools, NOW)
    line.instead[bad] = Reply(200, {}, b'{"other": [["2026-11-18T08:00:00+01:00"]]}')
    for hours in range(1, 7):
        poll(tools, NOW + hours * HOUR)
    limit = NOW + feeds.STALE_AFTER
    assert [is_stale(store, number, limit) for number in (good, bad)] == [False, False]
    assert [is_stale(store, number, limit + timedelta(seconds=1)) for number in (good, bad)] == [False, True]
    line.instead.clear()
    poll(tools, limit + HOUR)
    assert not is_stale(store, bad, limit + HOUR)


def test_a_number_that_could_never_be_read_is_stale_six_hours_after_it_was_registered(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 1, line)
    (bad,) = parcels(store, 1, line, created_at=NOW - HOUR)
    line.instead[bad] = Reply(200, {}, b'{"other": [["2026-11-18T08:00:00+01:00"]]}')
    poll(tools, NOW)
    assert [is_stale(store, bad, NOW + hours * HOUR) for hours in (5, 6)] == [False, True]


def test_a_parcel_whose_depot_alone_is_not_told_is_not_stale(store, line, monkeypatch):
    def fails(_status, _data):
        raise ValueError("no depot here")

    tools = world(
        store, line, monkeypatch, ask_depot=lambda wanted, account: polling.CARRIERS[CODE].ask([wanted], account),
        read_depot=fails,
    )  # fmt: skip
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), LOST])
    for at in (NOW, NOW + DAY):
        poll(tools, at)
    assert "the depot is not known" in of(store, number).last_error
    assert of(store, number).polled_at == NOW + DAY
    assert not is_stale(store, number, NOW + DAY)
