"""The broken desk, minute by minute, on both databases: from SEUR's feed to a refund that is paid once."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import Cause, Kind, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, DueSource, Party
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import State as RefundState
from tracker.simulator import trace
from tracker.simulator.scenarios import play
from tracker.simulator.scenarios.stage import on
from tracker.store.audit import Audit
from tracker.store.incidents import Contact, Incident
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow, Order, Shipment

MADRID = ZoneInfo("Europe/Madrid")
LAST_POLL_BY = on(11, 9, 52)
"""Two hours and a tenth after the news: the longest that a calm parcel waits for its next poll."""

# when (None: with the poll that brings the news), what, who, and what the line says besides
ROAD = [
    (on(5, 10, 20), "event", "seur", "SX010"),
    (on(6, 19, 5), "event", "seur", "SX001"),
    (on(7, 5, 10), "event", "seur", "LI428"),
    (on(11, 7, 40), "event", "seur", "LK560 Siniestro -> damaged_or_lost"),
    (None, "incident_opened", "carrier", "damaged_or_lost"),
    (None, "promise_made", "tracker", "performer depot, beneficiary merchant, action answer, due Thu 12 Nov 19:00"),
    (None, "promise_made", "tracker", "action refund, due Mon 16 Nov 18:00, due_source assumed"),
    (None, "notice_sent", "SEUR Badajoz", "depot_question"),
    (None, "notice_sent", "customer", "customer_opened"),
    (
        on(11, 11),
        "promise_made",
        "tracker",
        "customer, action call, due Thu 12 Nov 14:00, due_source agreed",
    ),
    (on(12, 12), "promise_nudged", "SEUR Badajoz", "depot_nudge"),
    (on(12, 14), "promise_asked", "customer", "customer_asked"),
    (on(12, 14, 20), "promise_broken", "customer", "the customer said no, performer depot, action call"),
    (on(12, 16), "reminded", "SEUR Badajoz", "depot_reminder"),
    (on(12, 17), "promise_nudged", "SEUR Badajoz", "depot_nudge"),
    (on(12, 19), "promise_broken", "tracker", "nothing heard by the due time, performer depot, action answer"),
    (on(13, 10), "escalated", "manager SEUR Badajoz", "manager_escalation"),
    (on(13, 14, 20), "escalated", "SEUR atención al cliente", "desk_escalation"),
    (on(13, 17, 30), "event", "depot", "broken -> damaged"),
    (on(13, 17, 30), "promise_kept", "depot", "action answer (kept_late)"),
    (on(13, 17, 30), "cause_known", "depot", "cause broken"),
    (on(13, 17, 30), "refund_requested", "tracker", "I000001-refund-1, currency EUR, amount 180.00"),
    (on(13, 17, 30), "promise_kept", "tracker", "performer merchant, action refund"),
    (on(13, 17, 30), "notice_sent", "customer", "customer_refund_requested"),
    (on(13, 20, 30), "refund_succeeded", "tracker", "I000001-refund-1"),
    (on(13, 20, 30), "resolved", "tracker", "outcome refunded"),
    (on(13, 20, 30), "notice_sent", "customer", "customer_refunded"),
    (on(15, 20, 30), "followup_asked", "customer", "customer_followup"),
]


@pytest.fixture
def world(store_url):
    """The whole story, played to its end."""
    return play("broken-desk", store_url)


def test_the_broken_desk_ends_in_one_paid_refund_each_step_at_its_minute(world):
    with world.scene.tools.store.read() as session:
        lines = trace.log(session)
        _each_step_at_its_minute(lines)
        _the_incident_ends_refunded(session)
        _each_promise_has_its_own_end(session)
        _the_money_moves_once(session, world)
        _the_call_is_on_file(session)
        _everything_that_changed_is_in_the_audit_trail(session)
    _everybody_got_the_link_that_they_need(world)


def _each_step_at_its_minute(lines):
    opened_at = next(line.at for line in lines if line.what == "incident_opened")
    assert on(11, 7, 40) < opened_at <= LAST_POLL_BY
    told = [(line.at, line.what, line.who) for line in lines]
    assert told == [(at or opened_at, what, who) for at, what, who, _ in ROAD]
    for line, (*_, detail) in zip(lines, ROAD, strict=True):
        assert detail in line.detail


def _the_incident_ends_refunded(session):
    incident = session.scalars(sa.select(Incident)).one()
    assert (incident.state, incident.outcome, incident.kind) == (State.RESOLVED, Outcome.REFUNDED, Kind.DAMAGED)
    assert (incident.cause, incident.level, incident.episode) == (Cause.BROKEN, 3, 1)
    assert (incident.remedy_at, incident.next_due_at, incident.wake_at) == (None, None, None)
    shipment = session.scalars(sa.select(Shipment)).one()
    assert (shipment.exception, shipment.weight_g) == (ExceptionCode.DAMAGED_OR_LOST, 30_000)
    assert session.scalar(sa.select(sa.func.count()).select_from(EventRow)) == 5


def _each_promise_has_its_own_end(session):
    rows = {row.action: row for row in session.scalars(sa.select(Promise))}
    ends = {action: (row.performer, row.due_source, row.state) for action, row in rows.items()}
    assert ends == {
        Action.ANSWER: (Party.DEPOT, DueSource.ASSUMED, PromiseState.KEPT_LATE),
        Action.CALL: (Party.DEPOT, DueSource.AGREED, PromiseState.BROKEN),
        Action.REFUND: (Party.MERCHANT, DueSource.ASSUMED, PromiseState.KEPT),
    }
    assert rows[Action.CALL].asked_at == on(12, 14)


def _the_money_moves_once(session, world):
    remedy = session.scalars(sa.select(Remedy)).one()
    assert remedy.state is RefundState.SUCCEEDED
    assert remedy.requested_at - on(13, 17, 30) <= timedelta(minutes=30)
    assert (remedy.sends, remedy.amount_minor, remedy.currency) == (1, 18_000, "EUR")
    (entry,) = world.provider.ledger.values()
    assert (entry.refund_id, entry.order, entry.amount, entry.status, entry.asked) == (
        remedy.key, "A-2026-1105", "180.00", "succeeded", 1,
    )  # fmt: skip
    order = session.scalars(sa.select(Order)).one()
    assert (order.paid_minor, order.reserved_minor) == (18_000, 18_000)


def _the_call_is_on_file(session):
    contact = session.scalars(sa.select(Contact)).one()
    assert contact.at == on(11, 11)
    assert all((contact.person, contact.reference, contact.reason, contact.outcome))


def _everything_that_changed_is_in_the_audit_trail(session):
    actions = session.scalars(sa.select(Audit.action).order_by(Audit.id)).all()
    once = {"incident_opened", "cause_known", "refund_requested", "refund_approved", "refund_succeeded", "resolved"}
    assert {action: actions.count(action) for action in once} == dict.fromkeys(once, 1)
    assert actions.count("escalated") == 3


def _everybody_got_the_link_that_they_need(world):
    asked = [letter for letter in world.letters if letter.topic in {Topic.DEPOT_QUESTION, Topic.CUSTOMER_ASKED}]
    assert [letter.to for letter in asked] == ["office.06@seur.example", "lucia@mail.example"]
    assert all(letter.token for letter in asked)
