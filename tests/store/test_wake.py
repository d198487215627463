"""Rows that can be due: leased by one, fenced against sleepers, backed off, parked, and found by an index."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tests import make
from tests.counting import statements
from tracker.domain.events import ExceptionCode
from tracker.domain.notices import Topic
from tracker.store import due, outbox, polls, wake
from tracker.store.incidents import Finding, Incident
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment
from tracker.store.wake import LEASE, LeaseLost

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(store_url):
    made = make.store(store_url)
    yield made
    made.close()


def put(store, count=1, wake_at=NOW, name="n"):
    """Notices that are due; their ids."""
    with store.begin() as session:
        for number in range(count):
            outbox.put(session, Topic.STAFF_ALARM, f"{name}{number}", NOW, wake_at=wake_at, recipient="staff")
        return session.scalars(sa.select(Notice.id).where(Notice.dedupe_key.startswith(name)).order_by(Notice.id)).all()


def lease(store, now=NOW, lease_now=None, **values):
    with store.begin() as session:
        return wake.lease(session, Notice, now, lease_now or now, **{"owner": "me", "limit": 100, **values})


def row(store, id_):
    with store.read() as session:
        return session.get_one(Notice, id_)


DUE = {
    "a microsecond before": (NOW - timedelta(microseconds=1), 0),
    "on the minute": (NOW, 1),
    "later": (NOW + DAY, 1),
}


@pytest.mark.parametrize(("now", "taken"), DUE.values(), ids=DUE)
def test_a_row_is_leased_from_its_very_instant(store, now, taken):
    put(store)
    assert len(lease(store, now)) == taken


def test_a_row_that_is_held_is_not_leased_until_its_lease_has_run_out(store):
    put(store)
    assert len(lease(store)) == 1
    assert lease(store, NOW) == []
    assert lease(store, NOW, NOW + LEASE) == [], "the very end still belongs to the holder"
    assert len(lease(store, NOW, NOW + LEASE + timedelta(microseconds=1))) == 1


def test_what_is_due_is_judged_by_one_clock_and_leases_by_the_other(store):
    put(store, wake_at=NOW + DAY)
    assert lease(store, now=NOW, lease_now=NOW + 9 * DAY) == [], "the lease clock makes nothing due"
    (held,) = lease(store, now=NOW + DAY, lease_now=NOW)
    assert row(store, held.id).lease_until == NOW + LEASE
    assert lease(store, now=NOW + 30 * DAY, lease_now=NOW + SECOND) == [], "the business clock ends no lease"


def test_leases_are_judged_by_the_databases_own_clock_on_postgres_alone(store_url):
    store = make.Store(store_url, lambda: NOW)
    with store.begin() as session:
        told = store.lease_now(session)
        assert told.tzinfo is not None
        assert (told == NOW) == (store.engine.dialect.name == "sqlite")
    store.close()


def test_a_killed_workers_row_is_taken_up_again_after_the_lease(store):
    (id_,) = put(store)
    (first,) = lease(store)
    (second,) = lease(store, NOW, NOW + LEASE + SECOND)
    assert (second.id, second.token, second.tries) == (id_, first.token + 1, 2)


OUTCOMES = {
    "finish": lambda session, leased: wake.finish(session, Notice, leased, NOW + DAY),
    "fail": lambda session, leased: wake.fail(session, Notice, leased, NOW, "too late"),
}


def wakes_and_writes(store, sleeper, write):
    with store.begin() as session:
        session.get_one(Notice, sleeper.id).facts = {"text": "written by the sleeper"}
        write(session, sleeper)


@pytest.mark.parametrize("write", OUTCOMES.values(), ids=OUTCOMES)
def test_a_worker_that_slept_cannot_write(store, write):
    (id_,) = put(store)
    (sleeper,) = lease(store)
    (other,) = lease(store, NOW, NOW + LEASE + SECOND)
    with pytest.raises(LeaseLost):
        wakes_and_writes(store, sleeper, write)
    assert row(store, id_).facts == {}, "what the sleeper did is rolled back with it"
    with store.begin() as session:
        write(session, other)


def test_a_finished_row_cannot_be_finished_again_by_a_third_who_took_over(store):
    put(store)
    (first,) = lease(store)
    with store.begin() as session:
        wake.finish(session, Notice, first, None)
    after = row(store, first.id)
    assert (after.wake_at, after.owner, after.lease_until, after.tries) == (None, None, None, 0)
    assert lease(store, NOW + DAY) == []


def test_a_failure_waits_longer_each_time_and_the_fifth_parks_the_row(store):
    (id_,) = put(store)
    now, waits = NOW, []
    for turn in range(1, 6):
        (held,) = lease(store, now)
        assert held.tries == turn
        with store.begin() as session:
            parked = wake.fail(session, Notice, held, now, "no luck " * 100)
        after = row(store, id_)
        waits.append(after.wake_at - now)
        now = after.wake_at
        assert parked == (turn == 5) == (after.parked_at is not None)
        assert after.last_error.startswith("no luck")
        assert len(after.last_error) <= 500
    assert waits == sorted(waits)
    for wait, step in zip(waits, wake.BACKOFF, strict=True):
        assert 0.8 * step <= wait <= 1.2 * step
    assert lease(store, NOW + 99 * DAY) == [], "parked is parked"


def test_the_spread_differs_from_row_to_row_and_is_the_same_again():
    waits = [wake.backoff(1, salt) for salt in range(100)]
    assert len(set(waits)) > 90
    assert waits == [wake.backoff(1, salt) for salt in range(100)]
    assert min(waits) >= 0.8 * wake.BACKOFF[0]
    assert max(waits) <= 1.2 * wake.BACKOFF[0]


def test_a_pull_wakes_earlier_never_later_and_takes_the_row_from_its_holder(store):
    (id_,) = put(store, wake_at=NOW + DAY)
    for at, expected in ((NOW + 2 * DAY, NOW + DAY), (NOW + MINUTE, NOW + MINUTE), (NOW, NOW), (NOW + DAY, NOW)):
        with store.begin() as session:
            wake.pull(session, Notice, id_, at)
        assert row(store, id_).wake_at == expected
    (held,) = lease(store)
    with store.begin() as session:
        wake.pull(session, Notice, id_, NOW + DAY)
    with pytest.raises(LeaseLost), store.begin() as session:
        wake.finish(session, Notice, held, None)
    assert len(lease(store)) == 1, "the pull is not overwritten, and the row is free at once"


def test_a_pull_wakes_a_row_that_sleeps_or_was_parked(store):
    (id_,) = put(store)
    with store.begin() as session:
        wake.quiet(session, Notice, Notice.id == id_)
    assert lease(store, NOW + DAY) == []
    with store.begin() as session:
        session.get_one(Notice, id_).parked_at = NOW
    with store.begin() as session:
        wake.pull(session, Notice, id_, NOW)
    assert [held.tries for held in lease(store)] == [1]


def test_what_is_quieted_is_never_due_and_its_holder_cannot_write(store):
    (id_,) = put(store)
    (held,) = lease(store)
    with store.begin() as session:
        wake.quiet(session, Notice, Notice.id == id_)
    with pytest.raises(LeaseLost), store.begin() as session:
        wake.finish(session, Notice, held, NOW)
    assert lease(store, NOW + 99 * DAY) == []


def test_a_lease_takes_many_rows_in_one_statement_earliest_first(store):
    late = put(store, 30, name="late")
    early = put(store, 20, wake_at=NOW - DAY, name="early")
    with statements(store) as said:
        taken = lease(store, limit=20)
    assert {held.id for held in taken} == set(early)
    assert len(said) == 1
    assert {held.id for held in lease(store)} == set(late)


def test_four_claimers_take_none_twice_and_leave_none(store):
    ids = put(store, 300)
    taken, start = [[] for _ in range(4)], Barrier(4)

    def claim(mine):
        start.wait()
        empty = 0
        while empty < 3:
            leases = lease(store, limit=7)
            mine += [held.id for held in leases]
            empty += not leases

    claimers = [Thread(target=claim, args=[mine]) for mine in taken]
    for claimer in claimers:
        claimer.start()
    for claimer in claimers:
        claimer.join()
    assert sorted(chain(*taken)) == sorted(ids)


def run(store, act, now=NOW, **values):
    return due.each(store, Notice, act, now, **values)


def test_each_row_is_acted_on_once_and_gets_the_time_it_asks_for(store):
    ids = put(store, 3)
    seen = []

    def act(_session, notice):
        seen.append(notice.id)
        return {ids[0]: None, ids[1]: NOW + DAY}.get(notice.id)

    assert run(store, act).done == 3
    assert run(store, act).done == 0
    assert seen == ids
    assert [row(store, id_).wake_at for id_ in ids] == [None, NOW + DAY, None]


def test_a_poison_row_stops_none_of_the_others_and_ends_parked_with_one_alarm(store):
    poison, *others = put_parcels(store, 6)
    seen = []

    def act(_session, shipment):
        seen.append(shipment.id)
        if shipment.id == poison:
            shipment.postcode = "spoilt"
            raise RuntimeError("this one cannot be read")

    now, told = NOW, due.each(store, Shipment, act, NOW)
    assert (told.done, len(told.errors)) == (5, 1)
    assert "this one cannot be read" in told.errors[0]
    for _ in range(8):
        now += 3 * timedelta(hours=1)
        due.each(store, Shipment, act, now)
    assert [seen.count(id_) for id_ in others] == [1] * 5
    assert seen.count(poison) == 5
    with store.read() as session:
        spoilt = session.get_one(Shipment, poison)
        assert (spoilt.postcode, spoilt.parked_at is None) == ("06001", False)
        assert session.scalars(sa.select(Notice.topic)).all() == [Topic.STAFF_ALARM]


def put_parcels(store, count):
    with store.begin() as session:
        order = make.order(session)
        return [make.shipment(session, order_id=order.id, wake_at=NOW).id for _ in range(count)]


def test_a_row_that_another_worker_took_meanwhile_is_left_to_it(store):
    put(store)
    seen = []

    def act(_session, notice):
        seen.append(notice.id)
        return NOW + DAY

    with store.begin() as session:
        (slow,) = wake.lease(session, Notice, NOW, NOW, owner="slow", limit=1)
    lease(store, NOW, NOW + LEASE + SECOND)
    with pytest.raises(LeaseLost), store.begin() as session:
        due._turn(session, Notice, slow, act)
    assert seen == [], "the lease is proved before anything is done"


def test_four_workers_at_once_act_on_every_row_once(store):
    ids = put(store, 120)
    start, errors = Barrier(4), []

    def act(session, notice):
        notice.facts = {"count": notice.facts.get("count", 0) + 1}

    def work():
        start.wait()
        idle = 0
        while idle < 3:
            told = run(store, act)
            errors.extend(told.errors)
            idle += not told.done

    workers = [Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    with store.read() as session:
        assert [row.facts for row in session.scalars(sa.select(Notice))] == [{"count": 1}] * len(ids)


# --- the plan: EXPLAIN names the partial index ---------------------------------------------------------------------

CROWD = 4000


def crowd(session):
    """Thousands of rows in every table that is leased from, of which two in a hundred are due."""
    order = make.order(session)
    one = make.incident(session, make.shipment(session, order_id=order.id))
    dull = {"token": 0, "tries": 0}

    def wakes(number):
        return NOW if number % 50 == 0 else (None if number % 2 else NOW + DAY)

    def add(model, line):
        rows = [{**dull, "wake_at": wakes(number), **line(number)} for number in range(CROWD)]
        session.execute(sa.insert(model), rows)

    parcel = {"order_id": order.id, "carrier": "seur", "created_at": NOW}
    add(Shipment, lambda n: {**parcel, "number": f"N{n}"})
    ids = session.scalars(sa.select(Shipment.id).order_by(Shipment.id.desc()).limit(CROWD)).all()
    old = {"policy_id": one.policy_id, "opened_at": NOW, "kind": one.kind, "state": "resolved"}
    add(Incident, lambda n: {**old, "ref": f"R{n}", "shipment_id": ids[n]})
    add(Finding, lambda n: {"shipment_id": ids[n], "kind": ExceptionCode.LOST, "opened_at": NOW, "cleared_at": NOW})
    owed = make.promise(session, one, NOW)
    copied = {
        name: getattr(owed, name)
        for name in ("incident_id", "episode", "promisor", "performer", "beneficiary", "action", "made_at", "due_at")
    }
    add(Promise, lambda n: {**copied, "due_source": owed.due_source, "state": "kept"})
    add(Notice, lambda n: {"topic": Topic.STAFF_ALARM, "recipient": "staff", "made_at": NOW, "dedupe_key": f"k{n}"})
    money = {"order_id": order.id, "incident_id": one.id, "amount_minor": 1, "currency": "EUR", "provider": "webhook"}
    asked = {"requested_at": NOW, "requested_by": "rule", "state": "cancelled"}
    add(Remedy, lambda n: {**money, **asked, "seq": n, "key": f"K{n}"})


LEASED = {
    "polls": lambda session: polls.take(session, "seur", NOW, NOW, owner="me", limit=20),
    "incidents": lambda session: wake.lease(session, Incident, NOW, NOW, owner="me", limit=20),
    "findings": lambda session: wake.lease(session, Finding, NOW, NOW, owner="me", limit=20),
    "promises": lambda session: wake.lease(
        session, Promise, NOW, NOW, owner="me", limit=20, where=[Promise.action != "refund"]
    ),
    "outbox": lambda session: wake.lease(session, Notice, NOW, NOW, owner="me", limit=20),
    "remedies": lambda session: wake.lease(session, Remedy, NOW, NOW, owner="me", limit=20),
}


def test_every_lease_is_found_by_its_partial_index(store):
    with store.begin() as session:
        crowd(session)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    missed = {
        name: plan for name, ask in LEASED.items() if f"ix_{table(name)}_wake" not in (plan := explain(store, ask))
    }
    assert missed == {}


def table(name):
    return {"polls": "shipments"}.get(name, name)


def explain(store, ask):
    """How the database would run the lease."""
    kept = []

    def hear(_connection, _cursor, text, parameters, _context, _many):
        if text.startswith(("WITH", "UPDATE")):
            kept.append((text, parameters))

    sa.event.listen(store.engine, "before_cursor_execute", hear)
    with store.begin() as session:
        ask(session)
        session.rollback()
    sa.event.remove(store.engine, "before_cursor_execute", hear)
    text, parameters = kept[0]
    verb = "EXPLAIN QUERY PLAN" if store.engine.dialect.name == "sqlite" else "EXPLAIN"
    with store.engine.connect() as connection:
        return "\n".join(str(line) for line in connection.exec_driver_sql(f"{verb} {text}", parameters))
