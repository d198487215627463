"""What the depot's link shows: one incident, what is asked and what was answered, in three statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.incidents import State
from tracker.domain.promises import FAILED, OPEN, Action, Party
from tracker.store import links
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, Timeline
from tracker.store.links import Link, Purpose
from tracker.store.promises import Promise
from tracker.store.shipments import Customer, Order, Shipment

LIVE: Final = OPEN | FAILED


@dataclass(frozen=True)
class Asked:
    """What a depot is asked: the parcel, what it owes (oldest first), and its answers so far (newest first).

    `phone` is the customer's, and only there while a call is owed.
    """

    link: Link
    incident: Incident
    shipment: Shipment
    depot: Depot | None
    owed: Sequence[Promise]
    answers: Sequence[Timeline]
    phone: str | None

    @property
    def call(self) -> Promise | None:
        """The call that is owed to the customer."""
        return next((promise for promise in self.owed if promise.action is Action.CALL), None)


@dataclass(frozen=True)
class Ended:
    """A depot's link whose time is over: whose it was, and whether the incident has been settled."""

    depot: Depot | None
    settled: bool


def asked(session: Session, token: str, now: datetime) -> Asked | Ended | None:
    """What stands behind a depot's link: the question, or that it has ended; None for a link that is unknown."""
    head = session.execute(_head().where(*links.named(token, Purpose.DEPOT))).one_or_none()
    if head is None:
        return None
    link, incident, shipment, depot, phone = head
    if incident.state is not State.OPEN or link.revoked_at is not None or now >= link.expires_at:
        return Ended(depot, incident.state is not State.OPEN)
    owed = _owed(session, incident)
    calls = any(promise.action is Action.CALL for promise in owed)
    return Asked(link, incident, shipment, depot, owed, _answers(session, incident), phone if calls else None)


def _head() -> sa.Select[Link, Incident, Shipment, Depot | None, str | None]:
    return (
        sa.select(Link, Incident, Shipment, Depot, Customer.phone)
        .join(Incident, Incident.id == Link.incident_id)
        .join(Shipment, Shipment.id == Incident.shipment_id)
        .join(Order, Order.id == Shipment.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(Depot, Depot.id == Link.depot_id)
    )


def _owed(session: Session, incident: Incident) -> Sequence[Promise]:
    return session.scalars(
        sa.select(Promise)
        .where(
            Promise.incident_id == incident.id,
            Promise.episode == incident.episode,
            Promise.performer != Party.MERCHANT,
            Promise.state.in_(LIVE),
        )
        .order_by(Promise.due_at, Promise.id)
    ).all()


def _answers(session: Session, incident: Incident) -> Sequence[Timeline]:
    return session.scalars(
        sa.select(Timeline)
        .where(
            Timeline.incident_id == incident.id,
            Timeline.kind == "depot_answered",
            Timeline.at >= incident.opened_at,
        )
        .order_by(Timeline.id.desc())
        .limit(5)
    ).all()
