"""Links by token: pages for customers and depots that need no login, and the limits on guessing."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from tracker.store.base import Base, Id


class Purpose(StrEnum):
    """What a link lets its bearer do."""

    STATUS = "status"
    """See status and times of one shipment (given for number + postcode)."""
    CUSTOMER = "customer"
    """Also answer and choose (mailed to the contact on file)."""
    DEPOT = "depot"
    """Answer for one incident as the depot."""


class Link(Base):
    """A link.  Only the token's hash is stored; the token is made again from `nonce` and the secret key to mail it."""

    __tablename__ = "links"
    id: Mapped[Id]
    purpose: Mapped[Purpose]
    token_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    nonce: Mapped[str] = mapped_column(sa.String(32))
    shipment_id: Mapped[int] = mapped_column(sa.ForeignKey("shipments.id"), index=True)
    incident_id: Mapped[int | None] = mapped_column(sa.ForeignKey("incidents.id"))
    depot_id: Mapped[int | None] = mapped_column(sa.ForeignKey("depots.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Attempt(Base):
    """How often something was tried within one hour: the count that makes guessing useless."""

    __tablename__ = "attempts"
    id: Mapped[Id]
    subject: Mapped[str] = mapped_column(sa.String(96))
    hour: Mapped[datetime]
    count: Mapped[int]
    __table_args__ = (sa.UniqueConstraint("subject", "hour"),)


def make(
    session: Session,
    secret: bytes,
    purpose: Purpose,
    now: datetime,
    expires_at: datetime,
    *,
    shipment_id: int,
    incident_id: int | None = None,
    depot_id: int | None = None,
) -> Link:
    """A new link; `token()` tells its secret."""
    nonce = secrets.token_hex(16)
    link = Link(
        purpose=purpose,
        nonce=nonce,
        token_hash=_digest(_token(secret, purpose, nonce)),
        shipment_id=shipment_id,
        incident_id=incident_id,
        depot_id=depot_id,
        made_at=now,
        expires_at=expires_at,
    )
    session.add(link)
    session.flush()
    return link


def standing(session: Session, secret: bytes, purpose: Purpose, now: datetime, expires_at: datetime, **of: int) -> Link:
    """The link for that purpose and subject with at least half of the wanted life left, made if there is none.

    A mail sent again soon carries the same address, and no mail carries one that is about to end; an older link
    stays good until its own end.
    """
    known = session.scalars(
        sa.select(Link)
        .filter_by(purpose=purpose, revoked_at=None, **of)
        .where(Link.expires_at >= now + (expires_at - now) / 2)
        .order_by(Link.id.desc())
        .limit(1)
    ).one_or_none()
    return known or make(session, secret, purpose, now, expires_at, **of)


def token(secret: bytes, link: Link) -> str:
    """The link's token: 32 bytes that only the holder of the secret key can make."""
    return _token(secret, link.purpose, link.nonce)


def find(session: Session, told: str, now: datetime, *purposes: Purpose) -> Link | None:
    """The link with that token, if it is of one of these purposes and still good at `now`."""
    return session.scalars(sa.select(Link).where(*good(told, now, *purposes))).one_or_none()


def good(told: str, now: datetime, *purposes: Purpose) -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a link the one with that token, of one of these purposes and still good at `now`."""
    return (*named(told, *purposes), Link.revoked_at.is_(None), Link.expires_at > now)


def named(told: str, *purposes: Purpose) -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a link the one with that token, good or ended."""
    return (Link.token_hash == _digest(told), Link.purpose.in_(purposes))


def attempted(session: Session, subject: str, now: datetime) -> int:
    """Count one more try within this clock hour and tell how many there were; holds across processes."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    return session.execute(
        insert(Attempt)
        .values(subject=subject, hour=hour, count=1)
        .on_conflict_do_update(index_elements=["subject", "hour"], set_={"count": Attempt.count + 1})
        .returning(Attempt.count)
    ).scalar_one()


def forgive(session: Session, subject: str, now: datetime) -> None:
    """Take back the try that was just counted: it was no guess."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    session.execute(
        sa.update(Attempt)
        .where(Attempt.subject == subject, Attempt.hour == hour, Attempt.count > 0)
        .values(count=Attempt.count - 1)
        .execution_options(synchronize_session=False)
    )


def password() -> str:
    """A new secret that nobody can guess: for API keys, sessions and first passwords."""
    return secrets.token_urlsafe(32)


def _token(secret: bytes, purpose: Purpose, nonce: str) -> str:
    made = hmac.new(secret, f"link:{purpose}:{nonce}".encode(), sha256).digest()
    return urlsafe_b64encode(made).rstrip(b"=").decode()


def _digest(told: str) -> bytes:
    return sha256(told.encode(errors="replace")).digest()
