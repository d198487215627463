"""The ladder: each rung in its receiver's hours, each once, n to n + 1, held while the feed is silent, never after."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import audited
from tracker.domain.incidents import Outcome
from tracker.domain.ladder import BUILT_IN, Policy, Receiver, Rung
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party, Terms, Word
from tracker.steps import base, ladder, outbox
from tracker.steps.contacts import record_promise
from tracker.store import closing, incidents, promises
from tracker.store.audit import Actor, ActorKind, Audit
from tracker.store.depots import DESK
from tracker.store.incidents import Incident, Task, TaskKind, TaskState
from tracker.store.outbox import Notice, NoticeState
from tracker.store.promises import Promise
from tracker.store.shipments import Feed

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""Wednesday, noon in Madrid: the depot (9-14 and 16-19) is open."""
MICRO, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")
MANAGER_AT = datetime(2026, 11, 18, 17, tzinfo=UTC)
"""Noon to two, four to six: four business hours."""
DESK_AT = datetime(2026, 11, 19, 11, tzinfo=UTC)
"""One working day later at noon."""


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store)
    store.close()


def broken(tools, at=NOW, office=True, desk=True, policy=None, **depot):
    """An incident whose depot has broken its promise at `at`; its id."""
    with tools.store.begin() as session:
        confirmed = {"confirmed_at": at, **depot}
        depot_id = make.depot(session, **confirmed).id if office else None
        if desk:
            make.depot(session, code=DESK, name="SEUR's desk", email="desk@seur.example", postcodes="")
        of = make.shipment(session, now=at, depot_id=depot_id)
        said = {"policy_id": incidents.pinned(session, policy).id} if policy else {}
        incident = make.opened(session, of, now=at - DAY, **said)
        terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, at)
        promise = record_promise(session, tools, at - DAY, incident, terms, AGENT)
        closing.settle(session, promise, at, AGENT, Word.NOT_KEPT, evidence="the customer said no")
        return incident.id


def climb(tools, now):
    """The step, twice: the second time there is nothing to do."""
    told = ladder.climb(tools, now)
    assert told.errors == []
    assert ladder.climb(tools, now).done == 0
    return told.done


def of(tools, incident_id):
    with tools.store.read() as session:
        return session.get_one(Incident, incident_id)


def told(tools):
    """Topic and recipient's kind of every notice of the ladder."""
    with tools.store.read() as session:
        rows = session.scalars(sa.select(Notice).order_by(Notice.id)).all()
    return [(row.topic, row.recipient.partition(":")[0]) for row in rows if row.topic in ladder.TOPICS.values()]


def tasks(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Task.kind).where(Task.state == TaskState.OPEN)).all()


REMINDED = (Topic.DEPOT_REMINDER, "depot")
TO_MANAGER = (Topic.MANAGER_ESCALATION, "manager")
TO_DESK = (Topic.DESK_ESCALATION, "depot")

RUNGS = {
    "at once": (NOW, 1, [REMINDED]),
    "a moment before the manager": (MANAGER_AT - MICRO, 1, [REMINDED]),
    "four business hours later": (MANAGER_AT, 2, [REMINDED, TO_MANAGER]),
    "a moment before the desk": (DESK_AT - MICRO, 2, [REMINDED, TO_MANAGER]),
    "a working day later": (DESK_AT, 3, [REMINDED, TO_MANAGER, TO_DESK]),
    "never more than that": (DESK_AT + 9 * DAY, 3, [REMINDED, TO_MANAGER, TO_DESK]),
}


@pytest.mark.parametrize(("until", "level", "said"), RUNGS.values(), ids=RUNGS)
def test_one_rung_after_the_other_each_at_its_minute(tools, until, level, said):
    incident_id = broken(tools)
    for now in (NOW, MANAGER_AT - MICRO, MANAGER_AT, DESK_AT - MICRO, DESK_AT, DESK_AT + 9 * DAY):
        if now <= until:
            climb(tools, now)
    assert of(tools, incident_id).level == level
    assert told(tools) == said


def test_the_level_goes_up_by_one_each_time_and_every_step_is_told(tools):
    incident_id = broken(tools)
    for now in (NOW, MANAGER_AT, DESK_AT):
        climb(tools, now)
    with tools.store.read() as session:
        steps = session.scalars(sa.select(Audit).where(Audit.action == "escalated").order_by(Audit.id)).all()
    assert [(step.before["level"], step.after["level"]) for step in steps] == [(0, 1), (1, 2), (2, 3)]
    assert {step.object for step in steps} == {f"incidents:{incident_id}"}


OPENINGS = {
    "in its lunch hour: at four": (datetime(2026, 11, 18, 13, 30, tzinfo=UTC), datetime(2026, 11, 18, 15, tzinfo=UTC)),
    "at night: in the morning": (datetime(2026, 11, 18, 22, tzinfo=UTC), datetime(2026, 11, 19, 8, tzinfo=UTC)),
    "on Friday evening: on Monday": (datetime(2026, 11, 20, 18, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)),
    "before the long weekend of December": (
        datetime(2026, 12, 4, 18, tzinfo=UTC),
        datetime(2026, 12, 9, 8, tzinfo=UTC),
    ),
}


@pytest.mark.parametrize(("at", "opens"), OPENINGS.values(), ids=OPENINGS)
def test_the_depot_is_reminded_when_it_opens(tools, at, opens):
    incident_id = broken(tools, at)
    climb(tools, at)
    assert (of(tools, incident_id).level, of(tools, incident_id).wake_at) == (0, opens)
    climb(tools, opens - MICRO)
    assert told(tools) == []
    climb(tools, opens)
    assert told(tools) == [REMINDED]


def test_the_hours_are_the_receivers_own(tools):
    incident_id = broken(tools, timezone="Atlantic/Canary", region="CN", hours="Mo-Fr 08:00-12:30")
    climb(tools, NOW)
    assert of(tools, incident_id).wake_at == datetime(2026, 11, 19, 10, 30, tzinfo=UTC), "1.5 h today, 2.5 h tomorrow"


def test_after_three_days_of_downtime_there_is_one_notice_at_the_right_rung(tools):
    incident_id = broken(tools)
    climb(tools, NOW + 5 * DAY)
    assert (of(tools, incident_id).level, told(tools)) == (3, [TO_DESK])


def test_a_rung_without_an_address_is_a_call_for_a_person(tools):
    incident_id = broken(tools, office=False, desk=False)
    climb(tools, NOW)
    assert (of(tools, incident_id).level, told(tools)) == (1, [])
    assert tasks(tools) == [TaskKind.CONTACT]


def test_without_a_manager_the_depot_itself_hears_of_it(tools):
    broken(tools, manager_email=None)
    climb(tools, NOW)
    climb(tools, MANAGER_AT)
    assert told(tools) == [REMINDED, (Topic.MANAGER_ESCALATION, "depot")]


STALE = {
    "silent for six hours: not yet": (6 * HOUR, False),
    "a moment longer": (6 * HOUR + MICRO, True),
}


@pytest.mark.parametrize(("silence", "held"), STALE.values(), ids=STALE)
def test_nothing_is_climbed_on_stale_news(tools, silence, held):
    incident_id = broken(tools)
    with tools.store.begin() as session:
        session.add(Feed(carrier="seur", account="", last_success_at=NOW - silence, failing_since=NOW - HOUR))
    climb(tools, NOW)
    assert of(tools, incident_id).level == (0 if held else 1)
    if not held:
        return
    assert of(tools, incident_id).wake_at == NOW + 30 * MINUTE
    assert of(tools, incident_id).next_due_at is not None
    with tools.store.begin() as session:
        feed = session.scalars(sa.select(Feed)).one()
        feed.failing_since, feed.last_success_at = None, NOW + 20 * MINUTE
    climb(tools, NOW + 30 * MINUTE)
    assert of(tools, incident_id).level == 1, "and nothing is lost by the wait"


def test_after_resolution_nothing_is_climbed_and_what_waits_in_the_outbox_is_not_sent(tools):
    incident_id = broken(tools)
    climb(tools, NOW)
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident_id), NOW + MINUTE, AGENT, Outcome.DELIVERED)
    assert climb(tools, DESK_AT) == 0
    outbox.hand_over(tools, NOW + 2 * MINUTE)
    with tools.store.read() as session:
        state = session.scalars(sa.select(Notice.state).where(Notice.topic == Topic.DEPOT_REMINDER)).one()
    assert state is NoticeState.CANCELLED


def test_once_the_promise_is_made_good_the_ladder_rests_and_goes_on_from_there_when_the_next_one_breaks(tools):
    incident_id = broken(tools)
    climb(tools, NOW)
    with tools.store.begin() as session:
        promise = session.scalars(sa.select(Promise)).one()
        closing.settle(session, promise, NOW + MINUTE, AGENT, Word.KEPT, evidence="they called after all")
    assert climb(tools, DESK_AT) == 0
    assert (of(tools, incident_id).level, of(tools, incident_id).ladder_from) == (1, None)
    outbox.hand_over(tools, NOW + MINUTE)
    with tools.store.read() as session:
        assert session.scalars(sa.select(Notice.state)).all() == [NoticeState.CANCELLED]

    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, DESK_AT)
        promise = record_promise(session, tools, NOW + HOUR, incident, terms, AGENT)
        closing.settle(session, promise, DESK_AT, AGENT, Word.NOT_KEPT)
    climb(tools, DESK_AT + DAY)
    assert (of(tools, incident_id).level, told(tools)) == (3, [REMINDED, TO_DESK])


def test_with_two_broken_promises_the_ladder_rests_only_when_both_are_made_good(tools):
    incident_id = broken(tools)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        terms = Terms(Party.DEPOT, Action.ANSWER, Party.MERCHANT, NOW + HOUR)
        second = record_promise(session, tools, NOW, incident, terms, AGENT)
        closing.settle(session, second, NOW + HOUR, AGENT, Word.NOT_KEPT)
    for place in (1, 0):
        assert of(tools, incident_id).ladder_from == NOW
        with tools.store.begin() as session:
            promise = promises.of(session, incident_id)[place]
            closing.settle(session, promise, NOW + 2 * HOUR, AGENT, Word.KEPT)
    assert of(tools, incident_id).ladder_from is None


def test_above_the_top_without_an_announced_refund_a_person_decides(tools):
    incident_id = broken(tools)
    for now in (NOW, MANAGER_AT, DESK_AT):
        climb(tools, now)
    assert tasks(tools) == [TaskKind.DECIDE]
    assert of(tools, incident_id).wake_at is None
    assert of(tools, incident_id).next_due_at is not None


def test_above_the_top_the_announced_refund_stands(tools):
    incident_id = broken(tools)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        closing.move_remedy(session, incident, NOW, AGENT, NOW + 9 * DAY, "announced")
    for now in (NOW, MANAGER_AT, DESK_AT):
        climb(tools, now)
    assert tasks(tools) == []
    assert of(tools, incident_id).next_due_at == NOW + 9 * DAY


def test_the_next_rung_is_what_the_queue_sorts_by(tools):
    incident_id = broken(tools)
    climb(tools, NOW)
    assert of(tools, incident_id).next_due_at == of(tools, incident_id).wake_at == MANAGER_AT


def test_the_policy_of_the_episode_is_the_one_that_counts(tools):
    slow = Policy(name="slow", rungs=(Rung(Receiver.DEPOT, working_days=2),))
    incident_id = broken(tools, policy=slow)
    hurried = replace(tools, policy=replace(BUILT_IN, name="hurried", version=7))
    climb(hurried, NOW)
    assert (of(tools, incident_id).level, of(tools, incident_id).wake_at) == (0, NOW + 2 * DAY)


def test_a_new_episode_begins_at_the_foot(tools):
    incident_id = broken(tools)
    climb(tools, NOW)
    climb(tools, MANAGER_AT)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        closing.resolve(session, incident, DESK_AT, AGENT, Outcome.DELIVERED)
        base.reopen(session, tools, incident, incident.kind, DESK_AT, AGENT)
        terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, DESK_AT + HOUR)
        promise = record_promise(session, tools, DESK_AT, incident, terms, AGENT)
        closing.settle(session, promise, DESK_AT + HOUR, AGENT, Word.NOT_KEPT)
    climb(tools, DESK_AT + HOUR)
    assert (of(tools, incident_id).episode, of(tools, incident_id).level) == (2, 1)
    assert told(tools) == [REMINDED, TO_MANAGER, REMINDED], "the reminder of the new episode is another one"
