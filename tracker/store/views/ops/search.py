"""What the console's search finds: parcels by their number, their order or the reference of their incident."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.events import Stage
from tracker.domain.incidents import Kind, State
from tracker.store.incidents import Incident
from tracker.store.shipments import Channel, Order, Shipment

MOST: Final = 50


class Hit(NamedTuple):
    """A parcel, with its incident where it has or had one."""

    number: str
    carrier: str
    order_number: str
    stage: Stage
    last_event_at: datetime | None
    ref: str | None
    kind: Kind | None
    state: State | None


def search(session: Session, words: str) -> Sequence[Hit]:
    """Parcels that are called so, those with an open incident first, then the newest; one statement by index.

    A reference may be written without its letter and zeros, a number with spaces.
    """
    said = words.strip()
    spelled = {said, said.upper(), "".join(said.split()).upper()}
    refs = {f"I{int(one):06d}" for one in spelled if one.isascii() and one.isdigit() and len(one) <= 9} | spelled
    channels = sa.select(Channel.id)
    ids = sa.union(
        sa.select(Incident.shipment_id.label("id")).where(Incident.ref.in_(refs)),
        sa.select(Shipment.id).where(Shipment.number.in_(spelled)),
        sa.select(Shipment.id)
        .join(Order, Order.id == Shipment.order_id)
        .where(Order.channel_id.in_(channels), Order.number.in_(spelled)),
    ).subquery()
    told = (Shipment.number, Shipment.carrier, Order.number, Shipment.stage, Shipment.last_event_at)
    query = (
        sa.select(*told, Incident.ref, Incident.kind, Incident.state)
        .join(ids, ids.c.id == Shipment.id)
        .join(Order, Order.id == Shipment.order_id)
        .outerjoin(Incident, Incident.shipment_id == Shipment.id)
        .order_by(sa.case((Incident.state == State.OPEN, 0), else_=1), Shipment.id.desc(), Incident.id.desc())
    )
    return [Hit._make(row) for row in session.execute(query.limit(MOST))]
