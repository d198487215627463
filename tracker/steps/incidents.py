"""Findings become incidents: opened, moved to another kind, or eased when the trouble is gone."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain import incidents as rules
from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import Kind, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action
from tracker.steps import Tools, base
from tracker.store import audit, closing, due, incidents, outbox, promises, refunds
from tracker.store.incidents import Finding, Incident, SaidBy, TaskKind
from tracker.store.shipments import Shipment

ACTOR = audit.Actor(audit.ActorKind.JOB, via="incidents")
AT_THE_DOOR = {
    ExceptionCode.DAMAGED_DELIVERED,
    ExceptionCode.DELIVERED_NOT_RECEIVED,
    ExceptionCode.MISSING_PIECES,
}
"""What goes wrong with a parcel that was delivered; any other trouble has arrived with it, as damage."""


def attend(tools: Tools, now: datetime) -> due.Tally:
    """Attend to every finding that waits: each opens or changes its shipment's one incident."""
    return due.each(
        tools.store, Finding, lambda session, finding: _attend(session, tools, finding, now), now, owner=tools.owner
    )


def _attend(session: Session, tools: Tools, finding: Finding, now: datetime) -> None:
    incident = incidents.open_one(session, finding.shipment_id)
    if incident is not None:
        incidents.hold(session, incident)
        incident = incident if incident.state is State.OPEN else None
    if finding.kind is ExceptionCode.CONTRADICTION:
        _flag_reappeared(session, tools, finding, now)
    elif _is_news(finding, incident):
        _open_or_move(session, tools, finding, incident, now)
    elif incident is not None:
        _ease(session, tools, incident, now)


def _is_news(finding: Finding, incident: Incident | None) -> bool:
    """Whether the finding opens or moves an incident: it holds, and an arrival has not made an end of it."""
    if finding.cleared_at is not None:
        return False
    if not _over(finding.shipment):
        return True
    if incident is None:
        return finding.incident_id is None and finding.shipment.stage is Stage.DELIVERED
    return finding.kind in AT_THE_DOOR and not rules.is_loss(incident.kind)


def _over(shipment: Shipment) -> bool:
    return shipment.stage in {Stage.DELIVERED, Stage.RETURNED}


def _open_or_move(session: Session, tools: Tools, finding: Finding, incident: Incident | None, now: datetime) -> None:
    as_told = finding.kind in AT_THE_DOOR or not _over(finding.shipment)
    kind = rules.OPENS[finding.kind] if as_told else Kind.DAMAGED_DELIVERED
    if incident is None:
        last = incidents.last_one(session, finding.shipment_id)
        if last is not None and last.outcome is Outcome.REFUNDED:
            finding.incident_id = last.id
            incidents.tell(session, last, now, SaidBy.CARRIER, "finding", kind=str(kind))
            return
        incident = _open(session, tools, finding.shipment, kind, now) if last is None else last
        if last is not None:
            base.reopen(session, tools, last, kind, now, ACTOR)
    elif not _move(session, incident, kind, now):
        finding.incident_id = incident.id
        return
    finding.incident_id = incident.id
    _set_going(session, tools, incident, now)


def _open(session: Session, tools: Tools, shipment: Shipment, kind: Kind, now: datetime) -> Incident:
    incident = Incident(
        ref=f"I{shipment.id:06d}",
        shipment_id=shipment.id,
        kind=kind,
        policy_id=incidents.pinned(session, tools.policy).id,
        opened_at=now,
    )
    audit.change(session, incident, now, ACTOR, "incident_opened")
    said_by = SaidBy.INFERRED if kind in {Kind.STALLED, Kind.OVERDUE} else SaidBy.CARRIER
    incidents.tell(session, incident, now, said_by, "incident_opened", kind=str(kind), number=shipment.number)
    return incident


def _move(session: Session, incident: Incident, kind: Kind, now: datetime) -> bool:
    news = rules.moved(incident.kind, kind)
    if news is incident.kind:
        return False
    audit.change(session, incident, now, ACTOR, "kind_moved", kind=news)
    incidents.tell(session, incident, now, SaidBy.CARRIER, "kind_moved", kind=str(news))
    return True


def _set_going(session: Session, tools: Tools, incident: Incident, now: datetime) -> None:
    """Give the incident what it must always have: somebody who owes something by a date."""
    base.ask_the_carrier(session, tools, incident, now, ACTOR)
    policy = incidents.policy_of(incident)
    if rules.is_loss(incident.kind):
        base.withdraw_delivery(session, incident, now, ACTOR, f"now {incident.kind}")
    if cause := rules.CAUSE_OF.get(incident.kind):
        base.know_cause(session, tools, incident, cause, now, ACTOR)
    elif rules.is_loss(incident.kind):
        announced = hours.end_of_working_day(tools.staff_hours, now, policy.refund_working_days)
        closing.move_remedy(session, incident, now, ACTOR, announced.at, "announced when opened", announced.trace)
    elif incident.kind in {Kind.DAMAGED_DELIVERED, Kind.DELIVERED_NOT_RECEIVED}:
        _ask_a_person(session, tools, incident, now, f"{incident.kind}: look at the photos or the proof of delivery")
    base.tell_customer(session, incident, Topic.CUSTOMER_OPENED, f"opened:{incident.kind}", now)


def _ask_a_person(session: Session, tools: Tools, incident: Incident, now: datetime, reason: str) -> None:
    due_at = hours.end_of_working_day(tools.staff_hours, now, 1).at
    incidents.add_task(session, incident, TaskKind.DECIDE, now, due_at, reason)
    base.next_due(session, incident)


def _ease(session: Session, tools: Tools, incident: Incident, now: datetime) -> None:
    """The trouble is gone, or the parcel has arrived: end the incident, or say what is left to settle."""
    shipment = incident.shipment
    left = _open_findings(session, shipment.id)
    if shipment.stage is Stage.RETURNED and _money_is_owed(session, incident):
        _ask_a_person(session, tools, incident, now, "scanned as returned: take it in, the refund goes on")
    elif _over(shipment) and not left:
        outcome = Outcome.DELIVERED if shipment.stage is Stage.DELIVERED else Outcome.RETURNED
        base.keep_deliveries(session, incident, now, ACTOR)
        closing.resolve(session, incident, now, ACTOR, outcome, "the carrier says so")
    elif _over(shipment):
        _arrived_damaged(session, tools, incident, now)
    elif not left and incident.kind in {Kind.STALLED, Kind.OVERDUE, Kind.MISSING_PIECES, Kind.UNDER_INVESTIGATION}:
        closing.resolve(session, incident, now, ACTOR, Outcome.MOVING, "scanned again")
    elif not left and _move(session, incident, Kind.FOUND, now):
        base.promise_delivery(session, tools, incident, now, ACTOR)


def _money_is_owed(session: Session, incident: Incident) -> bool:
    """Whether a refund is announced or on its way: a return stops it when it is taken in, not when it is scanned."""
    announced = promises.open_promise(session, incident.id, Action.REFUND) is not None
    return announced or refunds.live_one(session, incident.id) is not None


def _arrived_damaged(session: Session, tools: Tools, incident: Incident, now: datetime) -> None:
    if incident.kind is Kind.DAMAGED_DELIVERED:
        return
    _move(session, incident, Kind.DAMAGED_DELIVERED, now)
    closing.withdraw_remedy(session, incident, now, ACTOR, "delivered although reported as damaged or lost")
    _ask_a_person(session, tools, incident, now, "delivered although reported as damaged or lost: ask the customer")


def _open_findings(session: Session, shipment_id: int) -> bool:
    return bool(
        session.scalar(
            sa.select(Finding.id)
            .where(
                Finding.shipment_id == shipment_id,
                Finding.cleared_at.is_(None),
                Finding.kind != ExceptionCode.CONTRADICTION,
            )
            .limit(1)
        )
    )


def _flag_reappeared(session: Session, tools: Tools, finding: Finding, now: datetime) -> None:
    """A refunded parcel is scanned again: people are told, and nothing happens by itself."""
    incident = incidents.last_one(session, finding.shipment_id)
    if incident is None:
        return
    finding.incident_id = incident.id
    due_at = hours.end_of_working_day(tools.staff_hours, now, 1).at
    incidents.add_task(session, incident, TaskKind.REAPPEARED, now, due_at, "scanned again after its refund")
    base.next_due(session, incident)
    incidents.tell(session, incident, now, SaidBy.CARRIER, "reappeared")
    outbox.put(
        session,
        Topic.STAFF_REAPPEARED,
        f"incident:{incident.id}:ep{incident.episode}:reappeared:{finding.id}",
        now,
        recipient="staff",
        incident_id=incident.id,
        shipment_id=incident.shipment_id,
        version=incident.episode,
    )
