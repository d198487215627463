"""Sending refunds: stored before they go out, sent once, and followed until somebody really knows."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import make
from tests.ledger import Ledger
from tracker.domain import incidents as incident_rules
from tracker.domain.events import Stage
from tracker.domain.incidents import Kind, Outcome
from tracker.domain.ladder import Policy
from tracker.domain.notices import Topic
from tracker.domain.refunds import Mode, State
from tracker.domain.refusals import Refused
from tracker.outside.refund_providers import base
from tracker.steps import refunds
from tracker.store import closing
from tracker.store import refunds as store_of_refunds
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Task, TaskKind, TaskState, Timeline
from tracker.store.outbox import Notice
from tracker.store.refunds import Remedy, SentIsFixed
from tracker.store.shipments import Feed, Order, Shipment
from tracker.store.wake import LEASE, LeaseLost, lease

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENT = Actor(ActorKind.STAFF, "1", "ops")
LEAD = Actor(ActorKind.STAFF, "2", "ops")
SHOP = Actor(ActorKind.PROVIDER, "webhook", "callback")


class Scene:
    """One database, one provider, a clock for leases, and refunds in it."""

    def __init__(self, url, **values):
        self.lease_now = NOW
        self.url = url
        self.ledger = Ledger()
        self.store = make.store(url, lambda: self.lease_now)
        self.tools = make.tools(self.store, providers={"webhook": self.ledger}, **values)

    def approved(self, at=NOW, by=LEAD, mode=Mode.PROPOSE, **values):
        """The id of an approved refund of 180.00 EUR."""
        tools = make.tools(self.store, refunds_mode=mode)
        with self.store.begin() as session:
            order = make.order(session)
            incident = make.incident(session, make.shipment(session, now=NOW, order_id=order.id), now=NOW, **values)
            remedy = refunds.propose(session, tools, at, incident, by if by.kind is ActorKind.JOB else AGENT)
            refunds.approve(session, tools, at, remedy, by)
            return remedy.id

    def send(self, at=NOW):
        """Run the job as a worker would, later than every lease that ended before."""
        return refunds.send(self.tools, at)

    def report(self, remedy_id, state, at=NOW, ref=None):
        with self.store.begin() as session:
            key = session.get_one(Remedy, remedy_id).key
            told = base.Outcome(state, ref or f"pay-{key}")
            return refunds.report(session, self.tools, at, key, told, SHOP)

    def look(self, remedy_id):
        with self.store.read() as session:
            return session.get_one(Remedy, remedy_id)

    def incident(self, remedy_id):
        with self.store.read() as session:
            return session.get_one(Remedy, remedy_id).incident

    def reserved(self, remedy_id):
        with self.store.read() as session:
            return session.get_one(Order, session.get_one(Remedy, remedy_id).order_id).reserved_minor

    def tasks(self, remedy_id):
        with self.store.read() as session:
            of = session.get_one(Remedy, remedy_id).incident_id
            rows = session.scalars(sa.select(Task).filter_by(incident_id=of, state=TaskState.OPEN))
            return {task.kind: task.reason for task in rows}

    def notices(self, topic):
        with self.store.read() as session:
            return len(session.scalars(sa.select(Notice).filter_by(topic=topic)).all())

    def story(self, remedy_id):
        with self.store.read() as session:
            of = session.get_one(Remedy, remedy_id).incident_id
            rows = session.scalars(sa.select(Timeline).filter_by(incident_id=of).order_by(Timeline.id))
            return [entry.kind for entry in rows if entry.kind.startswith(("refund", "resolved", "incident"))]


@pytest.fixture
def scene(store_url):
    made = Scene(store_url)
    yield made
    made.store.close()


@pytest.fixture
def sqlite_scene(sqlite_url):
    made = Scene(sqlite_url)
    yield made
    made.store.close()


# --- the road that goes well ------------------------------------------------------------------------------------------


def test_a_paid_refund_ends_the_incident_and_tells_the_customer_once(scene):
    scene.ledger.behaves = ["pay"]
    remedy = scene.approved()
    for at in (NOW, NOW, NOW + HOUR):
        scene.send(at)
    found = scene.look(remedy)
    assert (found.state, found.sends, found.provider_ref) == (State.SUCCEEDED, 1, f"pay-{found.key}")
    assert scene.ledger.sends == [found.key]
    assert scene.ledger.entries[found.key].amount_minor == 18000
    assert scene.incident(remedy).outcome is Outcome.REFUNDED
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 1
    assert scene.reserved(remedy) == 18000
    assert scene.story(remedy) == [
        "refund_requested",
        "refund_approved",
        "refund_sent",
        "refund_succeeded",
        "resolved",
    ]


def test_an_accepted_refund_is_paid_when_the_provider_says_so(scene):
    remedy = scene.approved()
    scene.send()
    assert scene.look(remedy).state is State.PENDING
    assert scene.incident(remedy).state is incident_rules.State.OPEN
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 0
    for _ in range(2):
        scene.report(remedy, State.SUCCEEDED, NOW + DAY)
    assert scene.incident(remedy).outcome is Outcome.REFUNDED
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 1
    scene.send(NOW + 10 * DAY)
    assert len(scene.ledger.sends) == 1


def test_INV_M2_and_W7_the_intent_is_committed_and_no_transaction_is_open_when_the_call_goes_out(scene):
    seen = []

    def look(intent):
        with make.store(scene.url).begin() as session:
            row = session.scalars(sa.select(Remedy).filter_by(key=intent.key)).one()
            seen.append((row.state, row.first_sent_at, row.amount_minor, row.body_hash == intent.fingerprint))
            session.execute(sa.update(Shipment).values(attempts=1))

    scene.ledger.on_send = look
    scene.approved()
    assert scene.send().errors == []
    assert seen == [(State.SENDING, NOW, 18000, True)]


def test_a_refused_refund_frees_the_money_and_goes_to_a_person(scene):
    scene.ledger.behaves = ["refuse"]
    remedy = scene.approved()
    for at in (NOW, NOW + DAY):
        scene.send(at)
    assert scene.look(remedy).state is State.FAILED
    assert scene.reserved(remedy) == 0
    assert scene.incident(remedy).state is incident_rules.State.OPEN
    assert "no such order" in scene.tasks(remedy)[TaskKind.REFUND_STOPPED]
    assert scene.notices(Topic.STAFF_ALARM) == 1
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 0
    assert len(scene.ledger.sends) == 1


# --- answers that do not come -----------------------------------------------------------------------------------------


def test_F59_work_done_without_an_answer_is_found_by_the_look_up(scene):
    scene.ledger.behaves = ["answer lost"]
    remedy = scene.approved()
    scene.send()
    assert scene.look(remedy).state is State.UNKNOWN
    assert scene.look(remedy).wake_at == NOW + 30 * SECOND
    assert scene.reserved(remedy) == 18000
    scene.send(NOW + 29 * SECOND)
    assert scene.ledger.looks == []
    scene.send(NOW + 30 * SECOND)
    assert scene.look(remedy).state is State.PENDING
    assert len(scene.ledger.sends) == 1


def test_a_request_that_never_arrived_goes_out_again_with_the_same_key(scene):
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    scene.send()
    scene.send(NOW + 30 * SECOND)
    found = scene.look(remedy)
    assert (found.state, found.sends, found.first_sent_at) == (State.PENDING, 2, NOW)
    assert scene.ledger.sends == [found.key] * 2
    assert len(scene.ledger.entries) == 1


def test_a_provider_that_cannot_be_asked_gets_the_same_key_again(scene):
    scene.ledger.can_look_up = False
    scene.ledger.behaves = ["answer lost", "answer lost"]
    remedy = scene.approved()
    for at in (NOW, NOW + 30 * SECOND, NOW + 2 * MINUTE):
        scene.send(at)
    assert scene.look(remedy).state is State.PENDING
    assert len(scene.ledger.sends) == 3
    assert len(scene.ledger.entries) == 1


def test_while_the_look_up_is_blind_nothing_is_sent_again(scene):
    scene.ledger.blind = True
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    for at in (NOW, NOW + 30 * SECOND, NOW + 2 * MINUTE, NOW + 10 * MINUTE):
        scene.send(at)
    assert scene.look(remedy).state is State.UNKNOWN
    assert (len(scene.ledger.sends), len(scene.ledger.looks)) == (1, 3)


JUMPS = {"22 h 59": (23 * HOUR - MINUTE, 2), "23 h 01": (23 * HOUR + MINUTE, 1), "24 h 01": (24 * HOUR + MINUTE, 1)}


@pytest.mark.parametrize(("passed", "sends"), JUMPS.values(), ids=JUMPS)
def test_INV_M4_nothing_is_sent_again_once_the_key_may_be_forgotten(scene, passed, sends):
    scene.ledger.behaves = ["lose", "lose"]
    scene.approved()
    scene.send()
    scene.send(NOW + passed)
    assert len(scene.ledger.sends) == sends


def test_INV_M4_a_provider_without_keys_never_gets_a_second_request(scene):
    scene.ledger.promises_keys = False
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    for hours in range(49):
        scene.send(NOW + hours * HOUR)
    assert len(scene.ledger.sends) == 1
    assert scene.look(remedy).state is State.NEEDS_PERSON


def test_INV_M5_nobody_guesses_after_two_days_a_person_finds_out(scene):
    scene.ledger.blind = True
    scene.ledger.behaves = ["answer lost"]
    remedy = scene.approved()
    scene.send()
    at = NOW
    while (wake_at := scene.look(remedy).wake_at) is not None:
        at = wake_at
        assert scene.look(remedy).state is State.UNKNOWN
        scene.send(at)
    assert at == NOW + 48 * HOUR
    assert scene.look(remedy).state is State.NEEDS_PERSON
    assert scene.reserved(remedy) == 18000
    assert len(scene.ledger.sends) == 1
    assert scene.look(remedy).key in scene.tasks(remedy)[TaskKind.REFUND_SHEET]


CONCLUSIONS = {
    "it was made": (True, State.SUCCEEDED_EXTERNALLY, 18000, Outcome.REFUNDED, 1),
    "it was not": (False, State.FAILED, 0, None, 0),
}


@pytest.mark.parametrize(("made", "state", "kept", "outcome", "told"), CONCLUSIONS.values(), ids=CONCLUSIONS)
def test_what_a_person_found_out_ends_it(scene, made, state, kept, outcome, told):
    scene.ledger.behaves = ["answer lost"]
    remedy = scene.approved()
    scene.send()
    for _ in range(2):
        with scene.store.begin() as session:
            row = session.get_one(Remedy, remedy)
            refunds.conclude(session, scene.tools, NOW + HOUR, row, LEAD, made=made, note="seen in the books: 4711")
    scene.send(NOW + DAY)
    assert scene.look(remedy).state is state
    assert scene.look(remedy).detail == "seen in the books: 4711"
    assert scene.reserved(remedy) == kept
    assert scene.incident(remedy).outcome is outcome
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == told


REFUSED_CONCLUSIONS = {
    "without a word": ("answer lost", " ", "say how you know"),
    "of what is known": ("pay", "in the books", "there is nothing to find out"),
}


@pytest.mark.parametrize(("behaviour", "note", "sentence"), REFUSED_CONCLUSIONS.values(), ids=REFUSED_CONCLUSIONS)
def test_a_person_needs_a_reason_and_a_question(scene, behaviour, note, sentence):
    scene.ledger.behaves = [behaviour]
    remedy = scene.approved()
    scene.send()
    with pytest.raises(Refused, match=sentence), scene.store.begin() as session:
        refunds.conclude(session, scene.tools, NOW, session.get_one(Remedy, remedy), LEAD, made=False, note=note)
    assert scene.reserved(remedy) == 18000


def test_an_accepted_refund_of_which_nothing_is_heard_for_a_week_goes_to_a_person(scene):
    scene.ledger.can_look_up = False
    remedy = scene.approved()
    scene.send()
    assert scene.look(remedy).wake_at == NOW + 7 * DAY
    scene.send(NOW + 7 * DAY - SECOND)
    assert scene.look(remedy).state is State.PENDING
    scene.send(NOW + 7 * DAY)
    assert scene.look(remedy).state is State.NEEDS_PERSON
    assert scene.reserved(remedy) == 18000


def test_an_accepted_refund_is_looked_up_until_it_is_paid(scene):
    remedy = scene.approved()
    scene.send()
    scene.send(NOW + 6 * HOUR)
    assert scene.look(remedy).state is State.PENDING
    scene.ledger.states[scene.look(remedy).key] = State.SUCCEEDED
    scene.send(NOW + 12 * HOUR)
    assert scene.look(remedy).state is State.SUCCEEDED
    assert len(scene.ledger.looks) == 2


# --- workers that die -------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_after_the_call_leaves_an_unknown_that_is_looked_up(scene):
    scene.ledger.on_send = _die
    remedy = scene.approved()
    with pytest.raises(SystemExit):
        scene.send()
    assert scene.look(remedy).state is State.SENDING
    scene.ledger.on_send = lambda _: None
    scene.send(NOW + MINUTE)
    assert scene.look(remedy).state is State.SENDING, "the lease of the dead worker still holds"
    scene.lease_now = NOW + LEASE + SECOND
    scene.send(NOW + MINUTE + SECOND)
    assert scene.look(remedy).state is State.PENDING
    assert (len(scene.ledger.sends), len(scene.ledger.looks)) == (1, 1)
    assert "refund_unknown" in scene.story(remedy)


def _die(_intent):
    raise SystemExit


def test_an_error_in_the_adapter_is_an_unknown_and_stops_no_other(scene):
    scene.ledger.behaves = ["raise", "pay"]
    first, second = scene.approved(), scene.approved()
    assert len(scene.send().errors) == 1
    states = {scene.look(first).state, scene.look(second).state}
    assert states == {State.SENDING, State.SUCCEEDED}
    scene.send(NOW + HOUR)
    assert {scene.look(first).state, scene.look(second).state} == {State.PENDING, State.SUCCEEDED}
    assert len(scene.ledger.sends) == 2


def test_a_worker_that_slept_through_its_lease_writes_nothing(scene):
    remedy = scene.approved()

    def sleep(intent):
        scene.ledger.on_send = lambda _: None
        scene.lease_now = NOW + LEASE + SECOND
        other = Scene(scene.url)
        other.lease_now, other.ledger = scene.lease_now, scene.ledger
        other.tools = make.tools(other.store, providers={"webhook": scene.ledger})
        scene.ledger.states[intent.key] = State.SUCCEEDED
        other.send(NOW + MINUTE)
        other.store.close()
        scene.ledger.states[intent.key] = State.FAILED

    scene.ledger.on_send = sleep
    assert scene.send().errors == []
    assert scene.look(remedy).state is State.SUCCEEDED
    assert scene.ledger.sends == [scene.look(remedy).key]


def test_INV_W1_whoever_lost_the_lease_cannot_hold_the_refund(scene):
    scene.approved()
    with scene.store.begin() as session:
        (old,) = lease(session, Remedy, NOW, NOW, owner="asleep", limit=1)
    with scene.store.begin() as session:
        (new,) = lease(session, Remedy, NOW, NOW + LEASE + SECOND, owner="awake", limit=1)
    with pytest.raises(LeaseLost), scene.store.begin() as session:
        store_of_refunds.hold(session, old, NOW)
    with scene.store.begin() as session:
        assert store_of_refunds.hold(session, new, NOW).state is State.APPROVED


def test_INV_M1_many_workers_send_every_refund_once(scene):
    approved = [scene.approved() for _ in range(8)]
    barrier = Barrier(4)

    def work():
        store = make.store(scene.url, lambda: NOW)
        tools = make.tools(store, providers={"webhook": scene.ledger})
        barrier.wait()
        assert refunds.send(tools, NOW).errors == []
        store.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(scene.ledger.sends) == sorted(scene.look(remedy).key for remedy in approved)
    assert {scene.look(remedy).state for remedy in approved} == {State.PENDING}


# --- what it rests on, at the moment of sending -----------------------------------------------------------------------


def _resolved(session, remedy):
    closing.resolve(session, remedy.incident, NOW, AGENT, Outcome.DELIVERED)


def _arrived(_session, remedy):
    remedy.incident.shipment.stage = Stage.DELIVERED


def _announced_later(session, remedy):
    remedy.requested_by = "rule"
    closing.move_remedy(session, remedy.incident, NOW, AGENT, NOW + 7 * DAY, "the customer waits")


def _found(_session, remedy):
    remedy.requested_by = "rule"
    remedy.incident.kind = Kind.FOUND


CHANGES = {
    "resolved": (_resolved, "the incident was resolved"),
    "arrived": (_arrived, "the parcel has arrived"),
    "the customer waits": (_announced_later, "it was announced for a later day"),
    "found": (_found, "the parcel was found"),
}


@pytest.mark.parametrize(("change", "why"), CHANGES.values(), ids=CHANGES)
def test_INV_M9_what_has_changed_since_the_approval_cancels_it(scene, change, why):
    remedy = scene.approved()
    with scene.store.begin() as session:
        change(session, session.get_one(Remedy, remedy))
    for _ in range(2):
        scene.send()
    assert (scene.look(remedy).state, scene.look(remedy).detail) == (State.CANCELLED, why)
    assert scene.reserved(remedy) == 0
    assert scene.ledger.sends == []
    assert scene.story(remedy).count("refund_cancelled") == 1


def test_a_proposal_dies_with_its_incident_and_its_money_is_free(scene):
    with scene.store.begin() as session:
        incident = make.incident(session, make.shipment(session, now=NOW), now=NOW)
        remedy = refunds.propose(session, scene.tools, NOW, incident, AGENT).id
    with scene.store.begin() as session:
        _resolved(session, session.get_one(Remedy, remedy))
    scene.send()
    assert scene.look(remedy).state is State.CANCELLED
    assert scene.reserved(remedy) == 0


def test_a_resolved_incident_is_not_refunded_by_a_repetition(scene):
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    scene.send()
    with scene.store.begin() as session:
        _resolved(session, session.get_one(Remedy, remedy))
    scene.send(NOW + MINUTE)
    assert scene.look(remedy).state is State.UNKNOWN
    assert len(scene.ledger.sends) == 1


def test_INV_M10_the_kill_switch_holds_the_queue_and_loses_nothing(scene):
    waiting = [scene.approved() for _ in range(3)]
    on = scene.tools
    scene.tools = make.tools(scene.store, providers={"webhook": scene.ledger}, refunds_mode=Mode.OFF)
    for hours in range(3):
        scene.send(NOW + hours * HOUR)
    assert scene.ledger.sends == []
    assert {scene.look(remedy).state for remedy in waiting} == {State.APPROVED}
    scene.tools = on
    scene.send(NOW + 3 * HOUR)
    assert len(scene.ledger.sends) == 3


def test_INV_M10_the_kill_switch_stops_a_repetition_too(scene):
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    scene.send()
    scene.tools = make.tools(scene.store, providers={"webhook": scene.ledger}, refunds_mode=Mode.OFF)
    scene.send(NOW + MINUTE)
    assert scene.look(remedy).state is State.UNKNOWN
    assert len(scene.ledger.sends) == 1


RULE = Actor(ActorKind.JOB, via="refunds")


def test_INV_M10_by_rule_no_more_go_out_in_a_day_than_the_policy_says(scene):
    policy = Policy(name="few", refunds_per_day=2)
    scene.tools = make.tools(scene.store, providers={"webhook": scene.ledger}, policy=policy, refunds_mode=Mode.AUTO)
    for _ in range(5):
        scene.approved(by=RULE, mode=Mode.AUTO)
    by_hand = scene.approved()
    sent = []
    for hours in range(0, 60, 6):
        scene.send(NOW + hours * HOUR)
        sent.append(len(scene.ledger.sends))
    assert scene.look(by_hand).state is State.PENDING
    assert sent == [3, 3, 3, 5, 5, 5, 5, 6, 6, 6]


def test_E9_what_a_rule_approved_waits_while_the_feed_is_silent(scene):
    ruled, by_hand = scene.approved(by=RULE, mode=Mode.AUTO), scene.approved()
    with scene.store.begin() as session:
        silent_since = NOW - DAY
        feed = Feed(carrier="seur", account="", failures=9, last_success_at=silent_since, failing_since=silent_since)
        session.add(feed)
    scene.send()
    assert (scene.look(ruled).state, scene.look(by_hand).state) == (State.APPROVED, State.PENDING)


def test_without_a_provider_it_waits_and_a_person_is_told(scene):
    remedy = scene.approved()
    with_one = scene.tools
    scene.tools = make.tools(scene.store)
    for at in (NOW, NOW + HOUR):
        scene.send(at)
    assert scene.look(remedy).state is State.APPROVED
    assert "no refund provider webhook" in scene.tasks(remedy)[TaskKind.REFUND_STOPPED]
    scene.tools = with_one
    scene.send(NOW + 2 * HOUR)
    assert scene.look(remedy).state is State.PENDING


# --- what was sent stays what it was ----------------------------------------------------------------------------------


AMENDMENTS = {"amount_minor": 1, "key": "other", "currency": "USD", "reason": "other", "first_sent_at": None}


@pytest.mark.parametrize(("name", "value"), AMENDMENTS.items(), ids=AMENDMENTS)
def test_INV_M3_what_was_sent_never_changes(scene, name, value):
    remedy = scene.approved()
    scene.send()
    with pytest.raises(SentIsFixed), scene.store.begin() as session:
        setattr(session.get_one(Remedy, remedy), name, value)


def test_INV_M3_a_repetition_that_would_differ_is_not_sent(scene):
    scene.ledger.behaves = ["lose"]
    remedy = scene.approved()
    scene.send()
    with scene.store.begin() as session:
        session.execute(sa.update(Order).values(number="O-renamed"))
    scene.send(NOW + MINUTE)
    assert scene.look(remedy).state is State.NEEDS_PERSON
    assert len(scene.ledger.sends) == 1


def test_what_was_sent_cannot_be_cancelled(scene):
    remedy = scene.approved()
    scene.send()
    with pytest.raises(Refused, match="pending and was sent"), scene.store.begin() as session:
        refunds.cancel(session, scene.tools, NOW, session.get_one(Remedy, remedy), LEAD, "too late")


# --- what the provider reports ----------------------------------------------------------------------------------------


def test_INV_M8_a_bank_that_refuses_late_opens_the_case_for_a_person(scene):
    scene.ledger.behaves = ["pay"]
    remedy = scene.approved()
    scene.send()
    for _ in range(2):
        scene.report(remedy, State.FAILED, NOW + 20 * DAY)
    refunds.ask_due(scene.tools, NOW + 21 * DAY)
    scene.send(NOW + 21 * DAY)
    incident = scene.incident(remedy)
    assert scene.look(remedy).state is State.FAILED
    assert (incident.state, incident.episode, incident.outcome) == (incident_rules.State.OPEN, 2, None)
    assert scene.reserved(remedy) == 0
    assert TaskKind.REFUND_STOPPED in scene.tasks(remedy)
    assert incident.next_due_at is not None
    assert len(scene.ledger.sends) == 1


def test_after_a_late_refusal_a_person_may_ask_again_under_a_new_key(scene):
    scene.ledger.behaves = ["pay", "pay"]
    remedy = scene.approved()
    scene.send()
    scene.report(remedy, State.FAILED, NOW + DAY)
    with scene.store.begin() as session:
        again = refunds.propose(session, scene.tools, NOW + DAY, session.get_one(Remedy, remedy).incident, AGENT)
        refunds.approve(session, scene.tools, NOW + DAY, again, LEAD)
        key = again.key
    scene.send(NOW + DAY)
    assert scene.ledger.sends == [scene.look(remedy).key, key]
    assert key.endswith("-2")


def test_F68_a_report_about_an_unknown_refund_is_told_and_attached_to_nothing(scene):
    scene.approved()
    with scene.store.begin() as session:
        told = base.Outcome(State.SUCCEEDED, "pay-7")
        for _ in range(2):
            assert refunds.report(session, scene.tools, NOW, "I999999-refund-1", told, SHOP) is None
    assert scene.notices(Topic.STAFF_ALARM) == 1


def test_a_report_about_what_was_never_sent_is_not_believed(scene):
    remedy = scene.approved()
    for _ in range(2):
        scene.report(remedy, State.SUCCEEDED)
    assert scene.look(remedy).state is State.APPROVED
    assert "is succeeded, but it is approved here" in scene.tasks(remedy)[TaskKind.REFUND_SHEET]
    assert scene.notices(Topic.STAFF_ALARM) == 1
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 0


def test_INV_M6_one_provider_id_never_belongs_to_two_refunds(scene):
    first, second = scene.approved(), scene.approved()
    scene.send()
    scene.report(second, State.SUCCEEDED, ref=scene.look(first).provider_ref)
    assert scene.look(first).provider_ref != scene.look(second).provider_ref
    assert scene.look(second).state is State.SUCCEEDED
    assert scene.notices(Topic.STAFF_ALARM) == 1


TOLD = [State.PENDING, State.SUCCEEDED, State.FAILED]
ANSWERS = {"accept": State.PENDING, "pay": State.SUCCEEDED, "answer lost": State.UNKNOWN}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(TOLD), max_size=4),
    st.lists(st.sampled_from(TOLD), max_size=4),
    st.sampled_from(list(ANSWERS)),
)
def test_INV_M6_answer_and_reports_in_any_order_give_one_row_and_the_same_end(sqlite_scene, before, later, answer):
    scene = sqlite_scene
    remedy = scene.approved()
    scene.ledger.sends.clear()
    scene.ledger.behaves = [answer]
    scene.ledger.on_send = lambda _: [scene.report(remedy, state) for state in before]
    scene.send()
    for state in later:
        scene.report(remedy, state)
    found = scene.look(remedy)
    expected = _expected([*before, *later], answer, answered=not before)
    assert found.state is expected
    assert scene.ledger.sends == [found.key]
    assert scene.reserved(remedy) == (0 if expected is State.FAILED else 18000)


def _expected(reported, answer, *, answered):
    """The gravest word that was heard; an answer counts unless a report came before it."""
    heard = {*reported, ANSWERS[answer]} if answered else set(reported)
    return next(state for state in (State.FAILED, State.SUCCEEDED, State.PENDING, State.UNKNOWN) if state in heard)


def test_a_report_that_arrives_during_the_call_wins_over_the_answer(scene):
    remedy = scene.approved()
    scene.ledger.on_send = lambda _: scene.report(remedy, State.SUCCEEDED)
    assert scene.send().errors == []
    assert scene.look(remedy).state is State.SUCCEEDED
    assert scene.incident(remedy).outcome is Outcome.REFUNDED
    assert scene.notices(Topic.CUSTOMER_REFUNDED) == 1
