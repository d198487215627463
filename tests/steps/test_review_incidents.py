"""What a second look found: no promise outlives its news, no open incident is left alone, no money is forgotten."""

import pytest
import sqlalchemy as sa

from tests import make
from tracker.domain.events import Stage
from tracker.domain.incidents import Kind, State
from tracker.domain.promises import Action, Word
from tracker.domain.promises import State as PromiseState
from tracker.steps import base, guard
from tracker.steps.answers import DepotAnswer, depot_says
from tracker.steps.incidents import attend
from tracker.store import closing, incidents, promises
from tracker.store.incidents import Incident, Task, TaskKind
from tracker.store.shipments import Shipment

NOW = make.NOON


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    yield make.tools(store)
    store.close()


def opened(tools, kind=Kind.DAMAGED_OR_LOST):
    with tools.store.begin() as session:
        make.depot(session, code="desk")
        return make.incident(session, make.shipment(session, now=NOW), kind=kind, now=NOW).id


def says(tools, incident_id, answer, minutes):
    with tools.store.begin() as session:
        at = NOW + minutes * make.DAY / 1440
        depot_says(session, tools, at, session.get_one(Incident, incident_id), answer, None, make.JOB)


def deliveries(tools, incident_id):
    with tools.store.read() as session:
        return [promise.state for promise in promises.of(session, incident_id, action=Action.DELIVER)]


def test_found_broken_and_found_again_leaves_one_promise_to_deliver(tools):
    incident_id = opened(tools)
    says(tools, incident_id, DepotAnswer.FOUND, 1)
    assert deliveries(tools, incident_id) == [PromiseState.MADE]
    says(tools, incident_id, DepotAnswer.BROKEN, 2)
    assert deliveries(tools, incident_id) == [PromiseState.VOID]
    says(tools, incident_id, DepotAnswer.FOUND, 3)
    assert deliveries(tools, incident_id) == [PromiseState.VOID, PromiseState.MADE]


def test_an_open_incident_that_nobody_owes_anything_about_goes_to_a_person_once(tools):
    incident_id = opened(tools, Kind.STALLED)
    with tools.store.begin() as session:
        base.ask_the_carrier(session, tools, session.get_one(Incident, incident_id), NOW, make.JOB)
    with tools.store.begin() as session:
        (promise,) = promises.of(session, incident_id)
        closing.settle(session, promise, NOW, make.JOB, Word.KEPT)
        assert session.get_one(Incident, incident_id).next_due_at is None
    assert [guard.guard(tools, NOW).done for _ in range(2)] == [1, 0]
    with tools.store.read() as session:
        incident = session.get_one(Incident, incident_id)
        (task,) = session.scalars(sa.select(Task)).all()
        assert (task.kind, task.due_at) == (TaskKind.DECIDE, incident.next_due_at)


def test_a_resolved_incident_needs_no_guard(tools):
    incident_id = opened(tools, Kind.STALLED)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        closing.resolve(session, incident, NOW, make.JOB, incidents.Outcome.WITHDRAWN)
    assert guard.guard(tools, NOW).done == 0


def test_a_return_scan_neither_ends_the_case_nor_stops_the_refund(tools):
    incident_id = opened(tools, Kind.LOST)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        closing.move_remedy(session, incident, NOW, make.JOB, NOW + make.DAY, "announced")
        shipment = session.get_one(Shipment, incident.shipment_id)
        shipment.stage = Stage.RETURNED
        session.add(
            incidents.Finding(
                shipment_id=shipment.id,
                incident_id=incident.id,
                kind=incidents.ExceptionCode.LOST,
                opened_at=NOW,
                cleared_at=NOW,
                wake_at=NOW,
            )
        )
    assert attend(tools, NOW).errors == []
    with tools.store.read() as session:
        incident = session.get_one(Incident, incident_id)
        assert incident.state is State.OPEN
        assert promises.open_promise(session, incident_id, Action.REFUND) is not None
        (task,) = session.scalars(sa.select(Task)).all()
        assert (task.kind, task.reason) == (
            TaskKind.DECIDE,
            "scanned as returned: take it in, the refund goes on",
        )
