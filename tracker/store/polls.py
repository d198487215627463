"""The polling path: lease the parcels that are due, and hand all of them back in one statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from hashlib import blake2b, sha256
from typing import Final, NamedTuple, cast
from zlib import compress

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from tracker.domain.events import Event, ExceptionCode, Stage
from tracker.domain.incidents import State
from tracker.domain.polling import Watched
from tracker.store import many
from tracker.store.base import BigId, Utc, insert_new
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
    polled_at: datetime | None

    def has_become_overdue(self, now: datetime) -> bool:
        """Whether its date has passed and no answer was looked at since; "not known" is no answer to look at."""
        if self.overdue_at is None or self.overdue_at > now:
            return False
        return self.polled_at is None or self.polled_at < self.overdue_at or self.unknown_since is not None


class Polled(NamedTuple):
    """What became of one parcel's poll; `feed_hash` None: there was no answer for it."""

    due: Due
    wake_at: datetime | None
    feed_hash: bytes | None
    unknown_since: datetime | None
    end_reason: str | None = None
    error: str | None = None
    told: bool = False
    """Something about it could be read, whatever else went wrong."""


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
    """Give every parcel back with its next poll, in one statement for all, and keep what their new answers hash to.

    Returns those that were still ours.
    """
    if not polled:
        return set()
    rows = ((p.due.id, p.due.token, p.wake_at, p.unknown_since, p.end_reason, p.error, p.told) for p in polled)
    statement = _hand_back(session.get_bind().dialect.name)
    ours = set(session.execute(statement, {**many.told(session, _TOLD, rows), "now": now}).scalars())
    answers = [
        {"row_id": p.due.id, "hash": p.feed_hash}
        for p in polled
        if p.due.id in ours and p.feed_hash not in (None, p.due.feed_hash)
    ]
    if answers:
        session.execute(_KEEP_HASH, answers)
    return ours


_SHIPMENTS: Final = cast(sa.Table, Shipment.__table__)
_KEEP_HASH: Final = (
    sa.update(_SHIPMENTS).where(_SHIPMENTS.c.id == sa.bindparam("row_id")).values(feed_hash=sa.bindparam("hash"))
)
_TOLD: Final[many.Columns] = {
    "id": BigId,
    "token": BigId,
    "wake_at": Utc(),
    "unknown_since": Utc(),
    "end_reason": sa.String(64),
    "error": sa.Text(),
    "told": sa.Boolean(),
}


@cache
def _hand_back(dialect: str) -> ReturningUpdate[int]:
    """Without an answer the time of the last one stays, and the count of tries after any trouble."""
    news, parcel = many.listed(dialect, _TOLD), _SHIPMENTS.c
    answered = news.c.error.is_(None)
    return (
        sa.update(_SHIPMENTS)
        .where(parcel.id == news.c.id, parcel.token == news.c.token)
        .values(
            wake_at=news.c.wake_at,
            unknown_since=news.c.unknown_since,
            poll_end_reason=news.c.end_reason,
            polled_at=sa.case((answered | news.c.told, sa.bindparam("now", type_=Utc())), else_=parcel.polled_at),
            tries=sa.case((answered, 0), else_=parcel.tries),
            last_error=news.c.error,
            owner=None,
            lease_until=None,
        )
        .returning(parcel.id)
    )


def watched(session: Session, parcels: Iterable[Due]) -> dict[int, Watched]:
    """What decides the next poll of each parcel, its incident's life included: one statement."""
    known = {one.id: one for one in parcels}
    lives = {id_: (state, at) for id_, state, at in session.execute(_LIVES, {"ids": list(known)})}
    return {id_: _watched(one, lives.get(id_)) for id_, one in known.items()}


_INCIDENTS: Final = cast(sa.Table, Incident.__table__).c
_LIVES: Final = (
    sa.select(_INCIDENTS.shipment_id, _INCIDENTS.state, _INCIDENTS.resolved_at)
    .where(_INCIDENTS.shipment_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_INCIDENTS.id)
)
"""The newest incident of a parcel comes last and counts."""


def _watched(one: Due, life: tuple[State, datetime | None] | None) -> Watched:
    said = one.stage, one.exception, one.last_event_at, one.unknown_since
    return Watched(*said) if life is None else Watched(*said, life[0] is State.OPEN, life[1])


def feed_hash(events: Iterable[Event]) -> bytes:
    """Says whether anything in the answer differs from the last one, the reading of it included."""
    told = [
        f"{event.raw_code}\x1f{event.raw_time}\x1f{event.location}\x1f{event.piece}"
        f"\x1f{event.stage}\x1f{event.exception}\x1f{event.mapping_version}\x1e"
        for event in events
    ]
    return blake2b("".join(told).encode("utf-8", "surrogatepass"), digest_size=16).digest()


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
