"""The outbox: a notice is a row in the commit of its cause, and is handed over later, once."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from tracker.domain.notices import Topic
from tracker.store.base import Base, Id
from tracker.store.wake import Wake, wake_index


class NoticeState(StrEnum):
    """The life of a notice."""

    WAITING = "waiting"
    SENT = "sent"
    CANCELLED = "cancelled"
    """No longer wanted when its time came."""
    NOWHERE = "nowhere"
    """Nobody to send it to: a person was given a task instead."""


class Notice(Wake, Base):
    """A message to somebody.  It holds ids and no words: it is rendered from the state at the moment of sending."""

    __tablename__ = "outbox"
    id: Mapped[Id]
    topic: Mapped[Topic]
    incident_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incidents.id"), index=True)
    promise_id: Mapped[int | None] = mapped_column(sa.ForeignKey("promises.id"))
    shipment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shipments.id"))
    remedy_id: Mapped[int | None] = mapped_column(sa.ForeignKey("remedies.id"))
    version: Mapped[int] = mapped_column(default=1)
    """The promise's version or the incident's episode that the notice speaks of."""
    recipient: Mapped[str] = mapped_column(sa.String(64))
    """`customer`, `depot:ID`, `manager:ID`, `staff`: the address is looked up when it is sent."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    dedupe_key: Mapped[str] = mapped_column(sa.String(160), unique=True)
    state: Mapped[NoticeState] = mapped_column(default=NoticeState.WAITING)
    made_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    __table_args__ = (wake_index("outbox"),)


def put(
    session: Session, topic: Topic, key: str, now: datetime, *, wake_at: datetime | None = None, **values: Any
) -> bool:
    """Put a notice into the outbox; False when one with the same key is there already.

    The insert itself skips the duplicate, so that a second worker with the same news neither fails nor doubles it.
    """
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    row = {"topic": topic, "dedupe_key": key, "made_at": now, "wake_at": wake_at or now, "facts": {}, "version": 1}
    session.flush()
    made = session.execute(
        insert(Notice)
        .values({**row, "state": NoticeState.WAITING, "token": 0, "tries": 0, **values})
        .on_conflict_do_nothing(index_elements=[Notice.dedupe_key])
        .returning(Notice.id)
    ).all()
    return bool(made)


def alarm(session: Session, key: str, now: datetime, text: str) -> bool:
    """Tell the merchant's operators that something needs them."""
    return put(session, Topic.STAFF_ALARM, f"alarm:{key}", now, recipient="staff", facts={"text": text[:500]})
