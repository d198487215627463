"""The audit trail: who changed what, from what, to what; append-only, in the commit of the change itself."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from tracker.store.base import Base, Id


class ActorKind(StrEnum):
    """Who can change something."""

    JOB = "job"
    STAFF = "staff"
    DEPOT = "depot"
    CUSTOMER = "customer"
    PROVIDER = "provider"
    API = "api"
    CLI = "cli"


class Actor(NamedTuple):
    """Who did it: kind, id within the kind, and by which way (page, link, mail, job name)."""

    kind: ActorKind
    id: str = ""
    via: str = ""


class Audit(Base):
    """One change.  The database refuses to alter or delete a row."""

    __tablename__ = "audit"
    id: Mapped[Id]
    at: Mapped[datetime]
    actor_kind: Mapped[ActorKind]
    actor_id: Mapped[str] = mapped_column(sa.String(64))
    via: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(64))
    object: Mapped[str] = mapped_column(sa.String(64), index=True)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


def change(session: Session, row: Any, now: datetime, actor: Actor, action: str, **values: Any) -> None:
    """Set `values` on a row and write who did it, from what, to what.  A new row is written whole."""
    session.add(row)
    fresh = sa.inspect(row).pending
    before = {} if fresh else {name: _plain(getattr(row, name)) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    told = {column.key: getattr(row, column.key) for column in sa.inspect(type(row)).column_attrs} if fresh else values
    session.add(
        Audit(
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
            via=actor.via,
            action=action,
            object=f"{row.__tablename__}:{row.id}",
            before=before,
            after={name: _plain(value) for name, value in told.items() if value is not None},
        )
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float | bool) else str(value)
