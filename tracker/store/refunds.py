"""Remedies: refund intents, stored before anything is sent, with the money reserved on the order."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from tracker.domain.refunds import LIVE, State
from tracker.store.base import Base, Id
from tracker.store.incidents import Incident
from tracker.store.shipments import Order
from tracker.store.wake import Wake, wake_index

_IS_LIVE = "state NOT IN ('failed', 'cancelled')"


class Remedy(Wake, Base):
    """One refund intent.  Key, body and amount never change after the first sending."""

    __tablename__ = "remedies"
    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incidents.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(16), default="refund")
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    body_hash: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32))
    provider: Mapped[str] = mapped_column(sa.String(32))
    provider_ref: Mapped[str | None] = mapped_column(sa.String(120))
    requested_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(sa.String(96))
    approver: Mapped[str | None] = mapped_column(sa.String(96))
    approved_at: Mapped[datetime | None]
    first_sent_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
    sends: Mapped[int] = mapped_column(default=0)
    looks: Mapped[int] = mapped_column(default=0)
    settled_at: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(sa.String(300), default="")
    state: Mapped[State] = mapped_column(default=State.REQUESTED)
    incident: Mapped[Incident] = relationship()
    order: Mapped[Order] = relationship()
    __table_args__ = (
        sa.UniqueConstraint("incident_id", "seq"),
        sa.UniqueConstraint("provider", "provider_ref"),
        sa.Index(
            "uq_remedies_live",
            "incident_id",
            unique=True,
            sqlite_where=sa.text(_IS_LIVE),
            postgresql_where=sa.text(_IS_LIVE),
        ),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        wake_index("remedies"),
    )


def reserve(session: Session, order_id: int, amount_minor: int) -> bool:
    """Set money of the order aside; False when less than that is left of what was paid."""
    kept = session.execute(
        sa.update(Order)
        .where(Order.id == order_id, Order.reserved_minor + amount_minor <= Order.paid_minor)
        .values(reserved_minor=Order.reserved_minor + amount_minor)
        .returning(Order.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(kept)


def give_back(session: Session, order_id: int, amount_minor: int) -> None:
    """Free reserved money after a refund that failed or was cancelled."""
    session.execute(
        sa.update(Order)
        .where(Order.id == order_id)
        .values(reserved_minor=Order.reserved_minor - amount_minor)
        .execution_options(synchronize_session=False)
    )


def live_one(session: Session, incident_id: int) -> Remedy | None:
    """The incident's remedy that is neither failed nor cancelled."""
    return session.scalars(
        sa.select(Remedy).where(Remedy.incident_id == incident_id, Remedy.state.in_(LIVE))
    ).one_or_none()


def next_seq(session: Session, incident_id: int) -> int:
    """The number of the next intent of an incident."""
    last = session.scalar(sa.select(sa.func.max(Remedy.seq)).where(Remedy.incident_id == incident_id))
    return (last or 0) + 1


def by_key(session: Session, key: str) -> Remedy | None:
    """The intent with that key."""
    return session.scalars(sa.select(Remedy).where(Remedy.key == key)).one_or_none()


def requested_since(session: Session, since: datetime) -> int:
    """How many intents were sent since an instant (the daily cap counts these)."""
    return session.scalar(sa.select(sa.func.count()).select_from(Remedy).where(Remedy.first_sent_at >= since)) or 0
