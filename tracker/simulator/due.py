"""What is due: which jobs have rows to act on, and when the next row of any kind wakes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from tracker.domain.promises import Action
from tracker.store.base import Store, Utc
from tracker.store.incidents import Finding, Incident
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment

CARRIERS: Final = ("seur", "dhl_unified")
SLEEPERS: Final = (Shipment, Finding, Promise, Incident, Remedy, Notice)
_ROWS: Final = {
    "poll": f"shipments WHERE carrier IN {CARRIERS}",
    "incidents": "findings WHERE true",
    "promises": f"promises WHERE action <> '{Action.REFUND}'",
    "ladder": "incidents WHERE true",
    "remedies": f"promises WHERE action = '{Action.REFUND}'",
    "refunds": "remedies WHERE true",
    "outbox": "outbox WHERE true",
}
"""The rows that each job acts on; a job that is not named here runs as often as it asks to."""
ROWS: Final = frozenset(_ROWS)
_AWAKE: Final = "AND wake_at IS NOT NULL AND parked_at IS NULL"


def jobs(store: Store, now: datetime) -> frozenset[str]:
    """The jobs that have something to do."""
    with store.read() as session:
        return frozenset(session.connection().execute(_DUE, {"now": now}).scalars())


def next_at(store: Store) -> tuple[datetime | None, datetime | None]:
    """When the next row of any table but shipments wakes, and when the next shipment does."""
    with store.read() as session:
        row = session.connection().execute(_NEXT).one()
    return row.others, row.shipments


def _earliest(beds: Iterable[str]) -> str:
    union = " UNION ALL ".join(f"SELECT min(wake_at) AS at FROM {bed} {_AWAKE}" for bed in beds)  # noqa: S608
    return f"(SELECT min(at) FROM ({union}) AS beds)"  # noqa: S608 - our own words, here and above


# Plain text, for these two are asked thousands of times and building a statement costs more than running it.
_DUE: Final = sa.text(
    " UNION ALL ".join(
        f"SELECT '{job}' WHERE EXISTS (SELECT 1 FROM {rows} {_AWAKE} AND wake_at <= :now)"  # noqa: S608
        for job, rows in _ROWS.items()
    )
).bindparams(sa.bindparam("now", type_=Utc()))
_OTHERS: Final = _earliest(f"{model.__tablename__} WHERE true" for model in SLEEPERS[1:])
_SHIPMENTS: Final = _earliest(f"shipments WHERE carrier = '{code}'" for code in CARRIERS)
_NEXT: Final = sa.text(f"SELECT {_OTHERS} AS others, {_SHIPMENTS} AS shipments").columns(
    sa.column("others", Utc()), sa.column("shipments", Utc())
)
