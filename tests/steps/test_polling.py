"""Polling: as few statements and requests as possible, one parcel's trouble is its own, nothing is lost or doubled."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tests import fakecarrier, make
from tests.counting import statements
from tests.fakecarrier import FakeLine
from tests.locks import assert_free
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Outcome
from tracker.domain.incidents import State as IncidentState
from tracker.outside.http import Reply, TooLarge, Unreachable
from tracker.steps import feeds as feeds_step
from tracker.steps import polling
from tracker.store import depots, polls
from tracker.store.depots import Depot
from tracker.store.incidents import Finding, Incident
from tracker.store.outbox import Notice
from tracker.store.shipments import EventRow, Feed, Raw, Shipment
from tracker.store.wake import LEASE

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""Wednesday, noon in Madrid."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEFORE = "2026-11-18T08:00:00+01:00"


@pytest.fixture
def store(store_url):
    made = make.store(store_url)
    yield made
    made.close()


@pytest.fixture
def line():
    return FakeLine()


def world(store, line, monkeypatch, batch=1, also=(), **values):
    """Tools with the fake carrier and an account there, and with others of its kind."""
    made = {code: fakecarrier.carrier(batch, code=code, **values) for code in (fakecarrier.CODE, *also)}
    monkeypatch.setattr(polling, "CARRIERS", made)
    return make.tools(store, http=line, accounts={code: fakecarrier.account(code) for code in made})


def parcels(store, count, line=None, scans=((BEFORE,),), **values):
    """Parcels that are due now, known to the carrier with these scans; their numbers."""
    with store.begin() as session:
        order = make.order(session)
        said = {"carrier": fakecarrier.CODE, "wake_at": NOW, "stage": Stage.UNKNOWN, **values}
        made = [make.shipment(session, order_id=order.id, **said).number for _ in range(count)]
    if line is not None:
        line.parcels |= {number: [list(scan) for scan in scans] for number in made}
    return made


def of(store, number):
    with store.read() as session:
        return session.scalars(sa.select(Shipment).where(Shipment.number == number)).one()


def count(store, model, *where):
    with store.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


def wake_all(store, at=NOW):
    with store.begin() as session:
        session.execute(sa.update(Shipment).values(wake_at=at, lease_until=None))


# --- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 40])
@pytest.mark.parametrize("due", [1, 40, 41])
def test_a_carrier_that_takes_several_numbers_gets_as_few_requests_as_can_be(store, line, monkeypatch, batch, due):
    tools = world(store, line, monkeypatch, batch)
    numbers = parcels(store, due, line)
    told = polling.poll(tools, NOW)
    assert (told.done, told.errors) == (due, [])
    assert len(line.asked) == -(-due // batch)
    assert sorted(chain(*line.asked)) == sorted(numbers), "each number is asked for once"


def test_nothing_new_reads_and_writes_no_event(store, line, monkeypatch):
    tools = world(store, line, monkeypatch, 40)
    parcels(store, 40, line)
    polling.poll(tools, NOW)
    wake_all(store)
    with statements(store) as said:
        assert polling.poll(tools, NOW + HOUR).done == 40
    assert said.touching("events") == []
    assert said.touching("raw") == []
    written = {what: times for what, times in said.by_table().items() if not what.startswith("SELECT")}
    assert written == {"UPDATE shipments": 2, "UPDATE feeds": 1}, "the lease, and one statement for all of them"


NEWS = {
    "nothing new": lambda line: None,
    "one new event each": lambda line: add(line, "2026-11-18T11:00:00+01:00"),
    "trouble at once for all": lambda line: add(line, "2026-11-18T11:00:00+01:00", "in_transit", "lost"),
    "a delivery each": lambda line: add(line, "2026-11-18T11:00:00+01:00", "delivered"),
}


def add(line, *scan):
    for scans in line.parcels.values():
        scans.append(list(scan))


@pytest.mark.parametrize("news", NEWS.values(), ids=NEWS)
def test_the_number_of_statements_does_not_grow_with_the_batch(store, line, monkeypatch, news):
    tools = world(store, line, monkeypatch, 200)
    with store.begin() as session:
        make.depot(session, carrier=fakecarrier.CODE)
    counted = {}
    for size in (10, 200):
        with store.begin() as session:
            session.execute(sa.update(Shipment).values(wake_at=None))
        line.parcels.clear()
        parcels(store, size, line)
        polling.poll(tools, NOW)
        with store.begin() as session:
            session.execute(sa.update(Shipment).where(Shipment.wake_at.is_not(None)).values(wake_at=NOW))
        news(line)
        with statements(store) as said:
            told = polling.poll(tools, NOW + MINUTE)
        assert (told.done, told.errors) == (size, [])
        counted[size] = said.by_table()
    assert counted[10] == counted[200]


# --- the same again ------------------------------------------------------------------------------------------------


def test_the_same_answer_twice_makes_no_new_row(store, line, monkeypatch):
    tools = world(store, line, monkeypatch, 10)
    parcels(store, 10, line, scans=[(BEFORE,), ("2026-11-18T09:00:00+01:00", "in_transit", "lost")])
    seen = []
    for _ in range(2):
        wake_all(store)
        polling.poll(tools, NOW)
        seen.append([count(store, model) for model in (EventRow, Raw, Finding, Notice)])
    assert seen[0] == seen[1] == [20, 1, 10, 0]


def test_a_parcel_that_is_not_due_is_not_asked_for(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 3, line, wake_at=NOW + MINUTE)
    assert polling.poll(tools, NOW + MINUTE - timedelta(microseconds=1)).done == 0
    assert line.asked == []
    assert polling.poll(tools, NOW + MINUTE).done == 3
    assert polling.poll(tools, NOW + MINUTE).done == 0


def test_two_workers_at_once_ask_for_each_parcel_once(store, line, monkeypatch):
    tools = world(store, line, monkeypatch, 5)
    parcels(store, 60, line)
    monkeypatch.setattr(polling, "LIMIT", 10)
    start, errors = Barrier(3), []

    def work():
        start.wait()
        while (told := polling.poll(tools, NOW)).done:
            errors.extend(told.errors)

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert len(list(chain(*line.asked))) == len(set(chain(*line.asked))) == 60
    assert count(store, EventRow) == 60


def test_a_worker_that_slept_through_its_lease_writes_nothing(store, line, monkeypatch):
    (number,) = parcels(store, 1, line)
    tools = world(store, line, monkeypatch)
    clock = [NOW]
    store._lease_clock = lambda: clock[0]
    once = []

    def sleeps():
        if not once:
            once.append(True)
            clock[0] = NOW + LEASE + timedelta(seconds=1)
            line.parcels[number] = [[BEFORE], ["2026-11-18T11:30:00+01:00", "delivered"]]
            assert polling.poll(tools, NOW).done == 1, "another worker takes the parcel over"
            line.instead[number] = Reply(500, {}, b"")

    line.before = sleeps
    polling.poll(tools, NOW)
    assert of(store, number).stage is Stage.DELIVERED
    assert count(store, EventRow) == 2
    kept = of(store, number)
    assert (kept.last_error, kept.polled_at) == (None, NOW), "the sleeper's own bad luck is nobody's news"


def test_no_transaction_is_open_while_the_carrier_is_asked(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 2, line)
    line.before = lambda: assert_free(store)
    assert polling.poll(tools, NOW).errors == []
    assert len(line.asked) == 2


# --- trouble is told apart ------------------------------------------------------------------------------------------

ONE_PARCELS = {
    "somebody else's events": Reply(200, {}, b'{"other": [["2026-11-18T08:00:00+01:00"]]}'),
}
THE_CARRIERS = {
    "an HTML page": Reply(200, {"content-type": "text/html"}, b"<html>Please log in</html>"),
    "a body cut off": Reply(200, {}, b'{"other": [["2026'),
    "nothing but null": Reply(200, {}, b"null"),
    "a list for an object": Reply(200, {}, b"[]"),
    "more than five megabytes": TooLarge("fake.example sent more than 5000000 bytes."),
    "a server error": Reply(500, {}, b""),
    "no connection": Unreachable("fake.example gave no answer: refused."),
    "credentials refused": Reply(401, {}, b""),
    "too many requests": Reply(429, {}, b""),
    "an answer that its reader stumbles over": Reply(200, {}, b'{"bug": []}'),
}


@pytest.mark.parametrize("odd", [*ONE_PARCELS.values(), *THE_CARRIERS.values()], ids=[*ONE_PARCELS, *THE_CARRIERS])
def test_one_bad_answer_is_that_parcels_alone_and_can_be_seen(store, line, monkeypatch, odd):
    tools = world(store, line, monkeypatch)
    first, bad, last = parcels(store, 3, line)
    line.instead[bad] = odd
    told = polling.poll(tools, NOW)
    assert told.done == 3
    assert len(told.errors) == 1
    assert bad in told.errors[0]
    assert [of(store, number).stage for number in (first, last)] == [Stage.IN_TRANSIT] * 2
    assert [of(store, number).last_error for number in (first, last)] == [None, None]
    kept = of(store, bad)
    assert bad in kept.last_error
    assert (kept.parked_at, kept.polled_at) == (None, None)
    assert NOW < kept.wake_at <= NOW + MINUTE
    line.instead.clear()
    assert polling.poll(tools, NOW + MINUTE).done == 1
    assert (of(store, bad).stage, of(store, bad).last_error, of(store, bad).tries) == (Stage.IN_TRANSIT, None, 0)


@pytest.mark.parametrize("odd", THE_CARRIERS.values(), ids=THE_CARRIERS)
def test_a_carrier_that_fails_for_every_parcel_is_a_failing_feed_and_loses_nothing(store, line, monkeypatch, odd):
    tools = world(store, line, monkeypatch)
    parcels(store, 8, line)
    polling.poll(tools, NOW)
    wake_all(store)
    line.instead["*"] = odd
    line.asked.clear()
    told = polling.poll(tools, NOW + HOUR)
    assert told.done == 8
    assert len(line.asked) == polling.PATIENCE, "after three failures in a row it is left alone"
    with store.read() as session:
        feed = session.scalars(sa.select(Feed)).one()
        assert (feed.failing_since, feed.last_success_at, feed.failures) == (NOW + HOUR, NOW, 1)
        parcel_times = session.scalars(sa.select(Shipment.wake_at)).all()
    assert feed.error
    assert all(NOW + HOUR < at <= NOW + HOUR + MINUTE for at in parcel_times), "none is due at once again"
    assert polling.poll(tools, NOW + HOUR).done == 0
    line.instead.clear()
    wake_all(store)
    polling.poll(tools, NOW + 2 * HOUR)
    with store.read() as session:
        feed = session.scalars(sa.select(Feed)).one()
        assert (feed.failing_since, feed.error, feed.failures) == (None, None, 0)
        assert set(session.scalars(sa.select(Shipment.last_error))) == {None}


def test_one_failing_carrier_does_not_hold_up_the_others(store, line, monkeypatch):
    tools = world(store, line, monkeypatch, also=["other"])
    (bad,) = parcels(store, 1)
    (good,) = parcels(store, 1, line, carrier="other")
    line.instead[bad] = RuntimeError("a bug in the reader")
    assert polling.poll(tools, NOW).done == 2
    assert of(store, good).stage is Stage.IN_TRANSIT


def test_a_failing_carrier_is_never_given_up(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line)
    line.instead["*"] = Reply(500, {}, b"")
    now = NOW
    for _ in range(12):
        assert polling.poll(tools, now).done == 1
        parcel = of(store, number)
        assert parcel.parked_at is None
        assert now < parcel.wake_at <= now + timedelta(hours=2.4)
        now = parcel.wake_at


def test_a_round_that_runs_out_of_time_hands_the_rest_back_at_once(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 5, line)
    clock = iter([0.0, 1.0, 2.0, 31.0])
    monkeypatch.setattr(polling.time, "monotonic", lambda: next(clock))
    assert polling.poll(tools, NOW).done == 5
    assert len(line.asked) == 2
    assert count(store, Shipment, Shipment.wake_at <= NOW, Shipment.lease_until.is_(None)) == 3
    monkeypatch.setattr(polling.time, "monotonic", lambda: 0.0)
    assert polling.poll(tools, NOW).done == 3
    assert count(store, EventRow) == 5


@pytest.mark.parametrize("size", [1, 9])
def test_a_parcel_whose_fold_fails_stops_no_other_and_is_parked_with_an_alarm(store, line, monkeypatch, size):
    tools = world(store, line, monkeypatch, 40)
    numbers = parcels(store, size, line)
    poison = numbers[size // 2]
    fold = polling.standings.fold

    def breaks(events, now):
        told = list(events)
        if any(event.number == poison for event in told):
            raise RuntimeError("this history cannot be folded")
        return fold(told, now)

    monkeypatch.setattr(polling.standings, "fold", breaks)
    now = NOW
    for turn in range(1, 6):
        told = polling.poll(tools, now)
        assert [poison in error or "cannot be folded" in error for error in told.errors] == [True]
        assert of(store, poison).tries == turn
        now = of(store, poison).wake_at
    assert {of(store, number).stage for number in numbers if number != poison} <= {Stage.IN_TRANSIT}
    assert of(store, poison).parked_at is not None
    assert count(store, Notice) == 1
    assert polling.poll(tools, NOW + 3 * DAY).errors == []


@pytest.mark.parametrize("country", ["XX", "", "xx", "AQ", "??"])
def test_a_country_that_nobody_knows_spoils_no_batch(store, line, monkeypatch, country):
    tools = world(store, line, monkeypatch, 10)
    (odd,) = parcels(store, 1, line, country=country, postcode="¿?")
    (good,) = parcels(store, 1, line)
    assert polling.poll(tools, NOW).errors == []
    assert [of(store, number).stage for number in (odd, good)] == [Stage.IN_TRANSIT] * 2
    assert of(store, odd).stall_at > NOW


# --- numbers that the carrier does not know -------------------------------------------------------------------------


def test_a_number_that_is_not_known_is_asked_for_seven_days_and_then_ends_with_a_reason(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1)
    assert polling.poll(tools, NOW).errors == []
    parcel = of(store, number)
    assert (parcel.unknown_since, parcel.stage, parcel.last_error) == (NOW, Stage.UNKNOWN, None)
    assert timedelta(hours=1.8) <= parcel.wake_at - NOW <= timedelta(hours=2.2)
    for age, ended in ((7 * DAY, False), (7 * DAY + timedelta(seconds=1), True)):
        wake_all(store, NOW + age)
        polling.poll(tools, NOW + age)
        parcel = of(store, number)
        assert (parcel.unknown_since, parcel.wake_at is None) == (NOW, ended)
    assert parcel.poll_end_reason == "the carrier does not know the number"
    assert polling.poll(tools, NOW + 99 * DAY).done == 0


def test_a_number_that_becomes_known_is_polled_as_any_other(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1)
    polling.poll(tools, NOW)
    line.parcels[number] = [[BEFORE]]
    wake_all(store)
    polling.poll(tools, NOW + 6 * DAY)
    parcel = of(store, number)
    assert (parcel.unknown_since, parcel.stage, parcel.poll_end_reason) == (None, Stage.IN_TRANSIT, None)


def test_an_empty_answer_takes_nothing_back(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line)
    polling.poll(tools, NOW)
    line.parcels.clear()
    wake_all(store)
    polling.poll(tools, NOW + HOUR)
    parcel = of(store, number)
    assert (parcel.stage, parcel.unknown_since, count(store, EventRow)) == (Stage.IN_TRANSIT, NOW + HOUR, 1)
    wake_all(store, NOW + 20 * DAY)
    polling.poll(tools, NOW + 20 * DAY)
    assert of(store, number).wake_at is not None, "a parcel that was once known is not given up"


# --- the end of polling ---------------------------------------------------------------------------------------------

ENDS = {
    "three days after a delivery": ("delivered", None, 3 * DAY, "three days after it was delivered"),
    "three days after it came back": ("returned", None, 3 * DAY, "three days after it was returned"),
}


@pytest.mark.parametrize(("stage", "_", "age", "reason"), ENDS.values(), ids=ENDS)
def test_an_ended_parcel_is_polled_for_three_days_more_and_never_again(store, line, monkeypatch, stage, _, age, reason):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), (NOW.isoformat(), stage)])
    polling.poll(tools, NOW)
    assert of(store, number).wake_at is not None
    for later, over in ((age, False), (age + timedelta(seconds=1), True)):
        wake_all(store, NOW + later)
        polling.poll(tools, NOW + later)
        assert (of(store, number).wake_at is None) == over
    assert of(store, number).poll_end_reason == reason
    line.asked.clear()
    assert polling.poll(tools, NOW + 99 * DAY).done == 0
    assert line.asked == []


def test_a_parcel_with_an_open_incident_is_polled_every_half_hour_and_one_with_a_closed_one_for_thirty_days(
    store, line, monkeypatch
):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), (NOW.isoformat(), "delivered")])
    with store.begin() as session:
        incident = make.incident(session, session.scalars(sa.select(Shipment)).one())
    polling.poll(tools, NOW)
    wake_all(store, NOW + 10 * DAY)
    polling.poll(tools, NOW + 10 * DAY)
    assert 27 * MINUTE <= of(store, number).wake_at - (NOW + 10 * DAY) <= 33 * MINUTE
    with store.begin() as session:
        closed = session.get_one(Incident, incident.id)
        closed.state, closed.outcome, closed.resolved_at = IncidentState.RESOLVED, Outcome.DELIVERED, NOW + 10 * DAY
    for age, over in ((40 * DAY, False), (40 * DAY + timedelta(seconds=1), True)):
        wake_all(store, NOW + age)
        polling.poll(tools, NOW + age)
        assert (of(store, number).wake_at is None) == over


# --- findings -------------------------------------------------------------------------------------------------------


def test_trouble_makes_a_finding_and_names_the_depot(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[(BEFORE,), ("2026-11-18T11:00:00+01:00", "", "damaged_or_lost")])
    with store.begin() as session:
        depot = make.depot(session, carrier=fakecarrier.CODE)
        make.depot(session, carrier=fakecarrier.CODE, postcodes="28 0")
    polling.poll(tools, NOW)
    parcel = of(store, number)
    assert (parcel.exception, parcel.depot_id) == (ExceptionCode.DAMAGED_OR_LOST, depot.id)
    assert 27 * MINUTE <= parcel.wake_at - NOW <= 33 * MINUTE, "trouble is watched closely"
    with store.read() as session:
        finding = session.scalars(sa.select(Finding)).one()
    assert (finding.kind, finding.wake_at, finding.cleared_at) == (ExceptionCode.DAMAGED_OR_LOST, NOW, None)


def test_silence_is_a_finding_from_its_very_instant_and_only_while_the_feed_answers(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[("2026-11-16T12:00:00+01:00",)])
    stalls = datetime(2026, 11, 18, 11, tzinfo=UTC)
    polling.poll(tools, stalls - DAY)
    wake_all(store, stalls - DAY)
    polling.poll(tools, stalls - DAY)
    assert of(store, number).stall_at == stalls
    for at, found in ((stalls - timedelta(seconds=1), 0), (stalls, 1), (stalls + HOUR, 1)):
        wake_all(store, at)
        line.instead = {"*": Reply(500, {}, b"")}
        polling.poll(tools, at)
        assert count(store, Finding) == (found if at > stalls else 0), "a failing feed says nothing by its silence"
        line.instead = {}
        wake_all(store, at)
        polling.poll(tools, at)
        assert count(store, Finding, Finding.kind == ExceptionCode.STALLED) == found


def test_a_scan_clears_a_silence_and_a_new_silence_is_found_again(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[("2026-11-11T12:00:00+01:00",)])
    polling.poll(tools, NOW)
    assert count(store, Finding, Finding.cleared_at.is_(None)) == 1
    line.parcels[number].append(["2026-11-18T13:00:00+01:00"])
    wake_all(store)
    polling.poll(tools, NOW + HOUR)
    assert count(store, Finding, Finding.cleared_at == NOW + HOUR, Finding.wake_at == NOW + HOUR) == 1
    wake_all(store)
    polling.poll(tools, NOW + 30 * DAY)
    assert count(store, Finding, Finding.cleared_at.is_(None)) == 1
    assert count(store, Finding) == 2


def test_a_refunded_parcel_that_is_scanned_again_is_a_contradiction_once(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, scans=[("2026-11-11T12:00:00+01:00", "in_transit", "lost")])
    polling.poll(tools, NOW)
    with store.begin() as session:
        incident = make.incident(session, session.scalars(sa.select(Shipment)).one())
        incident.state, incident.outcome, incident.resolved_at = IncidentState.RESOLVED, Outcome.REFUNDED, NOW
    for hours in (1, 2, 3):
        line.parcels[number].append([(NOW + hours * HOUR).isoformat()])
        wake_all(store)
        polling.poll(tools, NOW + hours * HOUR)
        assert count(store, Finding, Finding.kind == ExceptionCode.CONTRADICTION) == 1


# --- silent feeds ---------------------------------------------------------------------------------------------------


def test_a_feed_that_is_silent_for_six_hours_is_told_of_once_and_again_at_its_next_silence(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    parcels(store, 1, line)
    polling.poll(tools, NOW)
    line.instead["*"] = Reply(500, {}, b"")
    wake_all(store)
    polling.poll(tools, NOW + HOUR)
    for at, alarms in ((NOW + 6 * HOUR, 0), (NOW + 6 * HOUR + timedelta(seconds=1), 1), (NOW + 9 * HOUR, 1)):
        feeds_step.watch(tools, at)
        assert feeds_step.watch(tools, at).done == 0
        assert count(store, Notice) == alarms
    line.instead.clear()
    wake_all(store)
    polling.poll(tools, NOW + 10 * HOUR)
    line.instead["*"] = Reply(500, {}, b"")
    wake_all(store)
    polling.poll(tools, NOW + 11 * HOUR)
    feeds_step.watch(tools, NOW + 17 * HOUR)
    assert count(store, Notice) == 2


def test_a_parcel_of_a_carrier_without_an_account_waits_untouched(store, line, monkeypatch):
    tools = world(store, line, monkeypatch)
    (number,) = parcels(store, 1, line, carrier="stranger")
    assert polling.poll(tools, NOW).done == 0
    assert (of(store, number).wake_at, of(store, number).tries) == (NOW, 0)


def test_only_the_parcels_of_one_carrier_are_leased_for_it(store):
    mine, other = parcels(store, 2), parcels(store, 1, carrier="other")
    with store.begin() as session:
        due = polls.take(session, fakecarrier.CODE, NOW, NOW, owner="me", limit=10)
    assert sorted(one.number for one in due) == sorted(mine)
    assert of(store, other[0]).owner is None


def test_a_depot_is_named_by_the_longest_prefix_or_by_its_code_whatever_its_noughts(store):
    with store.begin() as session:
        for code, postcodes in (("08", "08 25"), ("06", "06"), ("600", "0600")):
            make.depot(session, carrier=fakecarrier.CODE, code=code, postcodes=postcodes)
    with store.read() as session:
        offices = depots.of_carrier(session, fakecarrier.CODE)
        assert {type(office) for office in offices} == {Depot}
        told = [
            depots.responsible(offices, codes, postcode)
            for codes, postcode in (([None, "8"], "06001"), ([None], "06001"), (["99"], "06500"), (["99"], "48001"))
        ]
        assert [office.code if office else None for office in told] == ["08", "600", "06", None]
