"""Orders, shipments, pieces, raw answers and events: what was sent and what the carriers said."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.domain.events import Direction, ExceptionCode, Source, Stage
from tracker.store.base import Base, BigId, Id
from tracker.store.depots import Depot
from tracker.store.wake import Wake, wake_index


class Relation(StrEnum):
    """What a shipment is to its order."""

    OUTBOUND = "outbound"
    RETURN = "return"
    REPLACEMENT = "replacement"


class Channel(Base):
    """A way in which the merchant sells; it decides how a customer may be written to and how money goes back."""

    __tablename__ = "channels"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(32), default="shop")
    contact_rule: Mapped[str] = mapped_column(sa.String(32), default="mail")
    refund_provider: Mapped[str] = mapped_column(sa.String(32), default="webhook")


class Customer(Base):
    """The recipient's personal values, in a side row so that they can be erased alone."""

    __tablename__ = "customers"
    id: Mapped[Id]
    name: Mapped[str | None] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    phone: Mapped[str | None] = mapped_column(sa.String(32))
    locale: Mapped[str] = mapped_column(sa.String(8), default="es")


class Order(Base):
    """What the customer paid for; money is reserved here before any of it is promised back."""

    __tablename__ = "orders"
    id: Mapped[Id]
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channels.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    number: Mapped[str] = mapped_column(sa.String(64))
    paid_minor: Mapped[int] = mapped_column(default=0)
    reserved_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    cod: Mapped[bool] = mapped_column(default=False)
    channel: Mapped[Channel] = relationship()
    customer: Mapped[Customer] = relationship()
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "number"),
        sa.CheckConstraint("0 <= reserved_minor AND reserved_minor <= paid_minor", name="reserved_within_paid"),
    )


class Shipment(Wake, Base):
    """What has a tracking number.  Its Wake is the next poll; stage and exception are the fold of its events."""

    __tablename__ = "shipments"
    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    carrier: Mapped[str] = mapped_column(sa.String(32))
    account: Mapped[str] = mapped_column(sa.String(64), default="")
    number: Mapped[str] = mapped_column(sa.String(64))
    epoch: Mapped[int] = mapped_column(default=1)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shipments.id"))
    relation: Mapped[Relation] = mapped_column(default=Relation.OUTBOUND)
    postcode: Mapped[str] = mapped_column(sa.String(16), default="")
    country: Mapped[str] = mapped_column(sa.String(2), default="ES")
    value_minor: Mapped[int | None]
    weight_g: Mapped[int | None]
    promised_at: Mapped[datetime | None]
    marketplace_eta: Mapped[datetime | None]
    depot_id: Mapped[int | None] = mapped_column(sa.ForeignKey("depots.id"))
    created_at: Mapped[datetime]

    stage: Mapped[Stage] = mapped_column(default=Stage.UNKNOWN)
    exception: Mapped[ExceptionCode] = mapped_column(default=ExceptionCode.NONE)
    direction: Mapped[Direction] = mapped_column(default=Direction.OUTBOUND)
    suspected: Mapped[bool] = mapped_column(default=False)
    solution_needed: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    last_event_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    stall_at: Mapped[datetime | None]
    """When silence becomes a finding: worked out when the last event came, so that quiet polls only compare."""
    overdue_at: Mapped[datetime | None]
    """When the promised date has passed by long enough to be a finding."""
    fold_version: Mapped[int] = mapped_column(default=0)
    feed_hash: Mapped[bytes | None] = mapped_column(sa.LargeBinary(16))
    polled_at: Mapped[datetime | None]
    """The last poll that was answered."""
    unknown_since: Mapped[datetime | None]
    """Since when the carrier says that it does not know the number."""
    poll_end_reason: Mapped[str | None] = mapped_column(sa.String(64))

    order: Mapped[Order] = relationship()
    depot: Mapped[Depot | None] = relationship()
    __table_args__ = (
        sa.UniqueConstraint("carrier", "number", "epoch"),
        sa.Index("ix_shipments_number", "number"),
        wake_index("shipments", "carrier"),
    )


class Piece(Base):
    """One parcel of a shipment."""

    __tablename__ = "pieces"
    id: Mapped[Id]
    shipment_id: Mapped[int] = mapped_column(sa.ForeignKey("shipments.id"))
    ref: Mapped[str] = mapped_column(sa.String(64))
    weight_g: Mapped[int | None]
    __table_args__ = (sa.UniqueConstraint("shipment_id", "ref"),)


class Raw(Base):
    """A carrier's answer as it came, compressed, kept once."""

    __tablename__ = "raw"
    id: Mapped[Id]
    account: Mapped[str] = mapped_column(sa.String(96))
    sha256: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    body: Mapped[bytes] = mapped_column(sa.LargeBinary)
    fetched_at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("account", "sha256"),)


class EventRow(Base):
    """One scan.  The raw part never changes; stage and exception may be rewritten by a newer mapping."""

    __tablename__ = "events"
    id: Mapped[Id]
    shipment_id: Mapped[int] = mapped_column(sa.ForeignKey("shipments.id"))
    piece: Mapped[str | None] = mapped_column(sa.String(64))
    identity: Mapped[bytes] = mapped_column(sa.LargeBinary(16))
    occurred_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]
    tz_known: Mapped[bool]
    raw_code: Mapped[str] = mapped_column(sa.String(64))
    raw_text: Mapped[str] = mapped_column(sa.String(300))
    raw_time: Mapped[str] = mapped_column(sa.String(40))
    raw_id: Mapped[int | None] = mapped_column(sa.ForeignKey("raw.id"))
    stage: Mapped[Stage | None]
    exception: Mapped[ExceptionCode]
    direction: Mapped[Direction]
    handover_to: Mapped[str | None] = mapped_column(sa.String(32))
    location: Mapped[str | None] = mapped_column(sa.String(120))
    depot: Mapped[str | None] = mapped_column(sa.String(32))
    recovery: Mapped[bool] = mapped_column(default=False)
    solution: Mapped[bool] = mapped_column(default=False)
    mapping_version: Mapped[int]
    source: Mapped[Source]
    __table_args__ = (sa.UniqueConstraint("shipment_id", "identity"),)


class Feed(Base):
    """How one carrier account answers: the ground of 'no escalation rests on stale data'."""

    __tablename__ = "feeds"
    id: Mapped[Id]
    carrier: Mapped[str] = mapped_column(sa.String(32))
    account: Mapped[str] = mapped_column(sa.String(64), default="")
    last_attempt_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    alarmed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(300))
    failures: Mapped[int] = mapped_column(BigId, default=0)
    __table_args__ = (sa.UniqueConstraint("carrier", "account"),)
