"""The polling path: lease the parcels that are due, and hand all of them back in one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast
from zlib import compress

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.events import ExceptionCode, Stage
from tracker.domain.incidents import State
from tracker.domain.polling import Watched
from tracker.store.base import Utc, insert_new
from tracker.store.incidents import Incident
from tracker.store.shipments import Raw, Shipment
from tracker.store.wake import lease


class Due(NamedTuple):
    """A parcel that this worker may poll now."""

    id: int
    token: int
    tries: int
    number: str
    postcode: str
    country: str
    account: str
    depot_id: int | None
    feed_hash: bytes | None
    stage: Stage
    exception: ExceptionCode
    last_event_at: datetime | None
    unknown_since: datetime | None
    stall_at: datetime | None
    overdue_at: datetime | None


class Polled(NamedTuple):
    """What became of one parcel's poll; `feed_hash` None: there was no answer for it."""

    due: Due
    wake_at: datetime | None
    feed_hash: bytes | None
    unknown_since: datetime | None
    end_reason: str | None = None
    error: str | None = None


def take(session: Session, carrier: str, now: datetime, lease_now: datetime, *, owner: str, limit: int) -> list[Due]:
    """Lease the carrier's parcels that are due, with what asking about them needs."""
    leases = {
        leased.id: leased
        for leased in lease(
            session, Shipment, now, lease_now, owner=owner, limit=limit, where=[Shipment.carrier == carrier]
        )
    }
    if not leases:
        return []
    columns = [getattr(Shipment, name) for name in Due._fields if name not in {"token", "tries"}]
    rows = session.execute(sa.select(*columns).where(Shipment.id.in_(leases)).order_by(Shipment.id))
    return [Due(row.id, leases[row.id].token, leases[row.id].tries, *row[1:]) for row in rows]


def hand_back(session: Session, polled: Sequence[Polled], now: datetime) -> set[int]:
    """Give every parcel back with its next poll, in one statement for all; returns those that were still ours."""
    tokens = {one.due.id: one.due.token for one in polled}
    held = session.execute(
        sa.select(Shipment.id, Shipment.token).where(Shipment.id.in_(tokens)).order_by(Shipment.id).with_for_update()
    )
    ours = {row.id for row in held if row.token == tokens[row.id]}
    rows = [_row(one, now) for one in polled if one.due.id in ours]
    if rows:
        session.connection().execute(_HAND_BACK, rows)
    return ours


def _row(one: Polled, now: datetime) -> dict[str, Any]:
    """What is written of a poll; without an answer the last one's time and the count of tries stay."""
    answered = one.error is None
    return {
        "row_id": one.due.id,
        "next_at": one.wake_at,
        "hash": one.feed_hash,
        "since": one.unknown_since,
        "reason": one.end_reason,
        "answered_at": now if answered else None,
        "tried": 0 if answered else one.due.tries,
        "error": one.error,
    }


_SHIPMENTS: Final = cast(sa.Table, Shipment.__table__).c
_HAND_BACK: Final = (
    sa.update(Shipment.__table__)  # type: ignore[arg-type]  # a Table, which SQLAlchemy types as any FROM clause
    .where(_SHIPMENTS.id == sa.bindparam("row_id"))
    .values(
        wake_at=sa.bindparam("next_at"),
        feed_hash=sa.func.coalesce(sa.bindparam("hash", type_=sa.LargeBinary()), _SHIPMENTS.feed_hash),
        unknown_since=sa.bindparam("since"),
        poll_end_reason=sa.bindparam("reason"),
        polled_at=sa.func.coalesce(sa.bindparam("answered_at", type_=Utc()), _SHIPMENTS.polled_at),
        tries=sa.bindparam("tried"),
        last_error=sa.bindparam("error"),
        owner=None,
        lease_until=None,
    )
)
"""Built once: a statement with a list of values in it would be compiled anew for every length of the list."""


def watched(session: Session, parcels: Iterable[Due]) -> dict[int, Watched]:
    """What decides the next poll of each parcel, its incident's life included: one statement."""
    known = {one.id: one for one in parcels}
    rows = session.execute(
        sa.select(Incident.shipment_id, Incident.state, Incident.resolved_at).where(Incident.shipment_id.in_(known))
    )
    lives = {shipment_id: (state, closed_at) for shipment_id, state, closed_at in rows}
    found = {}
    for one in known.values():
        state, closed_at = lives.get(one.id, (None, None))
        found[one.id] = Watched(
            one.stage, one.exception, one.last_event_at, one.unknown_since, state is State.OPEN, closed_at
        )
    return found


def keep_raw(session: Session, account: str, bodies: Iterable[bytes], now: datetime) -> dict[bytes, int]:
    """Keep answers that brought something new, compressed and each once; returns their ids by hash."""
    by_hash = {sha256(body).digest(): body for body in bodies}
    if not by_hash:
        return {}
    rows = [
        {"account": account, "sha256": digest, "body": compress(body), "fetched_at": now}
        for digest, body in by_hash.items()
    ]
    insert_new(session, Raw, rows, ["account", "sha256"])
    kept = session.execute(sa.select(Raw.sha256, Raw.id).where(Raw.account == account, Raw.sha256.in_(by_hash)))
    return {row.sha256: row.id for row in kept}
