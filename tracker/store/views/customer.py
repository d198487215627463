"""What the customer's page shows: one shipment with its story, by link, in at most three statements."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.refunds import LIVE
from tracker.store import links
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, Timeline
from tracker.store.links import Link, Purpose
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Channel, Customer, EventRow, Order, Shipment

MOST_EVENTS = 100
"""The newest scans of a parcel that a page shows."""


@dataclass(frozen=True)
class Case:
    """One shipment as its recipient may see it; `events` come newest first, `promises` are the episode's, oldest first.

    `told` is what the customer answered to "all well?" in this episode, None before that.
    """

    link: Link
    shipment: Shipment
    order: Order
    customer: Customer
    channel: Channel
    depot: Depot | None
    incident: Incident | None
    remedy: Remedy | None
    told: dict[str, object] | None
    events: Sequence[EventRow]
    promises: Sequence[Promise]

    @property
    def personal(self) -> bool:
        """Whether the link was mailed to the contact on file, so that its bearer may see more and choose."""
        return self.link.purpose is Purpose.CUSTOMER


def case(session: Session, token: str, now: datetime, *purposes: Purpose) -> Case | None:
    """The case behind a link, three statements; None for a link that is unknown, revoked or expired."""
    head = session.execute(_head().where(*links.good(token, now, *purposes))).one_or_none()
    if head is None:
        return None
    link, shipment, order, customer, channel, depot, incident, remedy, told = head
    events = session.scalars(
        sa.select(EventRow)
        .where(EventRow.shipment_id == shipment.id)
        .order_by(EventRow.occurred_at.desc(), EventRow.id.desc())
        .limit(MOST_EVENTS)
    ).all()
    owed = _promises(session, incident) if incident is not None else ()
    return Case(link, shipment, order, customer, channel, depot, incident, remedy, told, events, owed)


Head = tuple[
    Link, Shipment, Order, Customer, Channel, Depot | None, Incident | None, Remedy | None, dict[str, object] | None
]


def _head() -> sa.Select[*Head]:
    newest = sa.select(sa.func.max(Incident.id)).where(Incident.shipment_id == Shipment.id).correlate(Shipment)
    told = (
        sa.select(Timeline.body)
        .where(
            Timeline.incident_id == Incident.id,
            Timeline.kind == "followup_answered",
            Timeline.at >= Incident.resolved_at,
        )
        .order_by(Timeline.id.desc())
        .limit(1)
        .correlate(Incident)
    )
    return (
        sa.select(Link, Shipment, Order, Customer, Channel, Depot, Incident, Remedy, told.scalar_subquery())
        .join(Shipment, Shipment.id == Link.shipment_id)
        .join(Order, Order.id == Shipment.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Channel, Channel.id == Order.channel_id)
        .outerjoin(Depot, Depot.id == Shipment.depot_id)
        .outerjoin(Incident, Incident.id == newest.scalar_subquery())
        .outerjoin(Remedy, sa.and_(Remedy.incident_id == Incident.id, Remedy.state.in_(LIVE)))
    )


def _promises(session: Session, incident: Incident) -> Sequence[Promise]:
    return session.scalars(
        sa.select(Promise)
        .where(Promise.incident_id == incident.id, Promise.episode == incident.episode)
        .order_by(Promise.id)
    ).all()


def matching(session: Session, numbers: Collection[str], postcodes: Collection[str]) -> Shipment | None:
    """The newest shipment with one of these numbers that goes to one of these postcodes (capitals, no spaces or signs).

    One statement that returns no row alike for an unknown number and for a wrong postcode.
    """
    plain = sa.func.upper(sa.func.replace(sa.func.replace(Shipment.postcode, " ", ""), "-", ""))
    return session.scalars(
        sa.select(Shipment)
        .where(Shipment.number.in_(numbers), plain.in_(postcodes), Shipment.postcode != "")
        .order_by(Shipment.epoch.desc(), Shipment.id.desc())
        .limit(1)
    ).one_or_none()
