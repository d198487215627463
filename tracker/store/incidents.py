"""Incidents and what hangs below them: findings, tasks, the timeline and logged contacts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from tracker.domain import ladder
from tracker.domain.events import ExceptionCode
from tracker.domain.incidents import Cause, Desired, Kind, Outcome, State
from tracker.store.base import Base, Id, partial_index
from tracker.store.shipments import Shipment
from tracker.store.wake import Wake, wake_index


class TaskKind(StrEnum):
    """What a person of the merchant's has to do."""

    SOLUTION = "solution"
    """Tell the carrier what to do with the parcel: it waits."""
    CONTACT = "contact"
    """Reach a depot or desk that has no address."""
    APPROVE = "approve"
    """Look at a refund and send it, or not."""
    DECIDE = "decide"
    """The ladder has ended, or the amount is not known: a person must choose."""
    REFUND_SHEET = "refund_sheet"
    """Find out at the provider what became of a refund."""
    REAPPEARED = "reappeared"
    """The parcel was scanned after its refund."""
    DISPUTED = "disputed"
    """Depot and customer say opposite things."""
    MAPPING = "mapping"
    REFUND_STOPPED = "refund_stopped"


class TaskState(StrEnum):
    """The life of a task."""

    OPEN = "open"
    DONE = "done"


class SaidBy(StrEnum):
    """Whose word an entry of the timeline is."""

    CARRIER = "carrier"
    DEPOT = "depot"
    CUSTOMER = "customer"
    STAFF = "staff"
    INFERRED = "inferred"
    TRACKER = "tracker"


class PolicyRow(Base):
    """An immutable policy; an episode keeps the one that it began with."""

    __tablename__ = "policies"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    __table_args__ = (sa.UniqueConstraint("name", "version"),)


class Incident(Wake, Base):
    """One trouble with one shipment.  Its Wake is the ladder's; `next_due_at` is what the queue sorts by."""

    __tablename__ = "incidents"
    id: Mapped[Id]
    ref: Mapped[str] = mapped_column(sa.String(16), unique=True)
    shipment_id: Mapped[int] = mapped_column(sa.ForeignKey("shipments.id"))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incidents.id"))
    kind: Mapped[Kind]
    cause: Mapped[Cause | None]
    desired: Mapped[Desired | None]
    owner_id: Mapped[int | None]
    episode: Mapped[int] = mapped_column(default=1)
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policies.id"))
    level: Mapped[int] = mapped_column(default=0)
    ladder_from: Mapped[datetime | None]
    """When the promise was broken that set the ladder going; the rungs count from here."""
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    remedy_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime | None]
    state: Mapped[State] = mapped_column(default=State.OPEN)
    outcome: Mapped[Outcome | None]
    shipment: Mapped[Shipment] = relationship()
    policy: Mapped[PolicyRow] = relationship()
    __table_args__ = (
        partial_index("uq_incidents_open", "shipment_id", where="state = 'open'"),
        sa.Index("ix_incidents_shipment_id", "shipment_id"),
        partial_index("ix_incidents_queue", "next_due_at", "id", where="state = 'open'", unique=False),
        sa.CheckConstraint("state <> 'open' OR resolved_at IS NULL", name="open_is_unresolved"),
        wake_index("incidents"),
    )


class Finding(Wake, Base):
    """Why we worry.  Its Wake asks for an incident to be opened, moved or eased."""

    __tablename__ = "findings"
    id: Mapped[Id]
    shipment_id: Mapped[int] = mapped_column(sa.ForeignKey("shipments.id"))
    incident_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incidents.id"))
    kind: Mapped[ExceptionCode]
    event_id: Mapped[int | None] = mapped_column(sa.ForeignKey("events.id"))
    opened_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    shipment: Mapped[Shipment] = relationship()
    __table_args__ = (
        partial_index("uq_findings_open", "shipment_id", "kind", where="cleared_at IS NULL"),
        wake_index("findings"),
    )


class Task(Base):
    """Something that a person of the merchant's owes, with its due time."""

    __tablename__ = "tasks"
    id: Mapped[Id]
    incident_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incidents.id"))
    shipment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shipments.id"))
    kind: Mapped[TaskKind]
    due_at: Mapped[datetime]
    assignee_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    state: Mapped[TaskState] = mapped_column(default=TaskState.OPEN)
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    __table_args__ = tuple(
        partial_index(f"uq_tasks_open_{column}", f"{column}_id", "kind", where="state = 'open'")
        for column in ("incident", "shipment")
    )


class Timeline(Base):
    """One entry of an incident's story: when, whose word, what; append-only."""

    __tablename__ = "timeline"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime]
    said_by: Mapped[SaidBy]
    kind: Mapped[str] = mapped_column(sa.String(32))
    body: Mapped[dict[str, Any]]


class Contact(Base):
    """A logged call or message: with whom, by which channel, why, with which reference and outcome."""

    __tablename__ = "contacts"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime]
    channel: Mapped[str] = mapped_column(sa.String(32))
    person: Mapped[str] = mapped_column(sa.String(120), default="")
    reference: Mapped[str] = mapped_column(sa.String(120), default="")
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    outcome: Mapped[str] = mapped_column(sa.Text, default="")
    logged_by: Mapped[str] = mapped_column(sa.String(64), default="")


def open_one(session: Session, shipment_id: int) -> Incident | None:
    """The open incident of a shipment."""
    return session.scalars(
        sa.select(Incident).where(Incident.shipment_id == shipment_id, Incident.state == State.OPEN)
    ).one_or_none()


def last_one(session: Session, shipment_id: int) -> Incident | None:
    """The newest incident of a shipment, open or not."""
    return session.scalars(
        sa.select(Incident).where(Incident.shipment_id == shipment_id).order_by(Incident.id.desc()).limit(1)
    ).one_or_none()


def hold(session: Session, incident: Incident) -> None:
    """Hold an incident until the end of the transaction, as it is now: those who change it take turns.

    Everybody takes the shipment first, then the incident, then what hangs below it: so nobody waits in a circle.
    """
    session.execute(sa.select(Shipment.id).where(Shipment.id == incident.shipment_id).with_for_update(key_share=True))
    session.refresh(incident, with_for_update=True)


def by_ref(session: Session, ref: str) -> Incident | None:
    """The incident with that reference, as people write it."""
    return session.scalars(sa.select(Incident).where(Incident.ref == ref.strip().upper())).one_or_none()


def policy_of(incident: Incident) -> ladder.Policy:
    """The policy that the incident's episode is pinned to."""
    return ladder.read(incident.policy.body)


def pinned(session: Session, policy: ladder.Policy) -> PolicyRow:
    """The stored row of a policy; made at its first use."""
    known = session.scalars(
        sa.select(PolicyRow).where(PolicyRow.name == policy.name, PolicyRow.version == policy.version)
    ).one_or_none()
    if known is None:
        known = PolicyRow(name=policy.name, version=policy.version, body=policy.as_json())
        session.add(known)
        session.flush()
    return known


def tell(session: Session, incident: Incident, at: datetime, said_by: SaidBy, what: str, /, **body: Any) -> None:
    """Add an entry to the incident's story."""
    session.add(Timeline(incident_id=incident.id, at=at, said_by=said_by, kind=what, body=body))


def add_task(
    session: Session, incident: Incident, kind: TaskKind, now: datetime, due_at: datetime, reason: str
) -> Task | None:
    """Give people something to do; None when the same task is open already."""
    if session.scalars(_open_tasks(incident.id, kind)).first():
        return None
    task = Task(incident_id=incident.id, kind=kind, due_at=due_at, reason=reason[:300], made_at=now)
    session.add(task)
    session.flush()
    return task


def close_tasks(
    session: Session, incident: Incident, now: datetime, kinds: Iterable[TaskKind] = tuple(TaskKind)
) -> None:
    """Mark the incident's open tasks of these kinds as done."""
    for task in session.scalars(sa.select(Task).where(Task.incident_id == incident.id, Task.state == TaskState.OPEN)):
        if task.kind in set(kinds):
            task.state, task.done_at = TaskState.DONE, now
    session.flush()


def _open_tasks(incident_id: int, kind: TaskKind) -> sa.Select[Task]:
    return sa.select(Task).where(Task.incident_id == incident_id, Task.kind == kind, Task.state == TaskState.OPEN)
