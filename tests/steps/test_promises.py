"""The clock over promises, to the minute: nudged before, asked by day, broken, unconfirmed, renegotiated."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests import make
from tests.audited import audited
from tracker.domain.incidents import Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party, Terms
from tracker.domain.promises import State as PromiseState
from tracker.steps import answers, base, ladder, outbox, promises
from tracker.steps.contacts import record_promise
from tracker.store import closing
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident, Task, TaskKind, TaskState
from tracker.store.outbox import Notice, NoticeState
from tracker.store.promises import Promise, PromiseVersion
from tracker.store.shipments import Shipment

NOW = datetime(2026, 11, 18, 8, tzinfo=UTC)
"""Wednesday, nine o'clock in Madrid: the depot opens."""
DUE = datetime(2026, 11, 19, 12, tzinfo=UTC)
"""Thursday, one o'clock in Madrid."""
NUDGE = datetime(2026, 11, 19, 10, tzinfo=UTC)
"""Two business hours before."""
MICRO, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")
CUSTOMER = Actor(ActorKind.CUSTOMER, "", "link")


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    with audited(store):
        yield make.tools(store)
    store.close()


def case(tools, now=NOW, office=True, **shipment):
    """The id of an open incident, announced to nobody."""
    with tools.store.begin() as session:
        depot = make.depot(session).id if office else None
        of = make.shipment(session, now=now, depot_id=depot, **shipment)
        return make.opened(session, of, now=now).id


def promise(tools, incident_id, due_at=DUE, now=NOW, performer=Party.DEPOT, action=Action.CALL, to=Party.CUSTOMER):
    """The id of an agreed promise."""
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        return record_promise(session, tools, now, incident, Terms(performer, action, to, due_at), AGENT).id


def watch(tools, now):
    """The step, twice: the second time there is nothing to do."""
    told = promises.keep_watch(tools, now)
    assert told.errors == []
    assert promises.keep_watch(tools, now).done == 0
    return told.done


def of(tools, promise_id):
    with tools.store.read() as session:
        return session.get_one(Promise, promise_id)


def notices(tools, topic=None):
    with tools.store.read() as session:
        rows = session.scalars(sa.select(Notice).order_by(Notice.id)).all()
    return [row for row in rows if topic is None or row.topic is topic]


def the_incident(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Incident)).one()


def tasks(tools):
    with tools.store.read() as session:
        return session.scalars(sa.select(Task.kind).where(Task.state == TaskState.OPEN)).all()


NUDGED = {"a moment before": (NUDGE - MICRO, 0), "on the minute": (NUDGE, 1), "later": (DUE - MINUTE, 1)}


@pytest.mark.parametrize(("now", "count"), NUDGED.values(), ids=NUDGED)
def test_the_performer_is_nudged_two_business_hours_before_and_once(tools, now, count):
    made = promise(tools, case(tools))
    assert of(tools, made).wake_at == NUDGE
    watch(tools, now)
    promises.keep_watch(tools, now)
    assert len(notices(tools, Topic.DEPOT_NUDGE)) == count
    assert of(tools, made).state is PromiseState.MADE


def test_business_hours_of_the_receiver_count_for_the_nudge(tools):
    monday_ten = datetime(2026, 11, 23, 9, tzinfo=UTC)
    made = promise(tools, case(tools), monday_ten)
    friday_six = datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert of(tools, made).nudge_at == friday_six, "one hour on Monday morning, one on Friday evening"


def test_a_promise_that_is_due_sooner_is_not_nudged(tools):
    made = promise(tools, case(tools), NOW + 2 * HOUR)
    assert (of(tools, made).nudge_at, of(tools, made).wake_at) == (None, NOW + 2 * HOUR)


def test_after_an_outage_no_nudge_comes_late(tools):
    promise(tools, case(tools))
    watch(tools, DUE + MINUTE)
    assert notices(tools, Topic.DEPOT_NUDGE) == []
    assert len(notices(tools, Topic.CUSTOMER_ASKED)) == 1


def test_a_new_version_has_its_own_nudge_and_the_old_ones_is_not_sent_any_more(tools):
    incident_id = case(tools)
    made = promise(tools, incident_id)
    watch(tools, NUDGE)
    again = promise(tools, incident_id, DUE + DAY, NUDGE + MINUTE)
    assert again == made
    assert (of(tools, made).version, of(tools, made).wake_at) == (2, NUDGE + DAY)
    outbox.hand_over(tools, NUDGE + 2 * MINUTE)
    assert [one.state for one in notices(tools, Topic.DEPOT_NUDGE)] == [NoticeState.CANCELLED]
    watch(tools, NUDGE + DAY)
    assert [(one.version, one.state) for one in notices(tools, Topic.DEPOT_NUDGE)] == [
        (1, NoticeState.CANCELLED),
        (2, NoticeState.WAITING),
    ]
    with tools.store.read() as session:
        told = session.execute(sa.select(PromiseVersion.version, PromiseVersion.due_at).order_by(PromiseVersion.id))
        assert [tuple(row) for row in told] == [(1, DUE), (2, DUE + DAY)]


def test_a_version_renegotiated_after_the_question_is_asked_about_again(tools):
    incident_id = case(tools)
    made = promise(tools, incident_id)
    watch(tools, DUE)
    promise(tools, incident_id, DUE + DAY, DUE + MINUTE)
    assert of(tools, made).asked_at is None
    outbox.hand_over(tools, DUE + MINUTE)
    watch(tools, DUE + DAY)
    states = [(one.version, one.state) for one in notices(tools, Topic.CUSTOMER_ASKED)]
    assert states == [(1, NoticeState.CANCELLED), (2, NoticeState.WAITING)]


ASKED = {
    "a moment before it is due": ("06001", "ES", DUE, DUE - MICRO, None),
    "on the minute": ("06001", "ES", DUE, DUE, DUE),
    "just before nine in the evening": (
        "06001", "ES", datetime(2026, 11, 19, 19, 59, 59, tzinfo=UTC), datetime(2026, 11, 19, 19, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 19, 19, 59, 59, tzinfo=UTC),
    ),
    "at nine in the evening: tomorrow": (
        "06001", "ES", datetime(2026, 11, 19, 20, tzinfo=UTC), datetime(2026, 11, 19, 20, tzinfo=UTC),
        datetime(2026, 11, 20, 8, tzinfo=UTC),
    ),
    "before nine in the morning: at nine": (
        "06001", "ES", datetime(2026, 11, 19, 5, tzinfo=UTC), datetime(2026, 11, 19, 5, tzinfo=UTC),
        datetime(2026, 11, 19, 8, tzinfo=UTC),
    ),
    "in the Canaries the clock is an hour behind": (
        "35001", "ES", datetime(2026, 11, 19, 8, 30, tzinfo=UTC), datetime(2026, 11, 19, 8, 30, tzinfo=UTC),
        datetime(2026, 11, 19, 9, tzinfo=UTC),
    ),
    "the night of the clock change": (
        "06001", "ES", datetime(2027, 3, 27, 21, tzinfo=UTC), datetime(2027, 3, 27, 21, tzinfo=UTC),
        datetime(2027, 3, 28, 7, tzinfo=UTC),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("postcode", "country", "due_at", "now", "asked_at"), ASKED.values(), ids=ASKED)
def test_the_customer_is_asked_at_the_due_time_by_day(tools, postcode, country, due_at, now, asked_at):
    made = promise(tools, case(tools, postcode=postcode, country=country), due_at)
    watch(tools, now)
    if asked_at is None:
        assert notices(tools, Topic.CUSTOMER_ASKED) == []
        return
    if asked_at > now:
        assert (of(tools, made).asked_at, of(tools, made).wake_at) == (None, asked_at)
        watch(tools, asked_at - MICRO)
        assert notices(tools, Topic.CUSTOMER_ASKED) == []
        watch(tools, asked_at)
    assert of(tools, made).asked_at == asked_at
    assert len(notices(tools, Topic.CUSTOMER_ASKED)) == 1
    assert of(tools, made).wake_at == asked_at + HOUR


SILENT = {"a moment before": (HOUR - MICRO, PromiseState.MADE), "on the minute": (HOUR, PromiseState.UNCONFIRMED)}


@pytest.mark.parametrize(("after", "state"), SILENT.values(), ids=SILENT)
def test_without_an_answer_within_the_hour_it_is_unconfirmed_and_the_ladder_climbs(tools, after, state):
    made = promise(tools, case(tools))
    watch(tools, DUE)
    watch(tools, DUE + after)
    assert of(tools, made).state is state
    climbs = state is PromiseState.UNCONFIRMED
    assert the_incident(tools).ladder_from == (DUE + after if climbs else None)
    assert the_incident(tools).wake_at == (DUE + after if climbs else None)


OWED_TO_US = {"a moment before": (DUE - MICRO, PromiseState.MADE), "on the minute": (DUE, PromiseState.BROKEN)}


@pytest.mark.parametrize(("now", "state"), OWED_TO_US.values(), ids=OWED_TO_US)
def test_what_is_owed_to_us_is_broken_at_its_due_time(tools, now, state):
    made = promise(tools, case(tools), action=Action.ANSWER, to=Party.MERCHANT)
    watch(tools, now)
    assert of(tools, made).state is state
    assert notices(tools, Topic.CUSTOMER_ASKED) == []


WORDS = {
    "yes, in time": (DUE - MINUTE, [True], PromiseState.KEPT),
    "yes, when asked": (DUE + MINUTE, [True], PromiseState.KEPT),
    "no": (DUE + MINUTE, [False], PromiseState.BROKEN),
    "no, then yes": (DUE + MINUTE, [False, True], PromiseState.KEPT_LATE),
    "yes, then no": (DUE + MINUTE, [True, False], PromiseState.DISPUTED),
}


@pytest.mark.parametrize(("at", "words", "state"), WORDS.values(), ids=WORDS)
def test_the_customers_word_decides(tools, at, words, state):
    incident_id = case(tools)
    made = promise(tools, incident_id)
    watch(tools, min(at, DUE))
    for word in words:
        for _ in range(2):
            with tools.store.begin() as session:
                answers.did_they_call(session, tools, at, session.get_one(Incident, incident_id), word, CUSTOMER)
    assert of(tools, made).state is state
    climbs = state in {PromiseState.BROKEN, PromiseState.DISPUTED}
    assert (the_incident(tools).ladder_from == at) == climbs
    assert watch(tools, DUE + DAY) == 0, "nothing more is asked"


def test_a_yes_after_the_silence_is_kept_and_the_ladder_rests(tools):
    incident_id = case(tools)
    made = promise(tools, incident_id)
    watch(tools, DUE)
    watch(tools, DUE + HOUR)
    with tools.store.begin() as session:
        answers.did_they_call(session, tools, DUE + 2 * HOUR, session.get_one(Incident, incident_id), True, CUSTOMER)
    assert of(tools, made).state is PromiseState.KEPT
    assert (the_incident(tools).ladder_from, the_incident(tools).wake_at) == (None, None)


def test_nothing_happens_to_the_promises_of_a_resolved_incident(tools):
    incident_id = case(tools)
    made = promise(tools, incident_id)
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident_id), NOW, AGENT, Outcome.DELIVERED)
    assert watch(tools, DUE + DAY) == 0
    assert of(tools, made).state is PromiseState.VOID
    assert the_incident(tools).state is State.RESOLVED


def test_our_own_promise_is_known_to_us_and_becomes_somebodys_task(tools):
    incident_id = case(tools)
    made = promise(tools, incident_id, performer=Party.MERCHANT)
    watch(tools, NUDGE)
    watch(tools, DUE)
    assert of(tools, made).state is PromiseState.BROKEN
    assert notices(tools) == [], "neither a depot nor the customer is written to"
    assert tasks(tools) == [TaskKind.DECIDE]
    incident = the_incident(tools)
    assert (incident.ladder_from, incident.next_due_at is None) == (None, False)


def test_the_announced_refund_is_left_to_the_step_of_the_refunds(tools):
    with tools.store.begin() as session:
        of_ = make.shipment(session, now=NOW)
        incident = make.opened(session, of_, now=NOW)
        closing.move_remedy(session, incident, NOW, AGENT, DUE, "announced")
    assert watch(tools, DUE + DAY) == 0


def test_a_promise_after_the_top_of_the_ladder_still_ends_with_somebody(tools):
    incident_id = case(tools, office=False)
    promise(tools, incident_id, action=Action.ANSWER, to=Party.MERCHANT)
    watch(tools, DUE)
    ladder.climb(tools, DUE + 8 * DAY)
    assert the_incident(tools).level == 3
    with tools.store.begin() as session:
        session.execute(sa.update(Task).values(state=TaskState.DONE))
    later = DUE + 12 * DAY
    promise(tools, incident_id, later, DUE + 10 * DAY, action=Action.ANSWER, to=Party.MERCHANT)
    watch(tools, later)
    ladder.climb(tools, later)
    assert TaskKind.DECIDE in tasks(tools)
    assert the_incident(tools).next_due_at is not None


def test_reopening_lets_nothing_of_the_old_episode_go_on(tools):
    incident_id = case(tools)
    promise(tools, incident_id)
    with tools.store.begin() as session:
        incident = session.get_one(Incident, incident_id)
        closing.resolve(session, incident, NOW, AGENT, Outcome.DELIVERED)
        base.reopen(session, tools, incident, incident.kind, NOW + HOUR, AGENT)
    assert watch(tools, DUE + DAY) == 0
    with tools.store.read() as session:
        shipment = session.scalars(sa.select(Shipment)).one()
        assert shipment.id == the_incident(tools).shipment_id
