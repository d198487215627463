"""Open tasks that no open incident shows: of a parcel without one, or of an incident that is resolved."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.store.incidents import Incident, Task, TaskKind
from tracker.store.shipments import Shipment
from tracker.store.views.ops.marks import AT, IS_OPEN, LAST, PAGE, Mark


class Loose(NamedTuple):
    """An open task that no open incident shows."""

    id: int
    kind: TaskKind
    due_at: datetime
    reason: str
    number: str
    carrier: str
    ref: str | None


def loose() -> sa.Select[int, TaskKind, datetime, str, str, str, str]:
    """Open tasks that no open incident shows: of a shipment without one, or of an incident that is resolved."""
    parcel = sa.func.coalesce(Task.shipment_id, Incident.shipment_id)
    has_open = sa.exists().where(Incident.shipment_id == Task.shipment_id, Incident.state == IS_OPEN)
    return (
        sa.select(Task.id, Task.kind, Task.due_at, Task.reason, Shipment.number, Shipment.carrier, Incident.ref)
        .outerjoin(Incident, Incident.id == Task.incident_id)
        .join(Shipment, Shipment.id == parcel)
        .where(
            Task.state == IS_OPEN, sa.or_(Incident.id.is_(None), Incident.state != IS_OPEN), ~has_open.correlate(Task)
        )
    )


def loose_after(session: Session, after: Mark | None, limit: int = PAGE) -> tuple[list[Loose], Mark | None]:
    """A page of the loose tasks by their due time, and where the next page begins; one statement."""
    query = loose().order_by(Task.due_at, Task.id).limit(limit + 1)
    if after is not None:
        query = query.where(sa.tuple_(Task.due_at, Task.id) > sa.tuple_(AT, LAST))
    values = {"at": after.due_at, "last": after.id} if after is not None else {}
    found = [Loose._make(row) for row in session.execute(query, values)]
    shown = found[:limit]
    return shown, Mark(shown[-1].due_at, shown[-1].id) if len(found) > limit else None
