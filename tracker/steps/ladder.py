"""The ladder: after a broken promise, one rung after the other, each in its receiver's working hours, each once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tracker.domain import hours, ladder
from tracker.domain.incidents import State
from tracker.domain.ladder import Receiver, Rung
from tracker.domain.notices import Topic
from tracker.domain.promises import Action
from tracker.steps import Tools, depot_hours
from tracker.store import audit, depots, due, feeds, incidents, outbox, promises
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, SaidBy, TaskKind

ACTOR = audit.Actor(audit.ActorKind.JOB, via="ladder")
HELD = timedelta(minutes=30)
"""How long a step waits before it looks again whether the carrier's feed is back."""
TOPICS = {
    Receiver.DEPOT: Topic.DEPOT_REMINDER,
    Receiver.MANAGER: Topic.MANAGER_ESCALATION,
    Receiver.DESK: Topic.DESK_ESCALATION,
}


def climb(tools: Tools, now: datetime) -> due.Tally:
    """Climb for every incident whose next rung is due."""
    return due.each(
        tools.store, Incident, lambda session, incident: _climb(session, tools, incident, now), now, owner=tools.owner
    )


def _climb(session: Session, tools: Tools, incident: Incident, now: datetime) -> datetime | None:
    if incident.state is not State.OPEN or incident.ladder_from is None:
        return None
    held = feeds.stale(session, incident.shipment, now)
    again = now + HELD if held else _next_rung(session, tools, incident, now)
    promises.set_next_due(session, incident, again)
    return again


def _next_rung(session: Session, tools: Tools, incident: Incident, now: datetime) -> datetime | None:
    """Climb what is due now, and tell when the next rung is."""
    assert incident.ladder_from is not None
    policy = incidents.policy_of(incident)
    last: tuple[Rung, Depot | None] | None = None
    at: datetime | None = None
    while (rung := ladder.rung(policy, incident.level)) is not None:
        receiver = _receiver(session, incident, rung)
        at = _time(rung, incident.ladder_from, depot_hours(receiver, tools.staff_hours), now)
        if at > now:
            break
        audit.change(session, incident, now, ACTOR, "escalated", level=incident.level + 1)
        last = (rung, receiver)
    else:
        at = None
        _top(session, tools, incident, now)
    if last is not None:
        _speak(session, incident, *last, now)
    return at


def _time(rung: Rung, start: datetime, calendar: hours.Calendar, now: datetime) -> datetime:
    """When a rung is due: counted from the broken promise in the receiver's business time, in its opening hours."""
    at = start
    if rung.working_days:
        at = hours.add_working_days(calendar, start, rung.working_days).at
    if rung.business_hours:
        at = hours.add(calendar, at, timedelta(hours=rung.business_hours)).at
    return hours.next_opening(calendar, max(at, now))


def _receiver(session: Session, incident: Incident, rung: Rung) -> Depot | None:
    """Who hears of this rung: the depot, its manager at the same office, or the carrier's desk."""
    shipment = incident.shipment
    if rung.to is Receiver.DESK:
        return depots.desk(session, shipment.carrier)
    if rung.to is Receiver.MANAGER and shipment.depot is not None and shipment.depot.manager_email:
        return shipment.depot
    return depots.receiver(session, shipment.carrier, shipment.depot)


def _speak(session: Session, incident: Incident, rung: Rung, receiver: Depot | None, now: datetime) -> None:
    """One notice for the highest rung reached now: after a pause nobody gets three at once."""
    what = "reminded" if rung.to is Receiver.DEPOT else "escalated"
    incidents.tell(session, incident, now, SaidBy.TRACKER, what, level=incident.level, to=str(rung.to))
    if receiver is None:
        incidents.add_task(session, incident, TaskKind.CONTACT, now, now, f"no address for the {rung.to}: call them")
        promises.set_next_due(session, incident)
        return
    manager = rung.to is Receiver.MANAGER and bool(receiver.manager_email)
    recipient = f"{'manager' if manager else 'depot'}:{receiver.id}"
    outbox.put(
        session,
        TOPICS[rung.to],
        f"incident:{incident.id}:ep{incident.episode}:level{incident.level}:{recipient}",
        now,
        recipient=recipient,
        incident_id=incident.id,
        shipment_id=incident.shipment_id,
        version=incident.episode,
    )


def _top(session: Session, tools: Tools, incident: Incident, now: datetime) -> None:
    """Above the last rung stands the announced refund; where none is announced, a person decides."""
    if promises.open_promise(session, incident.id, Action.REFUND) is None:
        due_at = hours.end_of_working_day(tools.staff_hours, now, 1).at
        incidents.add_task(
            session, incident, TaskKind.DECIDE, now, due_at, "every rung was climbed and nobody answered"
        )
        promises.set_next_due(session, incident)
