"""What agents write down: a contact with its time and reference, and the promise that was made in it."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import audited
from tracker.domain.incidents import Outcome
from tracker.domain.promises import Action, DueSource, Party, Terms
from tracker.domain.refusals import Refused
from tracker.steps.contacts import ContactDetails, log_contact, record_promise
from tracker.store import closing
from tracker.store import incidents as cases
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Contact, Incident, Task, TaskKind, TaskState, Timeline
from tracker.store.promises import Promise, PromiseVersion

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
MICRO, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "7", "ops")
CALL = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, NOW + DAY)


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store)
    store.close()


@pytest.fixture
def incident_id(tools):
    with tools.store.begin() as session:
        office = make.depot(session)
        return make.opened(session, make.shipment(session, now=NOW, depot_id=office.id), now=NOW).id


def log(tools, incident_id, **values):
    with tools.store.begin() as session:
        details = ContactDetails(**{"at": NOW, "channel": "phone", **values})
        return log_contact(session, tools, NOW, session.get_one(Incident, incident_id), details, AGENT)


def promise(tools, incident_id, terms, now=NOW):
    with tools.store.begin() as session:
        return record_promise(session, tools, now, session.get_one(Incident, incident_id), terms, AGENT)


def test_a_contact_keeps_who_when_how_why_and_what_came_of_it(tools, incident_id):
    said = {"person": "Sra. Gil", "reference": "SEUR-88", "reason": "where is it?", "outcome": "they call tomorrow"}
    log(tools, incident_id, at=NOW - HOUR, **said)
    with tools.store.read() as session:
        kept = session.scalars(sa.select(Contact)).one()
        entry = session.scalars(sa.select(Timeline).where(Timeline.kind == "contact")).one()
    assert {name: getattr(kept, name) for name in said} == said
    assert (kept.at, kept.logged_by, entry.at) == (NOW - HOUR, "7", NOW - HOUR)


def test_a_contact_does_what_the_task_to_call_wanted(tools, incident_id):
    with tools.store.begin() as session:
        cases.add_task(session, session.get_one(Incident, incident_id), TaskKind.CONTACT, NOW, NOW + HOUR, "call them")
    log(tools, incident_id)
    with tools.store.read() as session:
        assert session.scalars(sa.select(Task.state)).all() == [TaskState.DONE]


CONTACTS = {
    "a time without a zone": {"at": datetime(2026, 11, 18, 11)},  # noqa: DTZ001 - that is the point
    "the future": {"at": NOW + MICRO},
    "no channel": {"channel": "  "},
}


@pytest.mark.parametrize("wrong", CONTACTS.values(), ids=CONTACTS)
def test_an_impossible_contact_is_refused(tools, incident_id, wrong):
    with pytest.raises(Refused):
        log(tools, incident_id, **wrong)


PROMISES = {
    "a time without a zone": CALL._replace(due_at=datetime(2026, 11, 19, 11)),  # noqa: DTZ001 - that is the point
    "now": CALL._replace(due_at=NOW),
    "the past": CALL._replace(due_at=NOW - DAY),
    "a refund": CALL._replace(action=Action.REFUND),
}


@pytest.mark.parametrize("wrong", PROMISES.values(), ids=PROMISES)
def test_an_impossible_promise_is_refused(tools, incident_id, wrong):
    with pytest.raises(Refused):
        promise(tools, incident_id, wrong)


def test_a_promise_for_the_next_moment_is_taken(tools, incident_id):
    assert promise(tools, incident_id, CALL._replace(due_at=NOW + MICRO)).due_at == NOW + MICRO


def test_no_promise_is_taken_for_what_is_over(tools, incident_id):
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident_id), NOW, AGENT, Outcome.DELIVERED)
    with pytest.raises(Refused, match="resolved"):
        promise(tools, incident_id, CALL)


def test_the_same_kind_of_promise_again_is_a_new_version(tools, incident_id):
    first = promise(tools, incident_id, CALL)
    again = promise(tools, incident_id, CALL._replace(due_at=NOW + 2 * DAY, reason="they asked for a day"), NOW + HOUR)
    assert (again.id, again.version, again.due_source) == (first.id, 2, DueSource.AGREED)
    with tools.store.read() as session:
        assert session.scalars(sa.select(PromiseVersion.reason).order_by(PromiseVersion.id)).all()[-1] == (
            "they asked for a day"
        )
        assert session.get_one(Incident, incident_id).next_due_at == NOW + 2 * DAY


def test_another_performer_or_deed_is_another_promise(tools, incident_id):
    promise(tools, incident_id, CALL)
    promise(tools, incident_id, CALL._replace(performer=Party.DESK))
    promise(tools, incident_id, CALL._replace(action=Action.DELIVER))
    with tools.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Promise)) == 3
