"""What the REST API and the command line read: shipments, incidents with the state of what hangs below, timelines."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from tracker.domain.events import GRAVITY, Event, Stage
from tracker.domain.incidents import State
from tracker.domain.promises import Action
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import State as RefundState
from tracker.store.depots import Depot
from tracker.store.incidents import Contact, Incident, Task, TaskState, Timeline
from tracker.store.promises import Promise, PromiseVersion
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow, Order, Shipment


class Line(NamedTuple):
    """One incident of the queue, with the state of the newest promise that others owe and of the newest refund."""

    incident: Incident
    promise_state: PromiseState | None
    refund_state: RefundState | None


class Case(NamedTuple):
    """An incident with everything below it, oldest first."""

    line: Line
    promises: Sequence[Promise]
    versions: Sequence[PromiseVersion]
    remedies: Sequence[Remedy]
    tasks: Sequence[Task]
    contacts: Sequence[Contact]


def shipments(
    session: Session,
    *,
    number: str | None = None,
    carrier: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Sequence[Shipment]:
    """Shipments with their order and depot, the newest first, those with a smaller id than `before`; one statement."""
    query = sa.select(Shipment).options(*_with_order()).order_by(Shipment.id.desc()).limit(limit)
    if number is not None:
        query = query.where(Shipment.number == number)
    if carrier is not None:
        query = query.where(Shipment.carrier == carrier)
    if before is not None:
        query = query.where(Shipment.id < before)
    return session.scalars(query).all()


def shipment(session: Session, shipment_id: int) -> Shipment | None:
    """One shipment with its order and depot; one statement."""
    return session.scalars(sa.select(Shipment).options(*_with_order()).where(Shipment.id == shipment_id)).one_or_none()


def _with_order() -> tuple[sa.orm.interfaces.ORMOption, ...]:
    order = joinedload(Shipment.order)
    return order.joinedload(Order.channel), order.joinedload(Order.customer), joinedload(Shipment.depot)


def open_refs(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The references of the open incidents of these shipments; one statement."""
    rows = session.execute(
        sa.select(Incident.shipment_id, Incident.ref).where(Incident.shipment_id.in_(ids), Incident.state == State.OPEN)
    )
    return {row.shipment_id: row.ref for row in rows}


def events(session: Session, shipment: Shipment) -> Iterator[tuple[Event, Stage]]:
    """The shipment's scans in their order, each with the stage that the parcel was in; one statement."""
    rows = session.scalars(sa.select(EventRow).where(EventRow.shipment_id == shipment.id)).all()
    stage = Stage.UNKNOWN
    for row in sorted(rows, key=lambda row: (row.occurred_at, GRAVITY[row.exception], row.identity)):
        stage = row.stage or stage
        yield _event(shipment.number, row), stage


def _event(number: str, row: EventRow) -> Event:
    return Event(
        number=number,
        occurred_at=row.occurred_at,
        tz_known=row.tz_known,
        raw_code=row.raw_code,
        raw_text=row.raw_text,
        raw_time=row.raw_time,
        stage=row.stage,
        exception=row.exception,
        direction=row.direction,
        handover_to=row.handover_to,
        location=row.location,
        depot=row.depot,
        source=row.source,
        piece=row.piece,
    )


def queue(session: Session, *, overdue_at: datetime | None = None, limit: int | None = None) -> Sequence[Line]:
    """Open incidents by what is due next; only those due by `overdue_at` where that is given; one statement."""
    query = _lines().where(Incident.state == State.OPEN).order_by(Incident.next_due_at.nulls_last(), Incident.id)
    if overdue_at is not None:
        query = query.where(Incident.next_due_at <= overdue_at)
    return [Line._make(row) for row in session.execute(query.limit(limit))]


def incidents(
    session: Session,
    *,
    state: State | None = None,
    overdue_at: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Sequence[Line]:
    """Incidents, the newest first, those with a smaller id than `before`; one statement."""
    query = _lines().order_by(Incident.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Incident.state == state)
    if overdue_at is not None:
        query = query.where(Incident.state == State.OPEN, Incident.next_due_at <= overdue_at)
    if before is not None:
        query = query.where(Incident.id < before)
    return [Line._make(row) for row in session.execute(query)]


def _lines() -> sa.Select[tuple[Incident, PromiseState | None, RefundState | None]]:
    """Our own announced refund is a promise too, but the refund's state tells of it."""
    promise = (
        sa.select(Promise.state)
        .where(Promise.incident_id == Incident.id, Promise.action != Action.REFUND)
        .order_by(Promise.id.desc())
        .limit(1)
        .correlate(Incident)
        .scalar_subquery()
    )
    refund = (
        sa.select(Remedy.state)
        .where(Remedy.incident_id == Incident.id)
        .order_by(Remedy.seq.desc())
        .limit(1)
        .correlate(Incident)
        .scalar_subquery()
    )
    return sa.select(Incident, promise, refund).options(joinedload(Incident.shipment))


def case(session: Session, ref: str) -> Case | None:
    """The incident with that reference and what hangs below it; six statements."""
    row = session.execute(_lines().where(Incident.ref == ref.strip().upper())).one_or_none()
    if row is None:
        return None
    line = Line._make(row)
    below = line.incident.id
    return Case(
        line,
        session.scalars(sa.select(Promise).where(Promise.incident_id == below).order_by(Promise.id)).all(),
        session.scalars(
            sa.select(PromiseVersion)
            .join(Promise, Promise.id == PromiseVersion.promise_id)
            .where(Promise.incident_id == below)
            .order_by(PromiseVersion.promise_id, PromiseVersion.version)
        ).all(),
        session.scalars(sa.select(Remedy).where(Remedy.incident_id == below).order_by(Remedy.seq)).all(),
        session.scalars(
            sa.select(Task).where(Task.incident_id == below, Task.state == TaskState.OPEN).order_by(Task.id)
        ).all(),
        session.scalars(sa.select(Contact).where(Contact.incident_id == below).order_by(Contact.at, Contact.id)).all(),
    )


def timeline(
    session: Session, incident: Incident, *, after: int | None = None, limit: int | None = None
) -> Sequence[Timeline]:
    """An incident's story in the order in which it was written down, from the entry after the id `after`."""
    query = sa.select(Timeline).where(Timeline.incident_id == incident.id).order_by(Timeline.id).limit(limit)
    if after is not None:
        query = query.where(Timeline.id > after)
    return session.scalars(query).all()


def depots(
    session: Session, *, carrier: str | None = None, after: int | None = None, limit: int | None = None
) -> Sequence[Depot]:
    """Depots and desks, those with a larger id than `after`; one statement."""
    query = sa.select(Depot).order_by(Depot.id).limit(limit)
    if carrier is not None:
        query = query.where(Depot.carrier == carrier)
    if after is not None:
        query = query.where(Depot.id > after)
    return session.scalars(query).all()
