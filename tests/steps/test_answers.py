"""What people answer, in every state: believed by the table, once, and a second click shows the first result."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import audited
from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import Cause, Desired, Kind, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party, Terms, Word
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import Mode
from tracker.domain.refusals import Refused
from tracker.steps import answers
from tracker.steps.answers import DepotAnswer
from tracker.steps.contacts import record_promise
from tracker.store import closing
from tracker.store.audit import Actor, ActorKind, Audit
from tracker.store.incidents import Incident, Task, TaskKind, TaskState, Timeline
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.shipments import EventRow, Shipment

NOW = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""Wednesday, noon in Madrid."""
MICRO, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ANNOUNCED = NOW + 3 * DAY
AGENT = Actor(ActorKind.STAFF, "1", "ops")
CUSTOMER = Actor(ActorKind.CUSTOMER, "", "link")
DEPOT = Actor(ActorKind.DEPOT, "1", "link")


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store, refunds_mode=Mode.AUTO)
    store.close()


def case(tools, *, refund=ANNOUNCED, call=None, answer=NOW + DAY):
    """The id of an incident with an announced refund, a question to the depot, and perhaps a promised call."""
    with tools.store.begin() as session:
        office = make.depot(session)
        incident = make.opened(session, make.shipment(session, now=NOW, depot_id=office.id), now=NOW)
        if refund:
            closing.move_remedy(session, incident, NOW, AGENT, refund, "announced")
        for action, to, due_at in ((Action.ANSWER, Party.MERCHANT, answer), (Action.CALL, Party.CUSTOMER, call)):
            if due_at:
                record_promise(session, tools, NOW, incident, Terms(Party.DEPOT, action, to, due_at), AGENT)
        return incident.id


def act(tools, incident_id, verb, *args, now=NOW, actor=CUSTOMER, **values):
    with tools.store.begin() as session:
        return verb(session, tools, now, session.get_one(Incident, incident_id), *args, actor, **values)


def says(tools, incident_id, answer, at=None, now=NOW):
    return act(tools, incident_id, answers.depot_says, answer, at, now=now, actor=DEPOT)


def of(tools, incident_id):
    with tools.store.read() as session:
        return session.get_one(Incident, incident_id)


def states(tools, action):
    with tools.store.read() as session:
        return session.scalars(sa.select(Promise.state).where(Promise.action == action).order_by(Promise.id)).all()


def due(tools, action):
    with tools.store.read() as session:
        return session.scalars(sa.select(Promise.due_at).where(Promise.action == action).order_by(Promise.id)).all()


def tasks(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Task.kind).where(Task.state == TaskState.OPEN)).all()


def size(tools):
    """How much has been written of the story: what a second click must not change."""
    with tools.store.read() as session:
        return [
            session.scalar(sa.select(sa.func.count()).select_from(model))
            for model in (Timeline, Audit, EventRow, Notice, Promise, Task)
        ]


def end(tools, incident_id, outcome=Outcome.DELIVERED):
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident_id), NOW, AGENT, outcome)


# --- the depot ------------------------------------------------------------------------------------------------------


def test_found_takes_the_refund_back_and_promises_the_delivery(tools):
    incident_id = case(tools)
    assert says(tools, incident_id, DepotAnswer.FOUND) == "found"
    incident = of(tools, incident_id)
    assert (incident.kind, incident.remedy_at, incident.state) == (Kind.FOUND, None, State.OPEN)
    assert states(tools, Action.ANSWER) == [PromiseState.KEPT]
    assert states(tools, Action.REFUND) == [PromiseState.VOID]
    assert states(tools, Action.DELIVER) == [PromiseState.MADE]


CAUSES = {
    "broken": (DepotAnswer.BROKEN, Kind.DAMAGED, Cause.BROKEN, ExceptionCode.DAMAGED),
    "lost": (DepotAnswer.LOST, Kind.LOST, Cause.LOST, ExceptionCode.LOST),
}


@pytest.mark.parametrize(("answer", "kind", "cause", "exception"), CAUSES.values(), ids=CAUSES)
def test_a_known_cause_brings_the_refund_forward(tools, answer, kind, cause, exception):
    incident_id = case(tools)
    says(tools, incident_id, answer)
    incident = of(tools, incident_id)
    assert (incident.kind, incident.cause, incident.remedy_at) == (kind, cause, NOW)
    assert (states(tools, Action.ANSWER), due(tools, Action.REFUND)) == ([PromiseState.KEPT], [NOW])
    with tools.store.read() as session:
        parcel = session.scalars(sa.select(Shipment)).one()
        assert parcel.exception in {exception, ExceptionCode.DAMAGED_OR_LOST}
        assert session.scalars(sa.select(EventRow.source)).all() == ["depot"]


def test_still_searching_gives_the_answer_a_new_time(tools):
    incident_id = case(tools)
    says(tools, incident_id, DepotAnswer.SEARCHING, NOW + 2 * DAY)
    assert (states(tools, Action.ANSWER), due(tools, Action.ANSWER)) == ([PromiseState.MADE], [NOW + 2 * DAY])
    assert due(tools, Action.REFUND) == [ANNOUNCED], "the customer's day does not move with it"


def test_still_searching_after_the_answer_was_broken_is_a_promise_of_its_own(tools):
    incident_id = case(tools)
    with tools.store.begin() as session:
        promise = session.scalars(sa.select(Promise).where(Promise.action == Action.ANSWER)).one()
        closing.settle(session, promise, NOW + DAY, AGENT, Word.NOT_KEPT)
    says(tools, incident_id, DepotAnswer.SEARCHING, NOW + 4 * DAY, now=NOW + 2 * DAY)
    assert states(tools, Action.ANSWER) == [PromiseState.BROKEN]
    assert (states(tools, Action.INVESTIGATE), due(tools, Action.INVESTIGATE)) == ([PromiseState.MADE], [NOW + 4 * DAY])


@pytest.mark.parametrize("answer", [DepotAnswer.BROKEN, DepotAnswer.LOST, DepotAnswer.FOUND])
def test_an_answer_that_comes_late_is_kept_late_and_the_ladder_rests(tools, answer):
    incident_id = case(tools)
    with tools.store.begin() as session:
        promise = session.scalars(sa.select(Promise).where(Promise.action == Action.ANSWER)).one()
        closing.settle(session, promise, NOW + DAY, AGENT, Word.NOT_KEPT)
    assert of(tools, incident_id).ladder_from == NOW + DAY
    says(tools, incident_id, answer, now=NOW + 2 * DAY)
    assert states(tools, Action.ANSWER) == [PromiseState.KEPT_LATE]
    assert (of(tools, incident_id).ladder_from, of(tools, incident_id).wake_at) == (None, None)
    assert of(tools, incident_id).next_due_at is not None


CALLED = {
    "in time": (NOW + HOUR, NOW + HOUR, PromiseState.KEPT),
    "on the minute": (NOW + 3 * HOUR, NOW + 4 * HOUR, PromiseState.KEPT),
    "a moment late": (NOW + 3 * HOUR + MICRO, NOW + 4 * HOUR, PromiseState.KEPT_LATE),
}


@pytest.mark.parametrize(("at", "now", "state"), CALLED.values(), ids=CALLED)
def test_a_reported_call_is_believed_until_the_customer_is_asked(tools, at, now, state):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    says(tools, incident_id, DepotAnswer.CALLED, at, now)
    assert states(tools, Action.CALL) == [state]
    with tools.store.read() as session:
        assert session.scalars(sa.select(Notice.topic)).all().count(Topic.CUSTOMER_ASKED) == 1


def test_depot_and_customer_against_each_other_are_a_dispute_for_a_person(tools):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    says(tools, incident_id, DepotAnswer.CALLED, NOW + HOUR, NOW + HOUR)
    assert act(tools, incident_id, answers.did_they_call, False, now=NOW + 2 * HOUR) is PromiseState.DISPUTED
    assert tasks(tools) == [TaskKind.DISPUTED]
    assert of(tools, incident_id).ladder_from == NOW + 2 * HOUR
    before = size(tools)
    assert act(tools, incident_id, answers.did_they_call, False, now=NOW + 2 * HOUR) is PromiseState.DISPUTED
    assert size(tools) == before
    assert act(tools, incident_id, answers.did_they_call, True, now=NOW + 3 * HOUR) is PromiseState.KEPT
    assert (tasks(tools), of(tools, incident_id).ladder_from) == ([], None)


ANSWERS = {
    "found": (DepotAnswer.FOUND, None),
    "broken": (DepotAnswer.BROKEN, None),
    "lost": (DepotAnswer.LOST, None),
    "searching": (DepotAnswer.SEARCHING, NOW + 2 * DAY),
    "called": (DepotAnswer.CALLED, NOW - MINUTE),
}


@pytest.mark.parametrize(("answer", "at"), ANSWERS.values(), ids=ANSWERS)
def test_the_same_click_again_shows_the_first_result_and_changes_nothing(tools, answer, at):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    first = says(tools, incident_id, answer, at)
    before = size(tools)
    assert says(tools, incident_id, answer, at, NOW + MINUTE) == first
    assert size(tools) == before


@pytest.mark.parametrize(("answer", "at"), ANSWERS.values(), ids=ANSWERS)
def test_two_clicks_at_once_count_once(tools, answer, at):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    start, told = Barrier(2), []

    def click():
        start.wait()
        told.append(says(tools, incident_id, answer, at))

    clicks = [Thread(target=click) for _ in range(2)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert told == [str(answer)] * 2
    with tools.store.read() as session:
        assert session.scalars(sa.select(Timeline.kind)).all().count("depot_answered") == 1


@pytest.mark.parametrize(("answer", "at"), ANSWERS.values(), ids=ANSWERS)
def test_nothing_can_be_answered_once_it_is_over(tools, answer, at):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    end(tools, incident_id)
    with pytest.raises(Refused, match="closed"):
        says(tools, incident_id, answer, at)


def test_the_same_answer_in_a_new_episode_is_news(tools):
    incident_id = case(tools)
    says(tools, incident_id, DepotAnswer.FOUND)
    end(tools, incident_id)
    act(tools, incident_id, answers.all_well, False, None)
    before = size(tools)
    says(tools, incident_id, DepotAnswer.FOUND, now=NOW + DAY)
    assert size(tools) != before


TIMES = {
    "no time for the search": (DepotAnswer.SEARCHING, None),
    "a search that has ended": (DepotAnswer.SEARCHING, NOW),
    "a search of more than fourteen days": (DepotAnswer.SEARCHING, NOW + 14 * DAY + MICRO),
    "no time for the call": (DepotAnswer.CALLED, None),
    "a call that has not taken place": (DepotAnswer.CALLED, NOW + MICRO),
}


@pytest.mark.parametrize(("answer", "at"), TIMES.values(), ids=TIMES)
def test_impossible_times_are_refused_and_nothing_is_written(tools, answer, at):
    incident_id = case(tools, call=NOW + 3 * HOUR)
    before = size(tools)
    with pytest.raises(Refused):
        says(tools, incident_id, answer, at)
    assert size(tools) == before


@pytest.mark.parametrize("until", [NOW + MICRO, NOW + 14 * DAY], ids=["the next moment", "fourteen days"])
def test_the_bounds_of_a_search_are_taken(tools, until):
    incident_id = case(tools)
    says(tools, incident_id, DepotAnswer.SEARCHING, until)
    assert due(tools, Action.ANSWER) == [until]


def test_a_call_that_nobody_promised_cannot_be_reported(tools):
    incident_id = case(tools)
    before = size(tools)
    with pytest.raises(Refused, match="no callback"):
        says(tools, incident_id, DepotAnswer.CALLED, NOW - MINUTE)
    assert size(tools) == before


# --- the customer ---------------------------------------------------------------------------------------------------


def test_nothing_can_be_said_of_a_call_that_nobody_promised_or_that_is_over(tools):
    incident_id = case(tools)
    with pytest.raises(Refused):
        act(tools, incident_id, answers.did_they_call, True)
    called = case(tools, call=NOW + HOUR)
    end(tools, called)
    with pytest.raises(Refused):
        act(tools, called, answers.did_they_call, True)


def test_waiting_moves_the_refund_to_the_day_that_was_chosen(tools):
    incident_id = case(tools)
    act(tools, incident_id, answers.choose, Desired.WAIT, NOW + 9 * DAY)
    assert (of(tools, incident_id).desired, of(tools, incident_id).remedy_at) == (Desired.WAIT, NOW + 9 * DAY)
    assert due(tools, Action.REFUND) == [NOW + 9 * DAY]
    with tools.store.read() as session:
        assert session.scalars(sa.select(Notice.topic)).all().count(Topic.CUSTOMER_CHOICE) == 1


def test_waiting_never_moves_the_refund_to_an_earlier_day(tools):
    incident_id = case(tools)
    act(tools, incident_id, answers.choose, Desired.WAIT, NOW + DAY)
    assert of(tools, incident_id).remedy_at == ANNOUNCED


def test_refund_now_is_asked_for_at_once(tools):
    incident_id = case(tools)
    act(tools, incident_id, answers.choose, Desired.REFUND, None)
    assert (of(tools, incident_id).remedy_at, due(tools, Action.REFUND)) == (NOW, [NOW])


def test_refund_now_pressed_again_and_again_does_not_put_it_off(tools):
    by_people = replace(tools, refunds_mode=Mode.PROPOSE)
    incident_id = case(by_people)
    act(by_people, incident_id, answers.choose, Desired.REFUND, None)
    first = of(tools, incident_id).remedy_at
    before = size(tools)
    for minutes in (1, 10, 60):
        act(by_people, incident_id, answers.choose, Desired.REFUND, None, now=NOW + minutes * MINUTE)
    assert (of(tools, incident_id).remedy_at, size(tools)) == (first, before)


def test_the_same_wait_again_changes_nothing(tools):
    incident_id = case(tools)
    act(tools, incident_id, answers.choose, Desired.WAIT, NOW + 9 * DAY)
    before = size(tools)
    act(tools, incident_id, answers.choose, Desired.WAIT, NOW + 9 * DAY, now=NOW + MINUTE)
    assert size(tools) == before


def test_the_customer_may_change_their_mind(tools):
    incident_id = case(tools)
    for desired, until, expected in (
        (Desired.WAIT, NOW + 9 * DAY, NOW + 9 * DAY),
        (Desired.REFUND, None, NOW),
        (Desired.WAIT, NOW + 5 * DAY, NOW + 5 * DAY),
    ):
        act(tools, incident_id, answers.choose, desired, until)
        assert (of(tools, incident_id).desired, of(tools, incident_id).remedy_at) == (desired, expected)


WRONG = {
    "no day": None,
    "now": NOW,
    "the past": NOW - DAY,
    "more than thirty days": NOW + 30 * DAY + MICRO,
}


@pytest.mark.parametrize("until", WRONG.values(), ids=WRONG)
def test_a_wait_needs_a_day_within_thirty(tools, until):
    incident_id = case(tools)
    with pytest.raises(Refused):
        act(tools, incident_id, answers.choose, Desired.WAIT, until)
    assert of(tools, incident_id).remedy_at == ANNOUNCED


def test_without_an_announced_refund_there_is_nothing_to_choose(tools):
    with pytest.raises(Refused):
        act(tools, case(tools, refund=None), answers.choose, Desired.REFUND, None)
    over = case(tools)
    end(tools, over)
    with pytest.raises(Refused):
        act(tools, over, answers.choose, Desired.REFUND, None)


def test_all_well_keeps_the_rating_and_the_end(tools):
    incident_id = case(tools)
    end(tools, incident_id)
    act(tools, incident_id, answers.all_well, True, 5)
    assert of(tools, incident_id).state is State.RESOLVED


def test_not_well_brings_the_incident_back_to_a_person_once(tools):
    incident_id = case(tools)
    end(tools, incident_id)
    act(tools, incident_id, answers.all_well, False, 1)
    incident = of(tools, incident_id)
    assert (incident.state, incident.episode, incident.level) == (State.OPEN, 2, 0)
    assert incident.next_due_at is not None
    assert tasks(tools) == [TaskKind.DECIDE]
    before = size(tools)
    with pytest.raises(Refused):
        act(tools, incident_id, answers.all_well, False, 1)
    assert size(tools) == before


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_a_rating_goes_from_one_to_five(tools, rating):
    incident_id = case(tools)
    end(tools, incident_id)
    with pytest.raises(Refused):
        act(tools, incident_id, answers.all_well, True, rating)
