"""The guard: an open incident that nobody owes anything about any more goes to a person."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from tracker.domain.incidents import State
from tracker.steps import Tools, base
from tracker.store import incidents
from tracker.store.due import Tally
from tracker.store.incidents import Incident, TaskKind

LIMIT: Final = 50
# Written out, for a bound value would hide the partial index of the queue from SQLite.
UNGUARDED: Final = sa.and_(sa.text("incidents.state = 'open'"), Incident.next_due_at.is_(None))


def guard(tools: Tools, now: datetime) -> Tally:
    """Give every open incident without a next due time to a person, by the end of the next staff day."""
    tally = Tally()
    with tools.store.begin() as session:
        found = session.scalars(sa.select(Incident.id).where(UNGUARDED).limit(LIMIT)).all()
    for id_ in found:
        with tools.store.begin() as session:
            incident = session.get_one(Incident, id_)
            incidents.hold(session, incident)
            if incident.state is State.OPEN and incident.next_due_at is None:
                reason = "nothing is owed any more and the incident is open: decide how it goes on"
                due_at = base.end_of_staff_day(tools, now)
                incidents.add_task(session, incident, TaskKind.DECIDE, now, due_at, reason)
                base.next_due(session, incident)
                tally.done += 1
    return tally
