"""The merchant's own people: they call the carrier, write it down, and decide what the program leaves to them."""

from datetime import datetime, time, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.incidents import Kind, Outcome, State
from tracker.domain.promises import Action, DueSource, Party, Terms
from tracker.simulator.journeys import at
from tracker.simulator.people.acting import as_staff, staff
from tracker.simulator.scene import Scene
from tracker.steps import contacts
from tracker.store import closing, promises
from tracker.store.incidents import Incident, Task, TaskKind, TaskState

CALLS: Final = 0.8
"""How many incidents that leave it open an agent calls about on a morning."""
UNCLEAR: Final = frozenset({Kind.DAMAGED_OR_LOST, Kind.LOST, Kind.UNDER_INVESTIGATION})


def morning(scene: Scene) -> None:
    """An agent goes through the queue: calls about what is unclear, decides what waits for a decision."""
    stream = scene.chance.of("agents")
    with scene.tools.store.read() as session:
        unclear = _uncalled(session)
        undecided = _undecided(session, scene.now)
    for incident_id in unclear:
        if stream.random() < CALLS:
            log_call(scene, incident_id, at(scene.now, time(14), workdays=1))
    for incident_id in undecided:
        as_staff(scene.tools, incident_id, lambda session, incident: _decide(session, incident, scene.now))


def log_call(scene: Scene, incident_id: int, due_at: datetime) -> bool:
    """Call the carrier's line, log it, and record what was promised: the depot calls the customer by `due_at`."""
    details = contacts.ContactDetails(
        at=scene.now,
        channel="phone",
        person="Marta, national line",
        reference=f"REF-{incident_id}",
        reason="where is the parcel?",
        outcome="the depot will call the customer",
    )
    terms = Terms(Party.DEPOT, Action.CALL, Party.CUSTOMER, due_at, DueSource.AGREED, "said on the phone")

    def write(session: Session, incident: Incident) -> None:
        contacts.log_contact(session, scene.tools, scene.now, incident, details, staff())
        contacts.record_promise(session, scene.tools, scene.now, incident, terms, staff())

    return as_staff(scene.tools, incident_id, write)


def _uncalled(session: Session) -> list[int]:
    rows = session.scalars(
        sa.select(Incident).where(Incident.state == State.OPEN, Incident.kind.in_(UNCLEAR)).order_by(Incident.id)
    ).all()
    return [row.id for row in rows if not promises.of(session, row.id, action=Action.CALL)]


def _undecided(session: Session, now: datetime) -> list[int]:
    """Incidents whose decision has waited for a day."""
    rows = session.scalars(
        sa.select(Task.incident_id)
        .join(Incident, Incident.id == Task.incident_id)
        .where(
            Incident.state == State.OPEN,
            Task.state == TaskState.OPEN,
            Task.kind.in_([TaskKind.DECIDE, TaskKind.DISPUTED]),
            Task.made_at < now - timedelta(days=1),
        )
        .order_by(Task.incident_id)
        .distinct()
    )
    return [row for row in rows if row is not None]


def _decide(session: Session, incident: Incident, now: datetime) -> None:
    """The agent has spoken to everybody and closes the case."""
    if incident.state is State.OPEN:
        closing.resolve(session, incident, now, staff(), Outcome.WITHDRAWN, "settled with the customer by phone")
