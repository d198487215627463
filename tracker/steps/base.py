"""What several steps do when somebody comes to owe something: ask, promise, announce, tell the customer."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tracker.domain import hours, ladder
from tracker.domain import incidents as rules
from tracker.domain.incidents import Cause, Kind, Move
from tracker.domain.notices import Topic
from tracker.domain.promises import OPEN, Action, DueSource, Party, Terms, Word
from tracker.steps import Tools, depot_hours
from tracker.store import audit, closing, depots, incidents, outbox, promises
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, SaidBy, TaskKind
from tracker.store.promises import Promise

_WHICH = {Kind.DAMAGED_OR_LOST}
_SEARCHED = {Kind.STALLED, Kind.OVERDUE, Kind.MISSING_PIECES, Kind.UNDER_INVESTIGATION}


def ask_the_carrier(session: Session, tools: Tools, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """Ask which of the two it is, or for a search, where only the carrier can know; a promise keeps the date.

    What was asked before is not asked any more.
    """
    if incident.kind not in _WHICH | _SEARCHED:
        _withdraw_questions(session, incident, {Action.ANSWER, Action.INVESTIGATE}, now, actor)
        return
    policy = incidents.policy_of(incident)
    action = Action.ANSWER if incident.kind in _WHICH else Action.INVESTIGATE
    _withdraw_questions(session, incident, {Action.ANSWER, Action.INVESTIGATE} - {action}, now, actor)
    receiver = depots.receiver(session, incident.shipment.carrier, incident.shipment.depot)
    days = policy.answer_working_days if action is Action.ANSWER else _search_days(incident, policy)
    due = hours.end_of_working_day(depot_hours(receiver, tools.staff_hours), now, days)
    performer = Party.DESK if receiver is None or receiver.code == depots.DESK else Party.DEPOT
    if promises.open_promise(session, incident.id, action) is not None:
        return
    terms = Terms(performer, action, Party.MERCHANT, due.at, DueSource.ASSUMED, trace=due.trace)
    promise = owe(session, tools, incident, terms, now, actor)
    ask_depot(session, tools, incident, promise, receiver, now)


def _withdraw_questions(
    session: Session, incident: Incident, actions: set[Action], now: datetime, actor: audit.Actor
) -> None:
    for action in sorted(actions):
        if (promise := promises.open_promise(session, incident.id, action)) is not None:
            why = f"the parcel is known to be {incident.kind}"
            closing.settle(session, promise, now, actor, Word.WITHDRAWN, evidence=why)


def _search_days(incident: Incident, policy: ladder.Policy) -> int:
    far = ladder.is_far(incident.shipment.country, incident.shipment.postcode)
    return policy.search_working_days_far if far else policy.search_working_days


def owe(session: Session, tools: Tools, incident: Incident, terms: Terms, now: datetime, actor: audit.Actor) -> Promise:
    """Write down who owes what to whom by when, with its nudge and its place in the story."""
    nudge_at = nudge_time(session, tools, incident, terms.due_at, now)
    promise = promises.make(
        session,
        Promise(
            incident_id=incident.id,
            episode=incident.episode,
            promisor=terms.performer,
            performer=terms.performer,
            beneficiary=terms.beneficiary,
            action=terms.action,
            made_at=now,
            due_at=terms.due_at,
            due_source=terms.source,
            nudge_at=nudge_at,
        ),
        actor,
        reason=terms.reason,
        trace=terms.trace,
        wake_at=nudge_at or terms.due_at,
    )
    incidents.tell(session, incident, now, SaidBy.TRACKER, "promise_made", **closing.told(promise))
    next_due(session, incident)
    return promise


def nudge_time(session: Session, tools: Tools, incident: Incident, due_at: datetime, now: datetime) -> datetime | None:
    """Two business hours of the receiver before the due time; None when that is past already."""
    receiver = depots.receiver(session, incident.shipment.carrier, incident.shipment.depot)
    before = timedelta(hours=incidents.policy_of(incident).nudge_business_hours)
    at = hours.before(depot_hours(receiver, tools.staff_hours), due_at, before)
    return at if at > now else None


def renegotiate(
    session: Session,
    tools: Tools,
    incident: Incident,
    promise: Promise,
    due_at: datetime,
    reason: str,
    now: datetime,
    actor: audit.Actor,
) -> None:
    """Give a promise a new due time that was agreed upon, with reminders of its own."""
    nudge_at = nudge_time(session, tools, incident, due_at, now)
    wake_at = nudge_at or due_at
    audit.change(session, promise, now, actor, "promise_agreed", due_source=DueSource.AGREED)
    promises.renegotiate(session, promise, now, actor, due_at=due_at, reason=reason, nudge_at=nudge_at, wake_at=wake_at)
    incidents.tell(session, incident, now, SaidBy.STAFF, "promise_renegotiated", reason=reason, **closing.told(promise))
    next_due(session, incident)


def ask_depot(
    session: Session, tools: Tools, incident: Incident, promise: Promise, receiver: Depot | None, now: datetime
) -> None:
    """Put the question to the depot or desk into the outbox; where neither has an address, a person must ask."""
    if receiver is None:
        due_at = hours.add(tools.staff_hours, now, timedelta(hours=4)).at
        incidents.add_task(session, incident, TaskKind.CONTACT, now, due_at, "no address: ask the carrier yourself")
        next_due(session, incident)
        return
    outbox.put(
        session,
        Topic.DEPOT_QUESTION,
        f"promise:{promise.id}:v{promise.version}:question:depot:{receiver.id}",
        now,
        wake_at=hours.next_opening(depot_hours(receiver, tools.staff_hours), now),
        recipient=f"depot:{receiver.id}",
        incident_id=incident.id,
        promise_id=promise.id,
        shipment_id=incident.shipment_id,
        version=promise.version,
    )


def know_cause(
    session: Session, tools: Tools, incident: Incident, cause: Cause, now: datetime, actor: audit.Actor
) -> None:
    """The cause is known: the refund is asked for at once instead of on the announced day."""
    withdraw_delivery(session, incident, now, actor, f"the cause is known: {cause}")
    audit.change(session, incident, now, actor, "cause_known", cause=cause)
    said_by = SaidBy.DEPOT if actor.kind is audit.ActorKind.DEPOT else SaidBy.CARRIER
    incidents.tell(session, incident, now, said_by, "cause_known", cause=str(cause))
    closing.move_remedy(session, incident, now, actor, tools.cause_due(now), f"the cause is known: {cause}")


def promise_delivery(session: Session, tools: Tools, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """The parcel is found: no refund, and a new promise to deliver it."""
    closing.withdraw_remedy(session, incident, now, actor, "the parcel was found")
    for promise in promises.of(session, incident.id):
        if promise.state in OPEN and promise.action in {Action.ANSWER, Action.INVESTIGATE}:
            closing.settle(session, promise, now, actor, Word.WITHDRAWN, evidence="the parcel was found")
    withdraw_delivery(session, incident, now, actor, "found again: a new date")
    closing.stop_ladder(session, incident, now, actor)
    receiver = depots.receiver(session, incident.shipment.carrier, incident.shipment.depot)
    due = hours.end_of_working_day(depot_hours(receiver, tools.staff_hours), now, 2)
    terms = Terms(Party.DEPOT, Action.DELIVER, Party.CUSTOMER, due.at, DueSource.ASSUMED, trace=due.trace)
    owe(session, tools, incident, terms, now, actor)
    tell_customer(session, incident, Topic.CUSTOMER_FOUND, "found", now)


def withdraw_delivery(session: Session, incident: Incident, now: datetime, actor: audit.Actor, why: str) -> None:
    """Take a promise to deliver back: news has made it worthless, or another date follows."""
    promise = promises.open_promise(session, incident.id, Action.DELIVER)
    if promise is not None:
        closing.settle(session, promise, now, actor, Word.WITHDRAWN, evidence=why)


def keep_deliveries(session: Session, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """A delivery keeps the promise to deliver."""
    promise = promises.open_promise(session, incident.id, Action.DELIVER)
    if promise is not None:
        delivered_at = incident.shipment.delivered_at
        closing.settle(session, promise, now, actor, Word.KEPT, evidence="delivered", deed_at=delivered_at)


def tell_customer(session: Session, incident: Incident, topic: Topic, what: str, now: datetime) -> None:
    """Put a notice to the customer into the outbox, once an episode and subject."""
    outbox.put(
        session,
        topic,
        f"incident:{incident.id}:ep{incident.episode}:{what}:customer",
        now,
        recipient="customer",
        incident_id=incident.id,
        shipment_id=incident.shipment_id,
        version=incident.episode,
    )


def next_due(session: Session, incident: Incident) -> None:
    """Bring the queue's date up to date."""
    promises.set_next_due(session, incident)


def end_of_staff_day(tools: Tools, now: datetime) -> datetime:
    """The end of our own next working day: by when a person has decided."""
    return hours.end_of_working_day(tools.staff_hours, now, 1).at


def reopen(session: Session, tools: Tools, incident: Incident, kind: Kind, now: datetime, actor: audit.Actor) -> None:
    """News after the end: the same incident begins a new episode, at the foot of the ladder."""
    audit.change(
        session,
        incident,
        now,
        actor,
        "incident_reopened",
        state=rules.after(incident.state, Move.REOPEN),
        kind=kind,
        episode=incident.episode + 1,
        level=0,
        ladder_from=None,
        resolved_at=None,
        outcome=None,
        cause=None,
        desired=None,
        policy_id=incidents.pinned(session, tools.policy).id,
    )
    incidents.tell(
        session, incident, now, SaidBy.TRACKER, "incident_reopened", kind=str(kind), episode=incident.episode
    )
