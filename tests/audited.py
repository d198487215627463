"""Checks while a test runs that no change of an incident, a promise or a refund goes without its one audit row.

`with audited(store): …` fails at the commit that breaks it: every flush that changes what people rely on must be told
by exactly one audit row of the same transaction, with the same values before and after.
"""

from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.store.audit import Audit, _plain
from tracker.store.incidents import Incident
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.wake import Wake

WATCHED = (Incident, Promise, Remedy)
MACHINE = set(Wake.__annotations__)
DERIVED = {"next_due_at", "looks"}
"""What follows from other rows, or only counts; the rest is told."""


class Unaudited(AssertionError):
    """A change without its audit row, or an audit row without its change."""


@contextmanager
def audited(store):
    """Watch every session of the store."""
    watch = _Watch(store)
    listeners = [
        ("after_flush", watch.flushed),
        ("before_commit", watch.committing),
        ("do_orm_execute", watch.executing),
        ("after_soft_rollback", watch.rolled_back),
    ]
    for name, listener in listeners:
        sa.event.listen(Session, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            sa.event.remove(Session, name, listener)


class _Watch:
    """What was changed, and what was told of it, in each open transaction."""

    def __init__(self, store):
        self._engine = store.engine
        self._seen = {}

    def flushed(self, session, _context):
        if session.get_bind() is not self._engine:
            return
        changes, told = self._seen.setdefault(id(session), ([], []))
        for row in (*session.new, *session.dirty):
            if isinstance(row, WATCHED) and (change := _change(session, row)):
                changes.append((f"{row.__tablename__}:{row.id}", change))
            elif isinstance(row, Audit) and row.object.partition(":")[0] in _TABLES and (news := _told(row)):
                told.append((row.object, news))

    def committing(self, session):
        if session.get_bind() is self._engine:
            session.flush()
            _compare(*self._seen.pop(id(session), ([], [])))

    def executing(self, state):
        if state.is_update and state.session.get_bind() is self._engine:
            _only_machine_columns(state)

    def rolled_back(self, session, _previous):
        self._seen.pop(id(session), None)


_TABLES = {model.__tablename__ for model in WATCHED}


def _change(session, row):
    """What people rely on of what this flush wrote: {column: (before, after)}; before is None for a new row."""
    state, found = sa.inspect(row), {}
    for column in state.mapper.column_attrs:
        if column.key in MACHINE | DERIVED | {"id"}:
            continue
        history = state.attrs[column.key].history
        if row in session.new:
            found[column.key] = (None, _plain(getattr(row, column.key)))
        elif history.has_changes():
            before = history.deleted[0] if history.deleted else None
            found[column.key] = (_plain(before), _plain(getattr(row, column.key)))
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def _told(audit):
    names = (set(audit.before) | set(audit.after)) - MACHINE - DERIVED - {"id"}
    pairs = {name: (audit.before.get(name), audit.after.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _compare(changes, told):
    left = list(told)
    for change in changes:
        if change not in left:
            raise Unaudited(f"no audit row tells of {change}; there are {told}")
        left.remove(change)
    if left:
        raise Unaudited(f"audit rows tell of what did not change: {left}")


def _only_machine_columns(state):
    table = getattr(state.statement, "table", None)
    if table is None or table.name not in _TABLES:
        return
    written = set(state.statement.compile().params) & {column.name for column in table.columns} - MACHINE - DERIVED
    if written:
        raise Unaudited(f"a statement over {table.name} sets {sorted(written)} without an audit row")
