"""The fold of events into each shipment's standing, in statements whose number does not grow with the shipments."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import findings as trouble
from tracker.domain.events import Direction, Event, ExceptionCode, Stage
from tracker.domain.incidents import Outcome, State
from tracker.domain.polling import ENDED
from tracker.domain.refunds import State as Refund
from tracker.domain.status import Standing, fold
from tracker.store.base import insert_new
from tracker.store.incidents import Finding, Incident, Task, TaskKind, TaskState
from tracker.store.many import update_by_id
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow, Shipment

Silence = Callable[[str, str, datetime], datetime]
"""country, postcode, last scan -> the instant at which silence becomes a finding."""


class Parcel(NamedTuple):
    """The columns of a shipment that its standing is compared with."""

    id: int
    number: str
    country: str
    postcode: str
    overdue_at: datetime | None
    solution_needed: bool
    stage: Stage
    fold_version: int


class Changed(NamedTuple):
    """A shipment after the fold, with what is wrong with it now."""

    parcel: Parcel
    standing: Standing
    findings: frozenset[ExceptionCode]
    news: frozenset[ExceptionCode]
    """Findings that were not open before."""
    stall_at: datetime | None
    """When silence becomes, or became, a finding."""


def record(session: Session, events: Mapping[int, Iterable[Event]], now: datetime, raw: Mapping[int, int]) -> None:
    """Store the events of several shipments that are not known yet; the database skips what another told meanwhile."""
    known = _identities(session, events)
    rows = [
        {**_columns(event), "identity": identity, "shipment_id": id_, "first_seen_at": now, "raw_id": raw.get(id_)}
        for id_, told in events.items()
        for event in told
        if (identity := event.identity) not in known[id_]
    ]
    if rows:
        insert_new(session, EventRow, rows, ["shipment_id", "identity"])


def _identities(session: Session, ids: Iterable[int]) -> Mapping[int, set[bytes]]:
    """What is stored already: an answer tells a parcel's whole road again, and reading is cheaper than writing."""
    known: defaultdict[int, set[bytes]] = defaultdict(set)
    stored = sa.select(EventRow.shipment_id, EventRow.identity).where(EventRow.shipment_id.in_(ids))
    for shipment_id, identity in session.execute(stored):
        known[shipment_id].add(identity)
    return known


def _columns(event: Event) -> dict[str, Any]:
    told = event._asdict()
    for name in ("number", "carrier_event_id"):
        told.pop(name)
    return {**told, "raw_text": event.raw_text[:300]}


def refold(
    session: Session, ids: Collection[int], now: datetime, silence: Silence, solution_due: datetime
) -> list[Changed]:
    """Fold the events of these shipments anew, store each standing and open or clear its findings.

    `solution_due` is by when a person must tell the carrier what to do with a parcel that waits for it.
    """
    parcels = {row.id: Parcel(*row) for row in session.execute(sa.select(*_PARCEL).where(Shipment.id.in_(ids)))}
    history = _history(session, parcels)
    before = _open_findings(session, parcels)
    refunded = _refunded(session, parcels)
    changed = []
    for parcel in parcels.values():
        standing = fold(history[parcel.id], now)
        stall_at = _stall_at(parcel, standing, silence)
        live = _live(parcel, standing, stall_at, now)
        if parcel.id in refunded and _seen_since(history[parcel.id], refunded[parcel.id]):
            live |= {ExceptionCode.CONTRADICTION}
        changed.append(Changed(parcel, standing, live, live - before[parcel.id], stall_at))
    _store(session, changed, now)
    _store_findings(session, changed, before, now)
    _store_solutions(session, changed, now, solution_due)
    return changed


_PARCEL = (
    Shipment.id,
    Shipment.number,
    Shipment.country,
    Shipment.postcode,
    Shipment.overdue_at,
    Shipment.solution_needed,
    Shipment.stage,
    Shipment.fold_version,
)
_PAYS = (Refund.SENDING, Refund.PENDING, Refund.UNKNOWN, Refund.SUCCEEDED)
"""The states of a refund in which its money has gone out or may have."""
_EVENT = tuple(getattr(EventRow, name) for name in Event._fields[1:] if name != "carrier_event_id")


def _history(session: Session, parcels: Mapping[int, Parcel]) -> Mapping[int, list[Event]]:
    told: defaultdict[int, list[Event]] = defaultdict(list)
    stored = sa.select(*_EVENT, EventRow.shipment_id).where(EventRow.shipment_id.in_(parcels))
    for *values, version, shipment_id in session.execute(stored):
        told[shipment_id].append(Event._make((parcels[shipment_id].number, *values, None, version)))
    return told


def _open_findings(session: Session, parcels: Mapping[int, Parcel]) -> Mapping[int, set[ExceptionCode]]:
    known: defaultdict[int, set[ExceptionCode]] = defaultdict(set)
    rows = session.execute(
        sa.select(Finding.shipment_id, Finding.kind).where(
            Finding.shipment_id.in_(parcels), Finding.cleared_at.is_(None)
        )
    )
    for shipment_id, kind in rows:
        known[shipment_id].add(kind)
    return known


def _refunded(session: Session, parcels: Mapping[int, Parcel]) -> dict[int, datetime]:
    """Since when the money of these shipments is, or may be, on its way: a sent refund counts before it is settled."""
    since = sa.func.coalesce(Remedy.first_sent_at, Incident.resolved_at)
    sent = (Remedy.incident_id == Incident.id) & Remedy.first_sent_at.is_not(None) & Remedy.state.in_(_PAYS)
    refunded = (Incident.state == State.RESOLVED) & (Incident.outcome == Outcome.REFUNDED)
    rows = session.execute(
        sa.select(Incident.shipment_id, sa.func.min(since))
        .outerjoin(Remedy, sent)
        .where(Incident.shipment_id.in_(parcels), refunded | Remedy.id.is_not(None), since.is_not(None))
        .group_by(Incident.shipment_id)
    )
    return {row[0]: row[1] for row in rows}


def _seen_since(history: Iterable[Event], since: datetime) -> bool:
    return any(event.occurred_at > since and event.exception is ExceptionCode.NONE for event in history)


def _live(parcel: Parcel, standing: Standing, stall_at: datetime | None, now: datetime) -> frozenset[ExceptionCode]:
    picture = trouble.Picture(standing.stage, frozenset(standing.exceptions), stall_at, parcel.overdue_at)
    return trouble.findings(picture, now)


def _stall_at(parcel: Parcel, standing: Standing, silence: Silence) -> datetime | None:
    if standing.last_event_at is None or standing.stage not in trouble.MOVING:
        return None
    return silence(parcel.country, parcel.postcode, standing.last_event_at)


def _store(session: Session, changed: Iterable[Changed], now: datetime) -> None:
    rows = []
    for one in changed:
        standing, stall_at = one.standing, one.stall_at
        rows.append(
            {
                "id": one.parcel.id,
                "stage": standing.stage,
                "exception": standing.exception,
                "direction": standing.direction or Direction.OUTBOUND,
                "suspected": standing.suspected,
                "solution_needed": standing.solution_needed,
                "attempts": standing.attempts,
                "last_event_at": standing.last_event_at,
                "delivered_at": standing.delivered_at,
                "stall_at": stall_at if stall_at is not None and stall_at > now else None,
                "fold_version": one.parcel.fold_version + 1,
                "unknown_since": None,
            }
        )
    update_by_id(session, Shipment, rows)


def _store_findings(
    session: Session, changed: Iterable[Changed], before: Mapping[int, set[ExceptionCode]], now: datetime
) -> None:
    """Open what is new, clear what no longer holds, and wake what hangs on a parcel whose journey has ended."""
    opened = [
        {"shipment_id": one.parcel.id, "kind": kind, "opened_at": now, "wake_at": now, "token": 0, "tries": 0}
        for one in changed
        for kind in sorted(one.news)
    ]
    if opened:
        insert_new(session, Finding, opened)
    gone = {
        (one.parcel.id, kind)
        for one in changed
        for kind in before[one.parcel.id] - one.findings - {ExceptionCode.CONTRADICTION}
    }
    if gone:
        session.execute(
            sa.update(Finding)
            .where(sa.tuple_(Finding.shipment_id, Finding.kind).in_(gone), Finding.cleared_at.is_(None))
            .values(cleared_at=now, wake_at=now, token=Finding.token + 1, lease_until=None)
            .execution_options(synchronize_session=False)
        )
    arrived = [one.parcel.id for one in changed if one.standing.stage in ENDED and one.parcel.stage not in ENDED]
    if arrived:
        session.execute(
            sa.update(Finding)
            .where(Finding.shipment_id.in_(arrived), Finding.incident_id.is_not(None))
            .values(wake_at=now, token=Finding.token + 1, lease_until=None)
            .execution_options(synchronize_session=False)
        )


def _store_solutions(session: Session, changed: Iterable[Changed], now: datetime, due_at: datetime) -> None:
    """A parcel that waits for our word is a task for a person; once it moves on, the task is done."""
    asked = [one.parcel.id for one in changed if one.standing.solution_needed and not one.parcel.solution_needed]
    if asked:
        reason = "the carrier waits for a solution: new attempt, address, pickup point or return"
        rows = [
            {"shipment_id": id_, "kind": TaskKind.SOLUTION, "due_at": due_at, "reason": reason, "made_at": now}
            for id_ in asked
        ]
        insert_new(session, Task, [{**row, "state": TaskState.OPEN} for row in rows])
    moved_on = [one.parcel.id for one in changed if one.parcel.solution_needed and not one.standing.solution_needed]
    if moved_on:
        session.execute(
            sa.update(Task)
            .where(Task.shipment_id.in_(moved_on), Task.kind == TaskKind.SOLUTION, Task.state == TaskState.OPEN)
            .values(state=TaskState.DONE, done_at=now)
            .execution_options(synchronize_session=False)
        )
