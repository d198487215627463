"""Promises and their versions: who owes what to whom by when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from tracker.domain import incidents as rules
from tracker.domain.promises import FAILED, OPEN, Action, DueSource, Party, State
from tracker.domain.refunds import LIVE, PENDING_PATIENCE
from tracker.store import audit
from tracker.store.base import Base, Id, partial_index
from tracker.store.incidents import Incident, Task, TaskState
from tracker.store.refunds import Remedy
from tracker.store.wake import Wake, pull, wake_index

_IS_OPEN = "state IN ('made', 'acknowledged')"


class Promise(Wake, Base):
    """A callback or an answer that somebody owes.  `due_at` is business; only a new version moves it."""

    __tablename__ = "promises"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(sa.ForeignKey("incidents.id"), index=True)
    episode: Mapped[int]
    promisor: Mapped[Party]
    performer: Mapped[Party]
    beneficiary: Mapped[Party]
    action: Mapped[Action]
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]
    due_source: Mapped[DueSource]
    state: Mapped[State] = mapped_column(default=State.MADE)
    nudge_at: Mapped[datetime | None]
    nudged_version: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    evidence: Mapped[str] = mapped_column(sa.String(300), default="")
    """Whose word ended it, and which."""
    incident: Mapped[Incident] = relationship()
    __table_args__ = (
        partial_index("uq_promises_open", "incident_id", "performer", "action", where=_IS_OPEN),
        wake_index("promises"),
    )


class PromiseVersion(Base):
    """One due time of a promise, with the reason for it; the first version is the promise itself."""

    __tablename__ = "promise_versions"
    id: Mapped[Id]
    promise_id: Mapped[int] = mapped_column(sa.ForeignKey("promises.id"))
    version: Mapped[int]
    due_at: Mapped[datetime]
    made_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    trace: Mapped[str] = mapped_column(sa.Text, default="")
    __table_args__ = (sa.UniqueConstraint("promise_id", "version"),)


def make(
    session: Session, promise: Promise, actor: audit.Actor, *, reason: str = "", trace: str = "", wake_at: datetime
) -> Promise:
    """Store a new promise with its first version and its audit row."""
    promise.wake_at = wake_at
    audit.change(session, promise, promise.made_at, actor, "promise_made")
    session.add(
        PromiseVersion(
            promise_id=promise.id, version=1, due_at=promise.due_at, made_at=promise.made_at, reason=reason, trace=trace
        )
    )
    return promise


def renegotiate(
    session: Session,
    promise: Promise,
    now: datetime,
    actor: audit.Actor,
    *,
    due_at: datetime,
    reason: str,
    trace: str = "",
    nudge_at: datetime | None = None,
    wake_at: datetime,
) -> None:
    """Give the promise a new due time as a new version, with reminders of its own."""
    audit.change(
        session,
        promise,
        now,
        actor,
        "promise_renegotiated",
        due_at=due_at,
        version=promise.version + 1,
        nudge_at=nudge_at,
        asked_at=None,
    )
    session.add(
        PromiseVersion(
            promise_id=promise.id, version=promise.version, due_at=due_at, made_at=now, reason=reason, trace=trace
        )
    )
    session.execute(
        sa.update(Promise)
        .where(Promise.id == promise.id)
        .values(wake_at=None)
        .execution_options(synchronize_session=False)
    )
    pull(session, Promise, promise.id, wake_at)


def open_promise(session: Session, incident_id: int, action: Action, performer: Party | None = None) -> Promise | None:
    """The open promise of that action, by that performer where one is given."""
    wanted = [Promise.incident_id == incident_id, Promise.action == action, Promise.state.in_(OPEN)]
    if performer is not None:
        wanted.append(Promise.performer == performer)
    return session.scalars(sa.select(Promise).where(*wanted).order_by(Promise.id)).first()


def of(session: Session, incident_id: int, **where: Any) -> Sequence[Promise]:
    """The promises of an incident, oldest first."""
    return session.scalars(sa.select(Promise).filter_by(incident_id=incident_id, **where).order_by(Promise.id)).all()


def set_next_due(session: Session, incident: Incident, rung_at: datetime | None = None) -> None:
    """Set what the queue sorts by: the earliest due time of the incident's open rows and of its ladder's next rung.

    `rung_at`: when that is, where its row does not say it yet.
    """
    session.flush()
    if incident.ladder_from is not None:
        rung_at = rung_at or session.scalar(sa.select(Incident.wake_at).where(Incident.id == incident.id))
    dues = session.scalars(
        sa.union_all(
            sa.select(Promise.due_at).where(Promise.incident_id == incident.id, Promise.state.in_(OPEN)),
            sa.select(Task.due_at).where(Task.incident_id == incident.id, Task.state == TaskState.OPEN),
        )
    ).all()
    asked = session.scalars(
        sa.select(Remedy.requested_at).where(Remedy.incident_id == incident.id, Remedy.state.in_(LIVE))
    )
    # A refund on its way is due, too: when nothing is heard of it for so long, a person looks.
    known = [due for due in (*dues, incident.remedy_at, rung_at) if due is not None] + [
        at + PENDING_PATIENCE for at in asked
    ]
    incident.next_due_at = min(known) if known and incident.state is rules.State.OPEN else None
    session.flush()


def failing(session: Session, incident: Incident) -> bool:
    """Whether something that others promised in this episode has failed and was not made good since."""
    return any(
        promise.state in FAILED and promise.performer is not Party.MERCHANT
        for promise in of(session, incident.id, episode=incident.episode)
    )


def said_at(session: Session, promise: Promise) -> datetime:
    """When the promise's present due time was said."""
    return session.scalars(
        sa.select(PromiseVersion.made_at).where(
            PromiseVersion.promise_id == promise.id, PromiseVersion.version == promise.version
        )
    ).one()
