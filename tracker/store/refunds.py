"""Remedies: refund intents, stored before anything is sent, with the money reserved on the order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from tracker.domain.refunds import CAN_CANCEL, GIVES_BACK, LIVE, State
from tracker.store.base import Base, Id, partial_index
from tracker.store.incidents import Incident, PolicyRow
from tracker.store.shipments import Order, Relation, Shipment
from tracker.store.wake import LEASE, Leased, LeaseLost, Wake, pull, wake_index

_IS_LIVE = "state NOT IN ('failed', 'cancelled')"
BY_RULE: Final = "rule"
"""The approver of what went out within the caps without a person."""


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
        partial_index("uq_remedies_live", "incident_id", where=_IS_LIVE),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        wake_index("remedies"),
    )


_FIXED: Final = (
    *("incident_id", "order_id", "seq", "key", "amount_minor", "currency"),
    *("reason", "provider", "body_hash", "first_sent_at"),
)


class SentIsFixed(Exception):
    """Key, amount and body of an intent that was sent once never change: another amount is another intent."""


@event.listens_for(Remedy, "before_update")
def _what_was_sent_stays(_mapper: Any, _connection: Any, remedy: Remedy) -> None:
    state = sa.inspect(remedy)
    sent = state.attrs.first_sent_at.history
    if (sent.deleted or sent.unchanged or [None])[0] is None:
        return
    if changed := [name for name in _FIXED if state.attrs[name].history.has_changes()]:
        raise SentIsFixed(f"refund {remedy.key} was sent: {', '.join(changed)} cannot change any more")


def lock(session: Session, remedy: Remedy) -> Remedy:
    """Hold an intent and its incident until the end of the transaction, both as they are now.

    Everybody takes the incident first, so that two who want both never wait for each other.
    """
    lock_incident(session, remedy.incident)
    session.refresh(remedy, with_for_update=True)
    return remedy


def lock_incident(session: Session, incident: Incident) -> Incident:
    """Hold an incident until the end of the transaction, as it is now: one decision about its money at a time."""
    session.refresh(incident, with_for_update=True)
    return incident


def hold(session: Session, leased: Leased, lease_now: datetime) -> Remedy:
    """The leased intent and its incident, locked, with a fresh lease.  Raises LeaseLost when it was taken over."""
    incident_id = session.scalar(sa.select(Remedy.incident_id).where(Remedy.id == leased.id))
    session.execute(sa.select(Incident.id).where(Incident.id == incident_id).with_for_update())
    kept = session.execute(
        sa.update(Remedy)
        .where(Remedy.id == leased.id, Remedy.token == leased.token)
        .values(lease_until=lease_now + LEASE)
        .returning(Remedy.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not kept:
        raise LeaseLost(f"remedies {leased.id} was taken over")
    return session.get_one(Remedy, leased.id)


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


def ended_before(session: Session, incident_id: int) -> Sequence[Remedy]:
    """The incident's intents that failed or were cancelled, oldest first."""
    return session.scalars(
        sa.select(Remedy).where(Remedy.incident_id == incident_id, Remedy.state.in_(GIVES_BACK)).order_by(Remedy.seq)
    ).all()


def is_alone(session: Session, order_id: int) -> bool:
    """Whether the order went out as one shipment, so that what was paid is its worth."""
    sent = sa.select(sa.func.count()).where(Shipment.order_id == order_id, Shipment.relation == Relation.OUTBOUND)
    return (session.scalar(sent) or 0) == 1


def by_rule_since(session: Session, policy: PolicyRow, since: datetime, *, waiting: bool) -> int:
    """How many intents approved by rule were sent since an instant, those that wait to be sent on demand.

    The policy's row is held meanwhile, so that two workers never take the last place of a day together.
    """
    session.execute(sa.select(PolicyRow.id).where(PolicyRow.id == policy.id).with_for_update(key_share=True))
    counted = Remedy.first_sent_at >= since
    if waiting:
        counted = sa.or_(counted, Remedy.state == State.APPROVED)
    return session.scalar(sa.select(sa.func.count()).where(Remedy.approver == BY_RULE, counted)) or 0


def of_provider(session: Session, provider: str, provider_ref: str) -> Remedy | None:
    """The intent that a provider knows under its own id."""
    return session.scalars(
        sa.select(Remedy).where(Remedy.provider == provider, Remedy.provider_ref == provider_ref)
    ).one_or_none()


def wake_unsent(session: Session, incident_id: int, now: datetime) -> None:
    """Let the refund step look again at what has not been sent: what it rests on has changed."""
    for remedy_id in session.scalars(
        sa.select(Remedy.id).where(Remedy.incident_id == incident_id, Remedy.state.in_(CAN_CANCEL))
    ):
        pull(session, Remedy, remedy_id, now)


def wake_at(session: Session, remedy_id: int, at: datetime) -> None:
    """Set when an intent that nobody holds is looked at again."""
    session.flush()
    session.execute(
        sa.update(Remedy).where(Remedy.id == remedy_id).values(wake_at=at).execution_options(synchronize_session=False)
    )
