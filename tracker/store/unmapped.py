"""The codes of carriers that no table knows, counted: the queue of whoever keeps the tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.events import ExceptionCode
from tracker.store.shipments import EventRow, Shipment


class Unmapped(NamedTuple):
    """A code never seen before, how many events carry it, one of their texts, and when it last came."""

    raw_code: str
    events: int
    raw_text: str
    last_at: datetime


def of(session: Session, carrier: str) -> Sequence[Unmapped]:
    """A carrier's unmapped codes, the most frequent first."""
    count = sa.func.count()
    rows = session.execute(
        sa.select(EventRow.raw_code, count, sa.func.max(EventRow.raw_text), sa.func.max(EventRow.occurred_at))
        .join(Shipment, Shipment.id == EventRow.shipment_id)
        .where(Shipment.carrier == carrier, EventRow.exception == ExceptionCode.UNMAPPED)
        .group_by(EventRow.raw_code)
        .order_by(count.desc(), EventRow.raw_code)
    )
    return [Unmapped(*row) for row in rows]
