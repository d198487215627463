"""The parcel that walks the whole road: where the clock stops, and what the database holds of it in the end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import make
from tracker.domain.events import Stage
from tracker.simulator.due import SLEEPERS
from tracker.simulator.wire import seur
from tracker.store import depots
from tracker.store.audit import Audit
from tracker.store.incidents import Finding, Incident, Task, Timeline
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow, Shipment

MADRID = ZoneInfo("Europe/Madrid")
SEUR = {**{name.upper(): value for name, value in seur.CLIENT.items()}, "ACCOUNT": "12345-28"}


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of November 2026 by Madrid's clocks."""
    return datetime(2026, 11, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


STOPS = (
    on(18, 12),  # Wednesday: in transit
    on(18, 20, 30),  # the feed says LK560: an incident, three dates, and the customer is told
    on(19, 9),  # the depot has opened and is asked
    on(19, 17),  # two hours before it closes it is nudged
    on(19, 19),  # nobody has answered
    on(20, 9),  # the reminder
    on(20, 13, 30),  # the manager
    on(23, 9),  # Monday: the desk
    on(23, 18),  # the announced day is over: the refund
    on(24, 8),  # it has succeeded
    on(26, 12),  # is all well?
)
TOLD = ("action", "level", "to", "topic", "kind", "outcome")
"""What must be the same of a timeline's entry in every play."""


def quiet(session: Session) -> None:
    """Let everything that was played before sleep for good."""
    for model in SLEEPERS:
        session.execute(sa.update(model).values(wake_at=None))


def prepare(session: Session, now: datetime) -> int:
    """A shipment of which nothing is known yet, and the offices that answer for it."""
    if depots.desk(session, "seur") is None:
        make.depot(session, code="06", confirmed_at=now - timedelta(days=9))
        make.depot(session, code=depots.DESK, name="SEUR", email="desk@seur.example", manager_email=None, postcodes="")
    return int(make.shipment(session, now=now, stage=Stage.UNKNOWN, wake_at=now).id)


def told(session: Session, shipment_id: int, now: datetime) -> dict[str, Any]:
    """What the database holds of the parcel."""
    shipment = session.get_one(Shipment, shipment_id)
    incidents = session.scalars(sa.select(Incident).filter_by(shipment_id=shipment_id)).all()
    ids = [incident.id for incident in incidents]
    remedies = session.scalars(sa.select(Remedy).where(Remedy.incident_id.in_(ids))).all()
    story = session.scalars(sa.select(Timeline).where(Timeline.incident_id.in_(ids)).order_by(Timeline.id))
    events = sa.select(EventRow.raw_code).filter_by(shipment_id=shipment_id).order_by(EventRow.occurred_at)
    return {
        "events": list(session.scalars(events)),
        "findings": list(session.scalars(sa.select(Finding.kind).filter_by(shipment_id=shipment_id))),
        "incidents": [(incident.state, incident.outcome, incident.level) for incident in incidents],
        "tasks": list(session.scalars(sa.select(Task.reason).where(Task.incident_id.in_(ids)))),
        "promises": _promises(session, ids),
        "refunds": [(remedy.key, remedy.state, remedy.amount_minor) for remedy in remedies],
        "reserved": shipment.order.reserved_minor,
        "order": shipment.order.number,
        "notices": _notices(session, shipment_id),
        "story": [(entry.kind, {name: entry.body[name] for name in TOLD if name in entry.body}) for entry in story],
        "audit": _audit(session, [*incidents, *remedies, *_rows(session, Promise, ids)]),
        "left": _left(session, now),
    }


def _rows(session: Session, model: type[Any], ids: Sequence[int]) -> Sequence[Any]:
    return session.scalars(sa.select(model).where(model.incident_id.in_(ids)).order_by(model.id)).all()


def _promises(session: Session, ids: Sequence[int]) -> list[tuple[str, str, str]]:
    return [(row.performer, row.action, row.state) for row in _rows(session, Promise, ids)]


def _notices(session: Session, shipment_id: int) -> list[tuple[str, str, str]]:
    """Topic, state and key of every notice about the parcel, and of every one that is about none."""
    about = sa.or_(Notice.shipment_id == shipment_id, Notice.shipment_id.is_(None))
    return [
        (row.topic, row.state, row.dedupe_key)
        for row in session.scalars(sa.select(Notice).where(about).order_by(Notice.id))
    ]


def _audit(session: Session, rows: Sequence[Any]) -> list[tuple[str, str, int]]:
    """What was done to the case: the kind of thing, which of its kind, the action, and the level it led to."""
    places = {f"{row.__tablename__}:{row.id}": row for row in rows}
    entries = session.scalars(sa.select(Audit).where(Audit.object.in_(places)).order_by(Audit.id))
    return [
        (f"{places[entry.object].__tablename__}:{getattr(places[entry.object], 'action', '')}", entry.action,
         cast(int, entry.after.get("level", 0)))
        for entry in entries
    ]  # fmt: skip


def _left(session: Session, now: datetime) -> list[str]:
    """Rows that are due, still leased, or given up."""
    found = []
    for model in SLEEPERS:
        stuck = sa.or_(model.wake_at <= now, model.lease_until.is_not(None), model.parked_at.is_not(None))
        found += [f"{model.__tablename__}:{id_}" for id_ in session.scalars(sa.select(model.id).where(stuck))]
    return found
