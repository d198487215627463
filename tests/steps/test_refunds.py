"""Asking for refunds: on the announced day, by rule or by people, once, with the money set aside first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from tests import make
from tests.ledger import Ledger
from tracker.domain import incidents as incident_rules
from tracker.domain.events import Stage
from tracker.domain.incidents import Kind, Outcome
from tracker.domain.ladder import Policy
from tracker.domain.notices import Topic
from tracker.domain.refunds import Mode, State
from tracker.domain.refusals import Refused
from tracker.steps import refunds
from tracker.store import closing
from tracker.store.audit import Actor, ActorKind, Audit
from tracker.store.incidents import Incident, Task, TaskKind, TaskState, Timeline
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Feed, Order

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in Madrid."""
OPENS = datetime(2026, 11, 13, 13, 0, tzinfo=UTC)
"""Friday 14:00 in Madrid: four staff hours before the announced time."""
DUE = datetime(2026, 11, 13, 17, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")
LEAD = Actor(ActorKind.STAFF, "2", "ops")


@pytest.fixture
def tools(store_url):
    store = make.store(store_url)
    yield make.tools(store, refunds_mode=Mode.PROPOSE)
    store.close()


def a_case(session, order=None, shipment=None, **values):
    """An open incident of a shipment and order of its own."""
    of = make.shipment(session, now=NOW, **{"order_id": (order or make.order(session)).id, **(shipment or {})})
    return make.incident(session, of, now=NOW, **values)


def with_mode(tools, mode, **policy):
    return replace(tools, refunds_mode=mode, policy=Policy(name="test", **policy) if policy else tools.policy)


def announced(tools, due_at=DUE, at=NOW, **values):
    """The id of an incident whose refund is announced for `due_at`."""
    with tools.store.begin() as session:
        incident = a_case(session, **values)
        closing.move_remedy(session, incident, at, AGENT, due_at, "announced when opened")
        return incident.id


def remedies(tools, incident_id):
    with tools.store.read() as session:
        return session.scalars(sa.select(Remedy).where(Remedy.incident_id == incident_id).order_by(Remedy.seq)).all()


def only(tools, incident_id):
    (remedy,) = remedies(tools, incident_id)
    return remedy


def reserved(tools, incident_id):
    with tools.store.read() as session:
        return session.get_one(Incident, incident_id).shipment.order.reserved_minor


def promise_states(tools, incident_id):
    with tools.store.read() as session:
        return [str(p.state) for p in session.scalars(sa.select(Promise).filter_by(incident_id=incident_id))]


def tasks(tools, incident_id):
    with tools.store.read() as session:
        rows = session.scalars(sa.select(Task).filter_by(incident_id=incident_id, state=TaskState.OPEN))
        return {task.kind: task.reason for task in rows}


def notices(tools, incident_id, topic):
    with tools.store.read() as session:
        return len(session.scalars(sa.select(Notice).filter_by(incident_id=incident_id, topic=topic)).all())


def story(tools, incident_id):
    with tools.store.read() as session:
        rows = session.scalars(sa.select(Timeline).filter_by(incident_id=incident_id).order_by(Timeline.id))
        return [entry.kind for entry in rows]


def verb(tools, name, row, *args, now=NOW, **kwargs):
    """Call a verb in a transaction of its own, as a page does."""
    with tools.store.begin() as session:
        return getattr(refunds, name)(session, tools, now, session.get_one(type(row), row.id), *args, **kwargs)


def case(tools, incident_id):
    with tools.store.read() as session:
        return session.get_one(Incident, incident_id)


# --- proposed to a person ---------------------------------------------------------------------------------------------


def test_a_proposal_opens_four_staff_hours_before_and_not_a_minute_sooner(tools):
    incident = announced(tools)
    refunds.ask_due(tools, OPENS - MINUTE)
    assert remedies(tools, incident) == []
    for _ in range(2):
        refunds.ask_due(tools, OPENS)
    assert only(tools, incident).state is State.REQUESTED
    assert reserved(tools, incident) == 18000
    assert list(tasks(tools, incident)) == [TaskKind.APPROVE]
    assert notices(tools, incident, Topic.STAFF_APPROVAL) == 1
    assert notices(tools, incident, Topic.CUSTOMER_REFUND_REQUESTED) == 0
    assert story(tools, incident)[-1] == "refund_requested"


def test_a_proposal_that_nobody_approves_is_our_broken_word_and_stays_in_the_queue(tools):
    incident = announced(tools)
    for at in (OPENS, DUE - MINUTE, DUE, DUE, DUE + HOUR):
        refunds.ask_due(tools, at)
    assert promise_states(tools, incident) == ["broken"]
    assert only(tools, incident).state is State.REQUESTED
    assert notices(tools, incident, Topic.STAFF_APPROVAL) == 2
    assert story(tools, incident).count("promise_broken") == 1
    assert case(tools, incident).ladder_from is None
    assert case(tools, incident).next_due_at == DUE


def test_an_approval_in_time_keeps_our_promise_and_tells_the_customer_once(tools):
    incident = announced(tools)
    refunds.ask_due(tools, OPENS)
    for _ in range(2):
        assert verb(tools, "approve", only(tools, incident), LEAD, now=OPENS + HOUR).state is State.APPROVED
    refunds.ask_due(tools, DUE)
    assert promise_states(tools, incident) == ["kept"]
    assert notices(tools, incident, Topic.CUSTOMER_REFUND_REQUESTED) == 1
    assert tasks(tools, incident) == {}
    assert case(tools, incident).remedy_at is None
    assert only(tools, incident).wake_at == OPENS + HOUR
    assert story(tools, incident)[-3:] == ["refund_requested", "refund_approved", "promise_kept"]


def test_an_approval_after_the_announced_time_keeps_it_late(tools):
    incident = announced(tools)
    refunds.ask_due(tools, OPENS)
    refunds.ask_due(tools, DUE)
    verb(tools, "approve", only(tools, incident), LEAD, now=DUE + HOUR)
    refunds.ask_due(tools, DUE + 2 * HOUR)
    assert promise_states(tools, incident) == ["kept_late"]
    assert len(remedies(tools, incident)) == 1


# --- by rule ----------------------------------------------------------------------------------------------------------


def test_by_rule_it_is_asked_for_on_the_minute_and_once(tools):
    auto = with_mode(tools, Mode.AUTO)
    incident = announced(tools)
    refunds.ask_due(auto, DUE - MINUTE)
    assert remedies(tools, incident) == []
    for at in (DUE, DUE, DUE + HOUR):
        refunds.ask_due(auto, at)
    remedy = only(tools, incident)
    assert (remedy.state, remedy.approver, remedy.amount_minor) == (State.APPROVED, "rule", 18000)
    assert promise_states(tools, incident) == ["kept"]
    assert notices(tools, incident, Topic.CUSTOMER_REFUND_REQUESTED) == 1
    assert tasks(tools, incident) == {}


GRACE = {"within half an hour": (30 * MINUTE, "kept"), "a minute later": (31 * MINUTE, "kept_late")}


@pytest.mark.parametrize(("late", "state"), GRACE.values(), ids=GRACE)
def test_by_rule_a_late_run_of_the_job_counts_as_late_after_half_an_hour(tools, late, state):
    incident = announced(tools)
    refunds.ask_due(with_mode(tools, Mode.AUTO), DUE + late)
    assert promise_states(tools, incident) == [state]


def test_above_the_cap_a_person_approves(tools):
    incident = announced(tools)
    refunds.ask_due(with_mode(tools, Mode.AUTO, refund_cap_minor=17999), DUE)
    assert only(tools, incident).state is State.REQUESTED
    assert list(tasks(tools, incident)) == [TaskKind.APPROVE]


def test_INV_M10_beyond_the_daily_number_people_approve_and_nothing_is_lost(tools):
    auto = with_mode(tools, Mode.AUTO, refunds_per_day=2)
    incidents = [announced(tools) for _ in range(5)]
    for _ in range(2):
        refunds.ask_due(auto, DUE)
    states = [only(tools, incident).state for incident in incidents]
    assert states.count(State.APPROVED) == 2
    assert states.count(State.REQUESTED) == 3
    assert sum(TaskKind.APPROVE in tasks(tools, incident) for incident in incidents) == 3


# --- what stands against it -------------------------------------------------------------------------------------------


def test_switched_off_only_a_task_is_made(tools):
    incident = announced(tools)
    for at in (OPENS, OPENS + HOUR, DUE):
        refunds.ask_due(with_mode(tools, Mode.OFF), at)
    assert remedies(tools, incident) == []
    assert "switched off" in tasks(tools, incident)[TaskKind.REFUND_STOPPED]
    assert story(tools, incident).count("refund_stopped") == 1
    assert promise_states(tools, incident) == ["broken"]


def test_an_unknown_amount_waits_for_a_person_and_goes_on_when_it_is_known(tools):
    with tools.store.begin() as session:
        order = make.order(session)
        incident = a_case(session, order, {"value_minor": None})
        make.shipment(session, order_id=order.id)
        closing.move_remedy(session, incident, NOW, AGENT, DUE, "announced")
        incident = incident.id
    refunds.ask_due(tools, OPENS)
    assert remedies(tools, incident) == []
    assert tasks(tools, incident) == {TaskKind.DECIDE: "the amount of this shipment is not known"}
    with tools.store.begin() as session:
        session.get_one(Incident, incident).shipment.value_minor = 9000
    refunds.ask_due(tools, OPENS + HOUR)
    assert only(tools, incident).amount_minor == 9000


def test_E9_no_refund_rests_on_a_silent_feed_and_it_goes_on_when_the_feed_is_back(tools):
    auto = with_mode(tools, Mode.AUTO)
    incident = announced(tools)
    with tools.store.begin() as session:
        session.add(Feed(carrier="seur", account="", failures=9, last_success_at=NOW, failing_since=NOW))
    for at in (DUE, DUE + HOUR, DUE + 2 * HOUR):
        refunds.ask_due(auto, at)
    assert remedies(tools, incident) == []
    assert "feed is silent" in tasks(tools, incident)[TaskKind.REFUND_STOPPED]
    assert promise_states(tools, incident) == ["broken"]
    with tools.store.begin() as session:
        session.execute(sa.update(Feed).values(failing_since=None, last_success_at=DUE + 2 * HOUR))
    refunds.ask_due(auto, DUE + 3 * HOUR)
    assert only(tools, incident).state is State.APPROVED
    assert promise_states(tools, incident) == ["kept_late"]
    assert tasks(tools, incident) == {}


def test_INV_M9_a_parcel_that_has_arrived_is_not_refunded(tools):
    incident = announced(tools)
    with tools.store.begin() as session:
        session.get_one(Incident, incident).shipment.stage = Stage.DELIVERED
    refunds.ask_due(with_mode(tools, Mode.AUTO), DUE)
    assert remedies(tools, incident) == []
    assert tasks(tools, incident) == {TaskKind.REFUND_STOPPED: "the refund waits: the parcel has arrived"}


def test_a_customer_who_waits_takes_the_proposal_back_until_the_later_day(tools):
    incident = announced(tools)
    refunds.ask_due(tools, OPENS)
    later = DUE + timedelta(days=7)
    with tools.store.begin() as session:
        closing.move_remedy(
            session, session.get_one(Incident, incident), OPENS + HOUR, AGENT, later, "the customer waits"
        )
    refunds.ask_due(tools, OPENS + HOUR)
    assert only(tools, incident).state is State.CANCELLED
    assert reserved(tools, incident) == 0
    assert tasks(tools, incident) == {}
    refunds.ask_due(tools, OPENS + timedelta(days=7))
    assert [remedy.state for remedy in remedies(tools, incident)] == [State.CANCELLED, State.REQUESTED]
    assert [remedy.key[-2:] for remedy in remedies(tools, incident)] == ["-1", "-2"]


def test_what_a_person_has_cancelled_is_not_proposed_again_for_the_same_announcement(tools):
    incident = announced(tools)
    refunds.ask_due(tools, OPENS)
    for _ in range(2):
        verb(tools, "cancel", only(tools, incident), LEAD, "the customer prefers a voucher", now=OPENS + HOUR)
    for at in (OPENS + 2 * HOUR, DUE):
        refunds.ask_due(tools, at)
    assert only(tools, incident).state is State.CANCELLED
    assert reserved(tools, incident) == 0
    assert "prefers a voucher" in tasks(tools, incident)[TaskKind.REFUND_STOPPED]
    with tools.store.begin() as session:
        row = session.get_one(Incident, incident)
        closing.move_remedy(session, row, DUE + HOUR, AGENT, DUE + HOUR, "the cause is known: broken")
    refunds.ask_due(tools, DUE + HOUR)
    assert [remedy.state for remedy in remedies(tools, incident)] == [State.CANCELLED, State.REQUESTED]


def test_a_task_says_the_newest_reason_why_the_refund_waits(tools):
    auto = with_mode(tools, Mode.AUTO)
    incident = announced(tools)
    refunds.ask_due(with_mode(tools, Mode.OFF), DUE)
    with tools.store.begin() as session:
        session.get_one(Incident, incident).shipment.stage = Stage.DELIVERED
    for at in (DUE + HOUR, DUE + 2 * HOUR):
        refunds.ask_due(auto, at)
    assert tasks(tools, incident) == {TaskKind.REFUND_STOPPED: "the refund waits: the parcel has arrived"}
    assert story(tools, incident).count("refund_stopped") == 2


def held_up(tools):
    """An incident whose announced refund was broken by us, for its feed was silent at the time."""
    incident = announced(tools)
    with tools.store.begin() as session:
        session.add(Feed(carrier="seur", account="", failures=9, last_success_at=NOW, failing_since=NOW))
    refunds.ask_due(with_mode(tools, Mode.AUTO), DUE + HOUR)
    with tools.store.begin() as session:
        session.execute(sa.update(Feed).values(failing_since=None))
    assert promise_states(tools, incident) == ["broken"]
    return incident


def test_a_broken_announcement_that_is_taken_back_binds_nobody(tools):
    incident = held_up(tools)
    with tools.store.begin() as session:
        closing.withdraw_remedy(session, session.get_one(Incident, incident), DUE + HOUR, AGENT, "found")
    refunds.ask_due(with_mode(tools, Mode.AUTO), DUE + 2 * HOUR)
    assert remedies(tools, incident) == []


def test_a_broken_announcement_that_is_followed_by_another_waits_for_that(tools):
    incident = held_up(tools)
    later = DUE + timedelta(days=7)
    with tools.store.begin() as session:
        row = session.get_one(Incident, incident)
        closing.move_remedy(session, row, DUE + HOUR, AGENT, later, "the customer waits")
    auto = with_mode(tools, Mode.AUTO)
    refunds.ask_due(auto, DUE + 2 * HOUR)
    assert remedies(tools, incident) == []
    refunds.ask_due(auto, later)
    assert len(remedies(tools, incident)) == 1
    assert promise_states(tools, incident) == ["broken", "kept"]


def test_what_has_failed_is_never_asked_for_again_by_itself_whatever_is_announced(tools):
    auto = with_mode(tools, Mode.AUTO)
    incident = announced(tools)
    refunds.ask_due(auto, DUE)
    refunds.send(replace(auto, providers={"webhook": Ledger(behaves=["refuse"])}), DUE)
    with tools.store.begin() as session:
        row = session.get_one(Incident, incident)
        closing.move_remedy(session, row, DUE + HOUR, AGENT, DUE + HOUR, "the cause is known: broken")
    refunds.ask_due(auto, DUE + HOUR)
    assert [remedy.state for remedy in remedies(tools, incident)] == [State.FAILED]
    assert TaskKind.REFUND_STOPPED in tasks(tools, incident)


def test_a_second_order_cannot_be_paid_from_the_first_ones_money(tools):
    with tools.store.begin() as session:
        order = make.order(session, paid_minor=10000)
        both = []
        for _ in range(2):
            incident = a_case(session, order, {"value_minor": 6000})
            closing.move_remedy(session, incident, NOW, AGENT, DUE, "announced")
            both.append(incident.id)
    refunds.ask_due(with_mode(tools, Mode.AUTO), DUE)
    assert sorted(len(remedies(tools, incident)) for incident in both) == [0, 1]
    with tools.store.read() as session:
        assert session.scalars(sa.select(Order.reserved_minor)).one() == 6000
    (left,) = [incident for incident in both if not remedies(tools, incident)]
    assert tasks(tools, left) == {TaskKind.DECIDE: "more would go back than was paid"}


# --- what people do ---------------------------------------------------------------------------------------------------


def plain(tools, **values):
    with tools.store.begin() as session:
        return a_case(session, **values)


def test_F90_a_second_click_finds_the_first_refund(tools):
    incident = plain(tools)
    first, second = (verb(tools, "propose", incident, actor) for actor in (AGENT, LEAD))
    assert first.key == second.key
    assert reserved(tools, incident.id) == 18000
    assert notices(tools, incident.id, Topic.STAFF_APPROVAL) == 1


def test_F90_two_people_press_refund_in_the_same_second(tools, store_url):
    incident = plain(tools)
    barrier, keys = Barrier(2), []

    def press(actor):
        own = make.store(store_url)
        barrier.wait()
        keys.append(verb(make.tools(own), "propose", incident, actor).key)
        own.close()

    threads = [Thread(target=press, args=[actor]) for actor in (AGENT, LEAD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(remedies(tools, incident.id)) == 1
    assert reserved(tools, incident.id) == 18000


UNPRICED = {"order": {"paid_minor": 0}, "shipment": {"value_minor": None}}
REFUSED_PROPOSALS = {
    "resolved": ({"incident": {"state": incident_rules.State.RESOLVED}}, {}, "the incident was resolved"),
    "arrived": ({"shipment": {"stage": Stage.DELIVERED}}, {}, "the parcel has arrived"),
    "worth unknown": (UNPRICED, {}, "the amount of this shipment is not known"),
    "too much": ({}, {"amount_minor": 18001}, "more would go back than was paid"),
    "nothing": ({}, {"amount_minor": 0}, "more than zero"),
    "less than nothing": ({}, {"amount_minor": -1}, "more than zero"),
}


@pytest.mark.parametrize(("values", "more", "sentence"), REFUSED_PROPOSALS.values(), ids=REFUSED_PROPOSALS)
def test_a_refund_that_cannot_be_is_refused_with_a_sentence(tools, values, more, sentence):
    with tools.store.begin() as session:
        order = make.order(session, **values.get("order", {}))
        incident = a_case(session, order, values.get("shipment"), **values.get("incident", {}))
    with pytest.raises(Refused, match=sentence):
        verb(tools, "propose", incident, AGENT, **more)
    assert remedies(tools, incident.id) == []


def test_a_person_may_say_what_the_program_cannot_know(tools):
    incident = plain(tools, kind=Kind.DAMAGED_DELIVERED)
    assert verb(tools, "propose", incident, AGENT, amount_minor=4500).amount_minor == 4500


def test_INV_M12_above_the_limit_somebody_else_approves(tools):
    strict = with_mode(tools, Mode.PROPOSE, refund_cap_minor=17999)
    remedy = verb(strict, "propose", plain(tools), AGENT)
    with pytest.raises(Refused, match="somebody else must approve"):
        verb(strict, "approve", remedy, AGENT)
    assert verb(strict, "approve", remedy, LEAD).state is State.APPROVED


def test_up_to_the_limit_one_person_is_enough(tools):
    remedy = verb(tools, "propose", plain(tools), AGENT)
    assert verb(tools, "approve", remedy, AGENT).state is State.APPROVED


def test_INV_M10_while_switched_off_nothing_is_approved(tools):
    remedy = verb(tools, "propose", plain(tools), AGENT)
    with pytest.raises(Refused, match="switched off"):
        verb(with_mode(tools, Mode.OFF), "approve", remedy, LEAD)


def test_INV_M9_an_approval_after_the_end_is_refused(tools):
    incident = plain(tools)
    remedy = verb(tools, "propose", incident, AGENT)
    with tools.store.begin() as session:
        closing.resolve(session, session.get_one(Incident, incident.id), NOW, AGENT, Outcome.DELIVERED)
    with pytest.raises(Refused, match="not owed any more: the incident was resolved"):
        verb(tools, "approve", remedy, LEAD)


def test_a_cancelled_refund_cannot_be_approved(tools):
    remedy = verb(tools, "propose", plain(tools), AGENT)
    verb(tools, "cancel", remedy, LEAD, "a mistake")
    with pytest.raises(Refused, match="was cancelled: propose another one"):
        verb(tools, "approve", remedy, LEAD)


def test_INV_D2_every_change_of_a_refund_has_its_row_in_the_audit(tools):
    incident = plain(tools)
    remedy = verb(tools, "propose", incident, AGENT)
    verb(tools, "approve", remedy, LEAD)
    verb(tools, "cancel", remedy, LEAD, "found at home")
    with tools.store.read() as session:
        rows = session.scalars(sa.select(Audit).filter_by(object=f"remedies:{remedy.id}").order_by(Audit.id)).all()
    assert [(row.action, row.actor_id, row.after["state"]) for row in rows] == [
        ("refund_requested", "1", "requested"),
        ("refund_approved", "2", "approved"),
        ("refund_cancelled", "2", "cancelled"),
    ]
