"""The rows that can be due: the Wake mixin and the one lease() and finish() that every worker uses."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

LEASE: Final = timedelta(seconds=60)
"""How long a worker owns a row. Outside calls end after 20 s, so a live worker cannot outlive it."""
MOST_TRIES: Final = 5
BACKOFF: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)


class LeaseLost(Exception):
    """Another worker owns the row by now: whatever this transaction did must be rolled back."""


class Leased(NamedTuple):
    """A row that this worker owns until the lease ends; `token` fences its outcome."""

    id: int
    token: int
    tries: int


class Wake:
    """Columns of a row that can be due.

    `wake_at` is the machine's time to look again (a business date never stands here), `token` grows with every
    lease so that a worker that was asleep cannot write, `parked_at` is when it was given up after too many tries.
    """

    wake_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[datetime | None]
    token: Mapped[int] = mapped_column(default=0, server_default="0")
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    parked_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(sa.Text)


def wake_index(table: str, *before: str) -> sa.Index:
    """The partial index that makes a lease cost the same among ten thousand and a million rows.

    Columns named in `before` come first, for a table whose rows are leased by such a value.
    """
    due = sa.text("wake_at IS NOT NULL AND parked_at IS NULL")
    return sa.Index(f"ix_{table}_wake", *before, "wake_at", sqlite_where=due, postgresql_where=due)


def lease(
    session: Session,
    model: type[Any],
    now: datetime,
    lease_now: datetime,
    *,
    owner: str,
    limit: int,
    where: Sequence[sa.ColumnElement[bool]] = (),
) -> list[Leased]:
    """Take up to `limit` rows that are due at `now` and that nobody holds at `lease_now`, in one statement."""
    due = (
        sa.select(model.id)
        .where(
            model.wake_at.is_not(None),
            model.wake_at <= now,
            model.parked_at.is_(None),
            sa.or_(model.lease_until.is_(None), model.lease_until < lease_now),
            *where,
        )
        .order_by(model.wake_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = session.execute(
        sa.update(model)
        .where(model.id.in_(sa.select(due.c.id)))
        .values(owner=owner, lease_until=lease_now + LEASE, token=model.token + 1, tries=model.tries + 1)
        .returning(model.id, model.token, model.tries)
        .execution_options(synchronize_session=False)
    )
    return sorted(Leased(*row) for row in taken)


def finish(session: Session, model: type[Any], leased: Leased, wake_at: datetime | None) -> None:
    """Hand a row back with its next `wake_at` (None: no more), in the transaction that holds the effect.

    Raises LeaseLost when somebody else took the row meanwhile.
    """
    _hand_back(session, model, leased, wake_at=wake_at, tries=0, last_error=None)


def fail(session: Session, model: type[Any], leased: Leased, now: datetime, error: str) -> bool:
    """Hand a row back after an error: later and later, parked after five tries.  Returns whether it was parked."""
    parked = leased.tries >= MOST_TRIES
    _hand_back(
        session,
        model,
        leased,
        wake_at=now + backoff(leased.tries, leased.id),
        parked_at=now if parked else None,
        last_error=error[:500],
    )
    return parked


def _hand_back(session: Session, model: type[Any], leased: Leased, **values: Any) -> None:
    changed = session.execute(
        sa.update(model)
        .where(model.id == leased.id, model.token == leased.token)
        .values(owner=None, lease_until=None, **values)
        .returning(model.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise LeaseLost(f"{model.__tablename__} {leased.id} was taken over")


def pull(session: Session, model: type[Any], row_id: int, at: datetime) -> None:
    """Wake a row no later than `at`; a worker that holds it now loses its lease, so the pull is never overwritten."""
    earlier = sa.case((model.wake_at < at, model.wake_at), else_=at)
    session.execute(
        sa.update(model)
        .where(model.id == row_id)
        .values(wake_at=earlier, token=model.token + 1, lease_until=None, owner=None, tries=0, parked_at=None)
        .execution_options(synchronize_session=False)
    )


def quiet(session: Session, model: type[Any], *where: sa.ColumnElement[bool]) -> None:
    """Let rows sleep for good: nothing that holds them now can write any more."""
    session.execute(
        sa.update(model)
        .where(*where)
        .values(wake_at=None, token=model.token + 1, lease_until=None, owner=None)
        .execution_options(synchronize_session=False)
    )


def backoff(tries: int, salt: int) -> timedelta:
    """How long to wait after the `tries`-th failure, spread by ±20 % from row to row so that they do not march."""
    step = BACKOFF[min(tries, len(BACKOFF)) - 1]
    return step * jitter(salt, tries, spread=0.2)


def jitter(*salt: int, spread: float) -> float:
    """A factor in 1 ± spread that is the same for the same salt: reproducible, needs no chance."""
    return 1 - spread + 2 * spread * (crc32(repr(salt).encode()) / 0xFFFFFFFF)
