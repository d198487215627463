"""One incident as an agent needs it for a call: the people, the parcel, what is owed and all that was said."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from tracker.store.depots import DESK, Depot
from tracker.store.incidents import Contact, Incident, Task, TaskState, Timeline
from tracker.store.people import User
from tracker.store.promises import Promise, PromiseVersion
from tracker.store.refunds import Remedy
from tracker.store.shipments import Channel, Customer, EventRow, Order, Shipment

MOST = 200
"""The newest entries of the story, and the newest scans, that the page shows."""


class Case(NamedTuple):
    """An incident and what hangs on it; promises and refunds oldest first, story, scans and contacts newest first."""

    incident: Incident
    shipment: Shipment
    order: Order
    customer: Customer
    channel: Channel
    depot: Depot | None
    desk: Depot | None
    promises: Sequence[tuple[Promise, PromiseVersion]]
    remedies: Sequence[Remedy]
    tasks: Sequence[Task]
    contacts: Sequence[tuple[Contact, str | None]]
    """Each with the name of the colleague who logged it."""
    story: Sequence[Timeline]
    scans: Sequence[EventRow]


def case(session: Session, ref: str) -> Case | None:
    """The incident with that reference; seven statements."""
    head = session.execute(_head().where(Incident.ref == ref.strip().upper())).one_or_none()
    if head is None:
        return None
    incident, shipment, order, customer, channel, depot, office = head
    mine = Incident.id == incident.id
    return Case(
        incident,
        shipment,
        order,
        customer,
        channel,
        depot,
        office,
        promises=_promises(session, incident),
        remedies=session.scalars(sa.select(Remedy).where(Remedy.incident_id == incident.id).order_by(Remedy.seq)).all(),
        tasks=_tasks(session, incident),
        contacts=_contacts(session, incident),
        story=session.scalars(
            sa.select(Timeline)
            .join(Incident, Incident.id == Timeline.incident_id)
            .where(mine)
            .order_by(Timeline.id.desc())
            .limit(MOST)
        ).all(),
        scans=session.scalars(
            sa.select(EventRow)
            .where(EventRow.shipment_id == shipment.id)
            .order_by(EventRow.occurred_at.desc(), EventRow.id.desc())
            .limit(MOST)
        ).all(),
    )


def _head() -> sa.Select[Incident, Shipment, Order, Customer, Channel, Depot, Depot]:
    desk = aliased(Depot)
    return (
        sa.select(Incident, Shipment, Order, Customer, Channel, Depot, desk)
        .join(Shipment, Shipment.id == Incident.shipment_id)
        .join(Order, Order.id == Shipment.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Channel, Channel.id == Order.channel_id)
        .outerjoin(Depot, Depot.id == Shipment.depot_id)
        .outerjoin(desk, sa.and_(desk.carrier == Shipment.carrier, desk.code == DESK))
    )


def _promises(session: Session, incident: Incident) -> list[tuple[Promise, PromiseVersion]]:
    """Each promise with the version that counts, which says why it is due then."""
    counts = sa.and_(PromiseVersion.promise_id == Promise.id, PromiseVersion.version == Promise.version)
    found = session.execute(
        sa.select(Promise, PromiseVersion)
        .join(PromiseVersion, counts)
        .where(Promise.incident_id == incident.id)
        .order_by(Promise.id)
    )
    return [(promise, version) for promise, version in found]


def _tasks(session: Session, incident: Incident) -> Sequence[Task]:
    mine = sa.or_(Task.incident_id == incident.id, Task.shipment_id == incident.shipment_id)
    return session.scalars(
        sa.select(Task).where(mine, Task.state == TaskState.OPEN).order_by(Task.due_at, Task.id)
    ).all()


def _contacts(session: Session, incident: Incident) -> list[tuple[Contact, str | None]]:
    found = session.execute(
        sa.select(Contact, sa.func.coalesce(sa.func.nullif(User.name, ""), User.email))
        .outerjoin(User, sa.cast(User.id, sa.String) == Contact.logged_by)
        .where(Contact.incident_id == incident.id)
        .order_by(Contact.at.desc(), Contact.id.desc())
    )
    return [(contact, name) for contact, name in found]


def logged_already(session: Session, incident: Incident, at: datetime, channel: str, person: str, outcome: str) -> bool:
    """Whether the same contact stands there already: a form that was sent twice."""
    same = (Contact.at == at, Contact.channel == channel, Contact.person == person, Contact.outcome == outcome)
    found = sa.select(Contact.id).where(Contact.incident_id == incident.id, *same).limit(1)
    return session.scalars(found).first() is not None
