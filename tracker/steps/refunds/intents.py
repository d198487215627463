"""What every part of the refund step does with an intent: store it, end it unsent, stop it before a person."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain import incidents as incident_rules
from tracker.domain import refunds as rules
from tracker.domain.events import Stage
from tracker.domain.notices import Topic
from tracker.domain.promises import Action
from tracker.domain.refunds import State, Trigger
from tracker.steps import Tools
from tracker.store import audit, incidents, outbox, promises, refunds, wake
from tracker.store.incidents import Incident, SaidBy, Task, TaskKind, TaskState
from tracker.store.refunds import Remedy

RULE: Final = audit.Actor(audit.ActorKind.JOB, via="refunds")
_ENDED: Final = {State.FAILED: "failed", State.CANCELLED: "was cancelled"}
ARRIVED: Final = frozenset({Stage.DELIVERED})
"""A return stops a refund when it is taken in, not at a scan."""


def by(actor: audit.Actor) -> str:
    """Who did it, as an intent keeps it: two people must be told apart."""
    return refunds.BY_RULE if actor.kind is audit.ActorKind.JOB else f"{actor.kind}:{actor.id}"


def said_by(actor: audit.Actor) -> SaidBy:
    """Whose word the timeline shows."""
    staff = {audit.ActorKind.STAFF, audit.ActorKind.API, audit.ActorKind.CLI}
    return SaidBy.STAFF if actor.kind in staff else SaidBy.TRACKER


def request(
    session: Session, incident: Incident, amount_minor: int, now: datetime, actor: audit.Actor
) -> Remedy | None:
    """Store an intent with its money set aside; None when the order has less than that left."""
    order = incident.shipment.order
    if not refunds.reserve(session, order.id, amount_minor):
        return None
    seq = refunds.next_seq(session, incident.id)
    remedy = Remedy(
        incident_id=incident.id,
        order_id=order.id,
        seq=seq,
        key=rules.key(incident.ref, seq),
        amount_minor=amount_minor,
        currency=order.currency,
        reason=str(incident.cause or incident.kind),
        provider=order.channel.refund_provider,
        requested_at=now,
        requested_by=by(actor),
    )
    audit.change(session, remedy, now, actor, "refund_requested")
    tell(session, remedy, now, actor, "refund_requested", amount_minor=amount_minor, currency=order.currency)
    return remedy


def end_unsent(session: Session, remedy: Remedy, now: datetime, actor: audit.Actor, why: str) -> None:
    """Cancel an intent before it was ever sent and free its money.  Raises IllegalMove later than that."""
    state = rules.after(remedy.state, State.CANCELLED)
    audit.change(session, remedy, now, actor, "refund_cancelled", state=state, settled_at=now, detail=why[:300])
    refunds.give_back(session, remedy.order_id, remedy.amount_minor)
    wake.quiet(session, Remedy, Remedy.id == remedy.id)
    incidents.close_tasks(session, remedy.incident, now, [TaskKind.APPROVE])
    tell(session, remedy, now, actor, "refund_cancelled", why=why)
    promises.set_next_due(session, remedy.incident)


def stop(session: Session, tools: Tools, incident: Incident, kind: TaskKind, now: datetime, reason: str) -> None:
    """Give a person what the program must not decide; the same reason again is said only once."""
    due_at = hours.add(tools.staff_hours, now, timedelta(hours=tools.policy.approval_staff_hours)).at
    made = incidents.add_task(session, incident, kind, now, due_at, reason)
    if made is not None or _says_something_new(session, incident, kind, reason):
        incidents.tell(session, incident, now, SaidBy.TRACKER, "refund_stopped", reason=reason)
    promises.set_next_due(session, incident)


def _says_something_new(session: Session, incident: Incident, kind: TaskKind, reason: str) -> bool:
    """Whether the open task of that kind gives another reason; then it takes the newer one."""
    open_ones = sa.select(Task).where(Task.incident_id == incident.id, Task.kind == kind, Task.state == TaskState.OPEN)
    task = session.scalars(open_ones).one()
    if task.reason == reason[:300]:
        return False
    task.reason = reason[:300]
    return True


def ended(remedy: Remedy) -> str:
    """Why an intent came to nothing, as people read it in their task."""
    return f"refund {remedy.key} {_ENDED[remedy.state]}: {remedy.detail or 'no reason was given'}"


def objection(session: Session, remedy: Remedy, now: datetime, *, sending: bool = False) -> str | None:
    """Why an intent must not go on, judged by what is known now.

    When it is `sending`, a new announcement for a later day counts too: the customer chose to wait.
    """
    incident = remedy.incident
    announced = promises.open_promise(session, incident.id, Action.REFUND) if sending else None
    by_rule = remedy.requested_by == refunds.BY_RULE
    return rules.objection(trigger(incident, announced.due_at if announced else None, by_rule=by_rule), now)


def trigger(incident: Incident, announced_at: datetime | None = None, *, by_rule: bool) -> Trigger:
    """What a refund of this incident rests on, as it stands now."""
    return Trigger(
        kind=incident.kind,
        resolved=incident.state is incident_rules.State.RESOLVED,
        arrived=incident.shipment.stage in ARRIVED,
        announced_at=announced_at,
        by_rule=by_rule,
    )


def owed(session: Session, incident: Incident, *, judged: bool = False) -> rules.Owed:
    """What is owed for the incident's shipment, by the order as it is now."""
    shipment = incident.shipment
    order = shipment.order
    session.refresh(order)
    return rules.owed(
        incident.kind,
        shipment.value_minor,
        order.paid_minor,
        order.reserved_minor,
        cod=order.cod,
        alone=refunds.is_alone(session, order.id),
        judged=judged,
    )


def notify(session: Session, remedy: Remedy, topic: Topic, what: str, now: datetime) -> None:
    """Put a notice about an intent into the outbox, once."""
    outbox.put(
        session,
        topic,
        f"refund:{remedy.id}:{what}",
        now,
        recipient="staff" if topic is Topic.STAFF_APPROVAL else "customer",
        incident_id=remedy.incident_id,
        shipment_id=remedy.incident.shipment_id,
        remedy_id=remedy.id,
        version=remedy.incident.episode,
    )


def tell(session: Session, remedy: Remedy, now: datetime, actor: audit.Actor, what: str, **body: object) -> None:
    """Add an entry about an intent to the incident's story."""
    incidents.tell(session, remedy.incident, now, said_by(actor), what, refund=remedy.key, **body)


def capped(session: Session, tools: Tools, incident: Incident, now: datetime, *, waiting: bool) -> bool:
    """Whether the program has sent as many refunds by itself today as it may (the merchant's own day)."""
    midnight = now.astimezone(ZoneInfo(tools.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return refunds.by_rule_since(session, incident.policy, midnight, waiting=waiting) >= tools.policy.refunds_per_day


def grace(tools: Tools) -> timedelta:
    """How long after its time a refund that the program asks for by itself still counts as asked for in time."""
    return timedelta(minutes=tools.policy.cause_known_minutes)
