"""API keys and the answers kept for their requests: a POST that comes twice acts once."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from tracker.domain.refusals import Refused
from tracker.store import links
from tracker.store.people import ApiKey, Replay
from tracker.store.wake import LeaseLost

ABANDONED: Final = timedelta(seconds=60)
"""A request without an answer for this long died: whoever sends it again may act, for nothing was committed."""


def add(session: Session, name: str, now: datetime) -> str:
    """A new key under a name of its own; it is told here once and never again.  Refused when the name is taken."""
    if session.scalars(sa.select(ApiKey).where(ApiKey.name == name)).first() is not None:
        raise Refused(f"an API key named {name} exists already")
    told = links.password()
    session.add(ApiKey(name=name, key_hash=_digest(told), made_at=now))
    session.flush()
    return told


def find(session: Session, told: str) -> ApiKey | None:
    """The key, unless it was revoked."""
    return session.scalars(
        sa.select(ApiKey).where(ApiKey.key_hash == _digest(told), ApiKey.revoked_at.is_(None))
    ).one_or_none()


def claim(session: Session, api_key_id: int, key: str, request: bytes, lease_now: datetime) -> tuple[Replay, bool]:
    """The row of an idempotency key, and whether this request owns it and must act.

    A row that is not ours tells by its hash whether the same was asked, and by its status whether it is answered.
    """
    if (mine := _first(session, api_key_id, key, request, lease_now)) is not None:
        return session.get_one(Replay, mine), True
    row = session.scalars(sa.select(Replay).filter_by(api_key_id=api_key_id, key=key)).one()
    if row.status is not None or row.request_hash != request:
        return row, False
    taken = session.execute(
        sa.update(Replay)
        .where(Replay.id == row.id, Replay.status.is_(None), Replay.made_at < lease_now - ABANDONED)
        .values(made_at=lease_now)
        .returning(Replay.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.refresh(row)
    return row, bool(taken)


def _first(session: Session, api_key_id: int, key: str, request: bytes, at: datetime) -> int | None:
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    return session.execute(
        insert(Replay)
        .values(api_key_id=api_key_id, key=key, request_hash=request, made_at=at)
        .on_conflict_do_nothing(index_elements=["api_key_id", "key"])
        .returning(Replay.id)
    ).scalar_one_or_none()


def keep(session: Session, claimed: Replay, status: int, body: dict[str, Any]) -> None:
    """Keep the answer, in the transaction of the act.  Raises LeaseLost when another request took over meanwhile."""
    kept = session.execute(
        sa.update(Replay)
        .where(Replay.id == claimed.id, Replay.made_at == claimed.made_at, Replay.status.is_(None))
        .values(status=status, body=body)
        .returning(Replay.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not kept:
        raise LeaseLost(f"the request with idempotency key {claimed.key} was taken over")


def free(session: Session, claimed: Replay) -> None:
    """Let a request that failed be sent again under its key: nothing of it was committed."""
    session.execute(
        sa.delete(Replay)
        .where(Replay.id == claimed.id, Replay.made_at == claimed.made_at, Replay.status.is_(None))
        .execution_options(synchronize_session=False)
    )


def _digest(told: str) -> bytes:
    return sha256(told.encode(errors="replace")).digest()
