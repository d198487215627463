"""What is due: which jobs have rows to act on, and when the next row of any kind wakes."""

from datetime import datetime
from typing import Any, Final

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


def jobs(store: Store, now: datetime) -> frozenset[str]:
    """The jobs that have something to do."""
    with store.read() as session:
        return frozenset(session.connection().execute(_DUE, {"now": now}).scalars())


def next_at(store: Store) -> datetime | None:
    """When the next row of any table wakes."""
    with store.read() as session:
        return session.connection().execute(_NEXT_AT).scalar()


def _text(sql: str) -> Any:
    return sa.text(sql).bindparams(sa.bindparam("now", type_=Utc()))


# Plain text, for these two are asked thousands of times and building a statement costs more than running it.
_AWAKE: Final = "AND wake_at IS NOT NULL AND parked_at IS NULL"
_DUE: Final = _text(
    " UNION ALL ".join(
        f"SELECT '{job}' WHERE EXISTS (SELECT 1 FROM {rows} {_AWAKE} AND wake_at <= :now)"  # noqa: S608 - our own words
        for job, rows in _ROWS.items()
    )
)
_BEDS: Final = (
    *(f"shipments WHERE carrier = '{code}'" for code in CARRIERS),
    *(f"{model.__tablename__} WHERE true" for model in SLEEPERS[1:]),
)
_NEXT: Final = " UNION ALL ".join(f"SELECT min(wake_at) AS at FROM {rows} {_AWAKE}" for rows in _BEDS)  # noqa: S608
_NEXT_AT: Final = sa.text(f"SELECT min(at) AS at FROM ({_NEXT}) AS sleepers").columns(sa.column("at", Utc()))  # noqa: S608
