"""Findings become incidents: one open per shipment, moved by the table, eased, reopened; always with a due date."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Thread

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import Unaudited, audited
from tests.fakecarrier import event
from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import Cause, Desired, Kind, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import Mode
from tracker.steps import answers, incidents
from tracker.store import audit, closing, due, standings, wake
from tracker.store.audit import Actor, ActorKind, Audit
from tracker.store.incidents import Finding, Incident, Task, TaskKind, TaskState, Timeline
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.shipments import Shipment

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""Wednesday, noon in Madrid."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store, refunds_mode=Mode.AUTO)
    store.close()


def parcel(tools, **values):
    """The id of a parcel of SEUR's, with a depot that has an address."""
    with tools.store.begin() as session:
        office = make.depot(session)
        return make.shipment(session, now=NOW, depot_id=office.id, **values).id


def scan(tools, shipment_id, at, stage="in_transit", exception="none", **values):
    """The carrier says something; the findings follow, and the incidents are attended to."""
    with tools.store.begin() as session:
        number = session.get_one(Shipment, shipment_id).number
        told = event(number, at, stage, exception, **values)
        standings.record(session, {shipment_id: [told]}, at, {})
        standings.refold(session, [shipment_id], at, tools.silence, tools.solution_due(at))
    return attend(tools, at)


def look(tools, shipment_id, at):
    """Nothing is said, but time has passed."""
    with tools.store.begin() as session:
        standings.refold(session, [shipment_id], at, tools.silence, tools.solution_due(at))
    return attend(tools, at)


def attend(tools, at):
    """The step, twice: the second time there is nothing to do."""
    told = incidents.attend(tools, at)
    assert told.errors == []
    assert incidents.attend(tools, at).done == 0
    with tools.store.read() as session:
        forgotten = sa.select(Incident.ref).where(Incident.state == State.OPEN, Incident.next_due_at.is_(None))
        assert session.scalars(forgotten).all() == [], "every open incident is due some time"
    return told.done


def only(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Incident)).one()


def promised(tools, **where):
    with tools.store.read() as session:
        return session.scalars(sa.select(Promise).filter_by(**where).order_by(Promise.id)).all()


def topics(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Notice.topic).order_by(Notice.id)).all()


def tasks(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Task.kind).where(Task.state == TaskState.OPEN)).all()


def story(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Timeline.kind).order_by(Timeline.id)).all()


# kind -> (stage, exception, what is owed after it: (action, performer), tasks for people)
OPENED = {
    "damage or loss": ("", "damaged_or_lost", {(Action.ANSWER, Party.DEPOT), (Action.REFUND, Party.MERCHANT)}, []),
    "a loss": ("", "lost", {(Action.REFUND, Party.MERCHANT)}, []),
    "a theft": ("", "stolen", {(Action.REFUND, Party.MERCHANT)}, []),
    "damage": ("", "damaged", {(Action.REFUND, Party.MERCHANT)}, []),
    "a destroyed parcel": ("", "destroyed", {(Action.REFUND, Party.MERCHANT)}, []),
    "missing pieces": ("", "missing_pieces", {(Action.INVESTIGATE, Party.DEPOT)}, []),
    "a search": ("", "under_investigation", {(Action.INVESTIGATE, Party.DEPOT)}, []),
    "damage on arrival": ("delivered", "damaged_delivered", set(), [TaskKind.DECIDE]),
    "a delivery that the customer denies": ("delivered", "delivered_not_received", set(), [TaskKind.DECIDE]),
    "a delivery with pieces missing": ("delivered", "missing_pieces", {(Action.INVESTIGATE, Party.DEPOT)}, []),
}


@pytest.mark.parametrize(("stage", "exception", "owed", "people"), OPENED.values(), ids=OPENED)
def test_trouble_opens_an_incident_with_somebody_who_owes_something(tools, stage, exception, owed, people):
    shipment_id = parcel(tools)
    assert scan(tools, shipment_id, NOW, stage, exception) == 1
    incident = only(tools)
    assert (incident.kind, incident.state, incident.episode, incident.level) == (Kind(exception), State.OPEN, 1, 0)
    assert {(one.action, one.performer) for one in promised(tools)} == owed
    assert tasks(tools) == people
    assert topics(tools).count(Topic.CUSTOMER_OPENED) == 1
    assert story(tools).count("incident_opened") == 1


QUIET = ("address_problem", "refused", "attempt_failed_absent", "misrouted", "delayed_carrier", "unmapped", "none")


@pytest.mark.parametrize("exception", QUIET)
def test_what_is_no_incident_opens_none(tools, exception):
    assert scan(tools, parcel(tools), NOW, "in_transit", exception) == 0


def test_a_parcel_first_seen_when_it_had_arrived_damaged_is_a_person_s(tools):
    shipment_id = parcel(tools)
    with tools.store.begin() as session:
        number = session.get_one(Shipment, shipment_id).number
        told = [event(number, NOW - DAY, "", "damaged"), event(number, NOW, "delivered")]
        standings.record(session, {shipment_id: told}, NOW, {})
    look(tools, shipment_id, NOW)
    assert only(tools).kind is Kind.DAMAGED_DELIVERED
    assert promised(tools) == []
    assert tasks(tools) == [TaskKind.DECIDE]


def test_a_loss_without_a_known_cause_announces_the_refund_for_the_third_working_day(tools):
    scan(tools, parcel(tools), NOW, "", "damaged_or_lost")
    monday_evening = datetime(2026, 11, 23, 17, tzinfo=UTC)
    thursday_evening = datetime(2026, 11, 19, 18, tzinfo=UTC)
    assert only(tools).remedy_at == monday_evening
    (answer,) = promised(tools, action=Action.ANSWER)
    assert answer.due_at == thursday_evening
    assert only(tools).next_due_at == thursday_evening, "the earliest of what is owed"


def test_a_known_cause_asks_for_the_refund_at_once(tools):
    scan(tools, parcel(tools), NOW, "", "lost")
    incident = only(tools)
    assert (incident.cause, incident.remedy_at) == (Cause.LOST, NOW)


def test_three_workers_with_a_finding_each_open_one_incident(tools, monkeypatch):
    shipment_id = parcel(tools)
    with tools.store.begin() as session:
        for kind in (ExceptionCode.STALLED, ExceptionCode.LOST, ExceptionCode.DAMAGED):
            session.add(Finding(shipment_id=shipment_id, kind=kind, opened_at=NOW, wake_at=NOW))
    together, told, attends = Barrier(3), [], incidents._attend
    monkeypatch.setattr(due, "lease", lambda *args, **how: wake.lease(*args, **{**how, "limit": 1}))

    def attends_with_the_others(*args):
        with suppress(BrokenBarrierError):
            together.wait(timeout=0.5)  # whoever gets this far waits for those who could, too
        attends(*args)

    monkeypatch.setattr(incidents, "_attend", attends_with_the_others)
    workers = [Thread(target=lambda: told.append(incidents.attend(tools, NOW))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [(one.done, one.errors) for one in told] == [(1, [])] * 3
    assert only(tools).kind in {Kind.LOST, Kind.DAMAGED}


def test_the_kind_moves_from_silence_to_doubt_to_loss_and_back_to_hope(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW - 7 * DAY)
    look(tools, shipment_id, NOW)
    assert only(tools).kind is Kind.STALLED
    assert [one.action for one in promised(tools)] == [Action.INVESTIGATE]

    scan(tools, shipment_id, NOW + HOUR, "", "damaged_or_lost")
    assert only(tools).kind is Kind.DAMAGED_OR_LOST
    assert [(one.action, one.state) for one in promised(tools)] == [
        (Action.INVESTIGATE, PromiseState.VOID),
        (Action.ANSWER, PromiseState.MADE),
        (Action.REFUND, PromiseState.MADE),
    ]

    scan(tools, shipment_id, NOW + 2 * HOUR, "", "lost")
    incident = only(tools)
    assert (incident.kind, incident.cause, incident.remedy_at) == (Kind.LOST, Cause.LOST, NOW + 2 * HOUR)
    assert [one.state for one in promised(tools, action=Action.ANSWER)] == [PromiseState.VOID], (
        "nobody is asked what is known"
    )

    scan(tools, shipment_id, NOW + 3 * HOUR, "in_transit", recovery=True)
    incident = only(tools)
    assert (incident.kind, incident.remedy_at, incident.state) == (Kind.FOUND, None, State.OPEN)
    assert [one.state for one in promised(tools, action=Action.REFUND)] == [PromiseState.VOID]
    assert [one.state for one in promised(tools, action=Action.DELIVER)] == [PromiseState.MADE]
    assert Topic.CUSTOMER_FOUND in topics(tools)

    scan(tools, shipment_id, NOW + 4 * HOUR, "delivered")
    incident = only(tools)
    assert (incident.state, incident.outcome, incident.next_due_at) == (State.RESOLVED, Outcome.DELIVERED, None)
    assert [one.state for one in promised(tools, action=Action.DELIVER)] == [PromiseState.KEPT]
    assert topics(tools)[-1] is Topic.CUSTOMER_FOLLOWUP


def test_vague_news_never_replaces_precise_news(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "lost")
    before = len(promised(tools))
    scan(tools, shipment_id, NOW + HOUR, "", "under_investigation")
    assert only(tools).kind is Kind.LOST
    assert len(promised(tools)) == before


def test_a_scan_ends_a_silence_and_nobody_is_asked_whether_all_is_well(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW - 7 * DAY)
    look(tools, shipment_id, NOW)
    scan(tools, shipment_id, NOW + HOUR)
    assert (only(tools).outcome, only(tools).next_due_at) == (Outcome.MOVING, None)
    assert Topic.CUSTOMER_FOLLOWUP not in topics(tools)
    assert [one.state for one in promised(tools)] == [PromiseState.VOID]


def test_news_after_the_end_reopens_the_same_incident_as_a_new_episode(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW - 7 * DAY)
    look(tools, shipment_id, NOW)
    with tools.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        closing.start_ladder(session, incident, NOW, AGENT)
        audit.change(session, incident, NOW, AGENT, "escalated", level=2)
    scan(tools, shipment_id, NOW + HOUR)
    look(tools, shipment_id, NOW + 9 * DAY)
    incident = only(tools)
    assert (incident.episode, incident.level, incident.state, incident.ladder_from) == (2, 0, State.OPEN, None)
    assert (incident.resolved_at, incident.outcome) == (None, None)
    assert topics(tools).count(Topic.CUSTOMER_OPENED) == 2, "the customer hears of the new episode"


def test_a_delivery_ends_a_loss(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "lost")
    scan(tools, shipment_id, NOW + HOUR, "delivered")
    assert (only(tools).state, only(tools).outcome) == (State.RESOLVED, Outcome.DELIVERED)
    assert [one.state for one in promised(tools, action=Action.REFUND)] == [PromiseState.VOID]


def test_a_return_of_a_lost_parcel_goes_to_a_person_and_its_refund_goes_on(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "lost")
    scan(tools, shipment_id, NOW + HOUR, "returned")
    assert only(tools).state is State.OPEN
    assert [one.state for one in promised(tools, action=Action.REFUND)] == [PromiseState.MADE]
    assert TaskKind.DECIDE in tasks(tools)


def test_a_return_ends_what_no_refund_was_announced_for(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "under_investigation")
    scan(tools, shipment_id, NOW + HOUR, "returned")
    assert (only(tools).state, only(tools).outcome) == (State.RESOLVED, Outcome.RETURNED)


def test_damage_that_arrives_is_no_automatic_refund_but_a_persons(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "damaged_or_lost")
    scan(tools, shipment_id, NOW + HOUR, "delivered")
    incident = only(tools)
    assert (incident.kind, incident.state, incident.remedy_at) == (Kind.DAMAGED_DELIVERED, State.OPEN, None)
    assert [one.state for one in promised(tools, action=Action.REFUND)] == [PromiseState.VOID]
    assert tasks(tools) == [TaskKind.DECIDE]


def test_damage_that_is_told_of_at_the_door_is_no_automatic_refund_either(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "damaged")
    scan(tools, shipment_id, NOW + HOUR, "delivered", "damaged_delivered")
    assert (only(tools).kind, only(tools).remedy_at) == (Kind.DAMAGED_DELIVERED, None)
    assert tasks(tools) == [TaskKind.DECIDE]


def test_an_incident_that_people_ended_is_not_reopened_by_the_parcels_arrival(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "damaged")
    with tools.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        closing.resolve(session, incident, NOW, AGENT, Outcome.WITHDRAWN, "the customer keeps it")
    scan(tools, shipment_id, NOW + HOUR, "delivered")
    assert only(tools).state is State.RESOLVED


def test_a_refunded_parcel_that_is_scanned_again_is_flagged_to_people_once(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "lost")
    with tools.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        closing.resolve(session, incident, NOW, AGENT, Outcome.REFUNDED)
    for hours in (1, 2, 3):
        scan(tools, shipment_id, NOW + hours * HOUR)
    assert topics(tools).count(Topic.STAFF_REAPPEARED) == 1
    assert tasks(tools) == [TaskKind.REAPPEARED]
    incident = only(tools)
    assert (incident.state, incident.outcome, incident.episode) == (State.RESOLVED, Outcome.REFUNDED, 1)
    assert promised(tools, state=PromiseState.MADE) == []


def test_more_trouble_with_a_refunded_parcel_opens_nothing(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "lost")
    with tools.store.begin() as session:
        closing.resolve(session, session.scalars(sa.select(Incident)).one(), NOW, AGENT, Outcome.REFUNDED)
    scan(tools, shipment_id, NOW + HOUR, "", "damaged")
    assert only(tools).state is State.RESOLVED


def test_without_an_address_anywhere_a_person_asks(tools):
    with tools.store.begin() as session:
        shipment_id = make.shipment(session, now=NOW).id
    scan(tools, shipment_id, NOW, "", "damaged_or_lost")
    assert tasks(tools) == [TaskKind.CONTACT]
    assert [one.performer for one in promised(tools, action=Action.ANSWER)] == [Party.DESK]


def test_one_finding_that_cannot_be_attended_to_stops_none_of_the_others(tools):
    odd = parcel(tools)
    with tools.store.begin() as session:
        session.get_one(Shipment, odd).depot.timezone = "Mars/Olympus"
    good = parcel(tools)
    for shipment_id in (odd, good):
        with tools.store.begin() as session:
            session.add(Finding(shipment_id=shipment_id, kind=ExceptionCode.STALLED, opened_at=NOW, wake_at=NOW))
    told = incidents.attend(tools, NOW)
    assert (told.done, len(told.errors)) == (1, 1)
    assert only(tools).shipment_id == good


def test_every_change_of_the_story_has_its_audit_row(tools):
    shipment_id = parcel(tools)
    scan(tools, shipment_id, NOW, "", "damaged_or_lost")
    with tools.store.begin() as session:
        incident = session.scalars(sa.select(Incident)).one()
        answers.choose(session, tools, NOW, incident, Desired.WAIT, NOW + 9 * DAY, Actor(ActorKind.CUSTOMER))
    with tools.store.read() as session:
        told = session.scalars(sa.select(Audit.action).order_by(Audit.id)).all()
    assert told == [
        "incident_opened",
        "promise_made",
        "promise_made",
        "remedy_moved",
        "customer_chose",
        "promise_renegotiated",
        "remedy_moved",
    ]


CHEATS = {
    "a change without a word": lambda session, incident: setattr(incident, "level", 3),
    "a statement behind the objects' back": lambda session, incident: session.execute(
        sa.update(Incident).where(Incident.id == incident.id).values(level=3)
    ),
    "a word without a change": lambda session, incident: session.add(
        Audit(
            at=NOW,
            actor_kind=ActorKind.JOB,
            actor_id="",
            via="",
            action="escalated",
            object=f"incidents:{incident.id}",
            before={"level": 0},
            after={"level": 1},
        )
    ),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
def test_the_check_of_the_audit_catches_a_cheat(tools, cheat):
    scan(tools, parcel(tools), NOW, "", "lost")

    def cheats():
        with tools.store.begin() as session:
            cheat(session, session.scalars(sa.select(Incident)).one())

    with pytest.raises(Unaudited):
        cheats()
