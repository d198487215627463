"""The console's queue: open incidents by what is due next, in three statements however many there are."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.incidents import Kind, State
from tracker.domain.promises import OPEN, Action, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import State as Refund
from tracker.store.base import BigId, Utc
from tracker.store.incidents import Incident, Task, TaskKind
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Order, Shipment
from tracker.store.views.ops.loose import Loose, loose
from tracker.store.views.ops.marks import AT, IS_OPEN, LAST, PAGE, Mark

MOST: Final = 1000
"""Counting stops here: an exact count of a long queue costs more than the queue itself."""
LOOSE: Final = 5
"""The tasks without an open incident that the queue itself shows."""


_NOW: Final = sa.bindparam("now", type_=Utc())


class Show(StrEnum):
    """Which part of the queue."""

    ALL = "all"
    OVERDUE = "overdue"
    PERSON = "person"
    """What has an open task."""


class Row(NamedTuple):
    """One incident; its states are those of the newest promise that others owe and of the newest refund."""

    id: int
    ref: str
    kind: Kind
    state: State
    next_due_at: datetime | None
    ladder_from: datetime | None
    shipment_id: int
    number: str
    carrier: str
    suspected: bool
    order_number: str
    promise_state: Promised | None
    refund_state: Refund | None


class Owed(NamedTuple):
    """An open promise (performer, action, beneficiary) or an open task (kind) of an incident."""

    incident_id: int
    due_at: datetime
    performer: Party | None
    action: Action | None
    beneficiary: Party | None
    task: TaskKind | None


class Counts(NamedTuple):
    """How many there are, each at most MOST + 1."""

    all: int
    overdue: int
    person: int
    loose: int


class Queue(NamedTuple):
    """A page of the queue; `after` is where the next one begins."""

    rows: Sequence[Row]
    owed: dict[int, list[Owed]]
    after: Mark | None
    counts: Counts
    loose: Sequence[Loose]


def queue(
    session: Session, now: datetime, show: Show = Show.ALL, after: Mark | None = None, limit: int = PAGE
) -> Queue:
    """A page of open incidents by what is due next, the ones without a due time last; three statements."""
    place = None if after is None else after.due_at is not None
    values = {"now": now, **({"at": after.due_at, "last": after.id} if after is not None else {})}
    found = [Row._make(row) for row in session.execute(_rows_of(show, place, limit + 1), values)]
    shown = found[:limit]
    counts, tasks = _counts(session, now)
    more = Mark(shown[-1].next_due_at, shown[-1].id) if len(found) > limit else None
    return Queue(shown, owed(session, shown), more, counts, tasks)


@lru_cache
def _rows_of(show: Show, place: bool | None, limit: int) -> sa.Select[*tuple[Any, ...]]:
    page = page_ids(show, place, limit).subquery()
    return rows().join(page, page.c.id == Incident.id).order_by(*_order())


def page_ids(show: Show, place: bool | None, limit: int) -> sa.Select[int]:
    """The ids of a page: those with a due time, then those without, each read from the queue's index in its order.

    `place`: the page before ended among those with a due time (else without), and `:at`, `:last` say where; None for
    the first page.
    """
    dated = _shown(show).where(Incident.next_due_at.is_not(None))
    undated = _shown(show).where(Incident.next_due_at.is_(None))
    if place is True:
        dated = dated.where(sa.tuple_(Incident.next_due_at, Incident.id) > sa.tuple_(AT, LAST))
    elif place is False:
        dated, undated = dated.where(sa.false()), undated.where(Incident.id > LAST)
    first = dated.order_by(Incident.next_due_at, Incident.id).limit(limit).subquery()
    second = undated.order_by(Incident.id).limit(limit).subquery()
    both = sa.union_all(
        sa.select(sa.literal(0).label("part"), first.c.id, first.c.next_due_at),
        sa.select(sa.literal(1), second.c.id, second.c.next_due_at),
    ).subquery()
    return sa.select(both.c.id).order_by(both.c.part, both.c.next_due_at, both.c.id).limit(limit)


def _shown(show: Show) -> sa.Select[int, datetime | None]:
    query = sa.select(Incident.id, Incident.next_due_at).where(Incident.state == IS_OPEN)
    if show is Show.OVERDUE:
        return query.where(Incident.next_due_at <= _NOW)
    return query.where(_needs_a_person()) if show is Show.PERSON else query


def _needs_a_person() -> sa.ColumnElement[bool]:
    has = [
        sa.exists().where(mine == theirs, Task.state == IS_OPEN)
        for mine, theirs in ((Task.incident_id, Incident.id), (Task.shipment_id, Incident.shipment_id))
    ]
    return sa.or_(*has)


def rows() -> sa.Select[*tuple[Any, ...]]:
    """The columns of a Row, for a query to narrow down."""
    promise = (
        sa.select(Promise.state)
        .where(Promise.incident_id == Incident.id, Promise.action != Action.REFUND)
        .order_by(Promise.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    refund = (
        sa.select(Remedy.state)
        .where(Remedy.incident_id == Incident.id)
        .order_by(Remedy.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    told = (Incident.id, Incident.ref, Incident.kind, Incident.state, Incident.next_due_at, Incident.ladder_from)
    sent = (Shipment.id, Shipment.number, Shipment.carrier, Shipment.suspected, Order.number)
    joined = sa.join(Incident, Shipment, Shipment.id == Incident.shipment_id).join(Order, Order.id == Shipment.order_id)
    return sa.select(*told, *sent, promise, refund).select_from(joined)


def _order() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[datetime | None], sa.ColumnElement[int]]:
    return (
        Incident.next_due_at.is_(None),
        sa.type_coerce(Incident.next_due_at, Utc()),
        sa.type_coerce(Incident.id, sa.Integer),
    )


def owed(session: Session, found: Sequence[Row]) -> dict[int, list[Owed]]:
    """What is owed in these incidents, by their id, the earliest first; one statement."""
    ids = [row.id for row in found]
    by_incident: dict[int, list[Owed]] = {one: [] for one in ids}
    for row in session.execute(_owed_of(), {"ids": ids, "parcels": [row.shipment_id for row in found]}):
        by_incident[row[0]].append(Owed._make(row))
    return {one: sorted(some, key=lambda owed: owed.due_at) for one, some in by_incident.items()}


@lru_cache(maxsize=1)
def _owed_of() -> sa.CompoundSelect[*tuple[Any, ...]]:
    ids = sa.bindparam("ids", type_=BigId, expanding=True)
    parcels = sa.bindparam("parcels", type_=BigId, expanding=True)
    nothing = sa.null()
    promise = sa.select(
        *(Promise.incident_id, Promise.due_at, Promise.performer, Promise.action, Promise.beneficiary),
        sa.type_coerce(nothing, Task.kind.type),
    ).where(Promise.incident_id.in_(ids), Promise.state.in_(OPEN))
    blank = (nothing, nothing, nothing, Task.kind)
    task = sa.select(Task.incident_id, Task.due_at, *blank).where(Task.incident_id.in_(ids), Task.state == IS_OPEN)
    parcel = (
        sa.select(Incident.id, Task.due_at, *blank)
        .join(Incident, Incident.shipment_id == Task.shipment_id)
        .where(Task.shipment_id.in_(parcels), Task.state == IS_OPEN, Incident.id.in_(ids))
    )
    return sa.union_all(promise, task, parcel)


def _counts(session: Session, now: datetime) -> tuple[Counts, list[Loose]]:
    """The counts and the first loose tasks, in one statement: the tasks hang on the counts, or there are none."""
    found = session.execute(_counts_of(MOST + 1), {"now": now}).all()
    width = len(Counts._fields)
    return Counts._make(found[0][:width]), [Loose._make(row[width:]) for row in found if row[width] is not None]


@lru_cache
def _counts_of(most: int) -> sa.Select[*tuple[Any, ...]]:
    open_ = sa.select(Incident.id).where(Incident.state == IS_OPEN)
    counts = sa.select(
        _count(open_, most).label("open"),
        _count(open_.where(Incident.next_due_at <= _NOW), most).label("overdue"),
        _count(open_.where(_needs_a_person()), most).label("person"),
        _count(loose(), most).label("loose"),
    ).subquery()
    tasks = loose().order_by(Task.due_at, Task.id).limit(LOOSE).subquery()
    joined = counts.outerjoin(tasks, sa.true())
    return sa.select(counts, tasks).select_from(joined).order_by(tasks.c.due_at, tasks.c.id)


def _count(query: sa.Select[int, *tuple[Any, ...]], most: int) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.limit(most).subquery()).scalar_subquery()
