"""Who may come in: staff, API keys, and the answers kept for requests that are sent again."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from tracker.store.base import Base, Id


class Role(StrEnum):
    """What a member of staff may do: agents do the daily work, leads also approve refunds, admins also manage."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class User(Base):
    """A member of the merchant's staff.  A new `session_token` ends every session at once."""

    __tablename__ = "users"
    id: Mapped[Id]
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120), default="")
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    role: Mapped[Role] = mapped_column(default=Role.AGENT)
    locale: Mapped[str] = mapped_column(sa.String(8), default="es")
    active: Mapped[bool] = mapped_column(default=True)
    session_token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    made_at: Mapped[datetime]


class ApiKey(Base):
    """A bearer key of the REST API; only its SHA-256 is kept."""

    __tablename__ = "api_keys"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    key_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Replay(Base):
    """The answer to a POST with an Idempotency-Key, given again when the same request comes again."""

    __tablename__ = "replays"
    id: Mapped[Id]
    api_key_id: Mapped[int] = mapped_column(sa.ForeignKey("api_keys.id"))
    key: Mapped[str] = mapped_column(sa.String(128))
    request_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    body: Mapped[dict[str, Any] | None]
    made_at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("api_key_id", "key"),)


def staff_addresses(session: Session) -> list[str]:
    """Where staff notices go: every active member of staff."""
    return list(session.scalars(sa.select(User.email).where(User.active).order_by(User.id)))


def by_address(session: Session, email: str) -> User | None:
    """The member of staff with that address, in whatever case it was typed."""
    return session.scalars(sa.select(User).where(User.email == email.strip().lower())).one_or_none()


def in_session(session: Session, session_token: str) -> User | None:
    """The active member of staff to whom a session belongs."""
    return session.scalars(sa.select(User).where(User.session_token == session_token, User.active)).one_or_none()


def end_sessions(session: Session, session_token: str, fresh: str) -> bool:
    """End every session and one-time link of whoever has that token; False when another has done so first."""
    ended = sa.update(User).where(User.session_token == session_token).values(session_token=fresh).returning(User.id)
    return bool(session.execute(ended.execution_options(synchronize_session=False)).all())
