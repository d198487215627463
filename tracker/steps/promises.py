"""The clock over promises: nudge before the due time, ask the customer at it, and say when one is broken."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain.incidents import State as IncidentState
from tracker.domain.ladder import Policy
from tracker.domain.notices import Topic
from tracker.domain.promises import OPEN, Action, Facts, Next, Party, Word, due_next
from tracker.outside import calendars
from tracker.steps import Tools
from tracker.store import audit, closing, depots, due, incidents, outbox
from tracker.store.incidents import SaidBy, TaskKind
from tracker.store.promises import Promise, set_next_due

ACTOR = audit.Actor(audit.ActorKind.JOB, via="promises")


def keep_watch(tools: Tools, now: datetime) -> due.Tally:
    """Do what the clock asks of every promise that is due (our own announced refund is kept by the refund step)."""
    return due.each(
        tools.store,
        Promise,
        lambda session, promise: _look(session, tools, promise, now),
        now,
        where=[Promise.action != Action.REFUND],
        owner=tools.owner,
    )


def _look(session: Session, tools: Tools, promise: Promise, now: datetime) -> datetime | None:
    if promise.state not in OPEN or promise.incident.state is not IncidentState.OPEN:
        return None
    policy = incidents.policy_of(promise.incident)
    step, again = due_next(_facts(promise, policy), now)
    if step is Next.NUDGE:
        _nudge(session, promise, now)
    elif step is Next.ASK:
        return _ask(session, promise, policy, now)
    elif step is Next.BREAK:
        closing.settle(session, promise, now, ACTOR, Word.NOT_KEPT, evidence="nothing heard by the due time")
        if promise.performer is Party.MERCHANT:
            _ask_our_own(session, tools, promise, now)
        return None
    elif step is Next.GIVE_UP_ASKING:
        closing.settle(session, promise, now, ACTOR, Word.SILENCE, evidence="asked, and no answer")
        return None
    return again


def _facts(promise: Promise, policy: Policy) -> Facts:
    # Whether we did what we promised we know ourselves: nobody else is asked.
    ours = promise.performer is Party.MERCHANT
    return Facts(
        beneficiary=Party.MERCHANT if ours else promise.beneficiary,
        due_at=promise.due_at,
        nudge_at=promise.nudge_at,
        nudged=promise.nudged_version >= promise.version,
        asked_at=promise.asked_at,
        patience=policy.patience,
    )


def _ask_our_own(session: Session, tools: Tools, promise: Promise, now: datetime) -> None:
    """No ladder climbs over our own people: one of them must make it good."""
    due_at = hours.end_of_working_day(tools.staff_hours, now, 1).at
    reason = f"we promised to {promise.action} and did not: make it good"
    incidents.add_task(session, promise.incident, TaskKind.DECIDE, now, due_at, reason)
    set_next_due(session, promise.incident)


def _nudge(session: Session, promise: Promise, now: datetime) -> None:
    """Remind the one who owes it shortly before; our own promises are in the queue of our own people."""
    audit.change(session, promise, now, ACTOR, "promise_nudged", nudged_version=promise.version)
    shipment = promise.incident.shipment
    receiver = depots.receiver(session, shipment.carrier, shipment.depot)
    if receiver is None or promise.performer is Party.MERCHANT:
        return
    _put(session, promise, Topic.DEPOT_NUDGE, "nudge", f"depot:{receiver.id}", now)
    incidents.tell(session, promise.incident, now, SaidBy.TRACKER, "promise_nudged", promise=promise.id)


def _ask(session: Session, promise: Promise, policy: Policy, now: datetime) -> datetime:
    """Ask the customer whether it was kept, between the policy's hours of the customer's day."""
    opens = _asking_time(promise, policy, now)
    if opens > now:
        return opens
    audit.change(session, promise, now, ACTOR, "promise_asked", asked_at=now)
    _put(session, promise, Topic.CUSTOMER_ASKED, "asked", "customer", now)
    incidents.tell(session, promise.incident, now, SaidBy.TRACKER, "promise_asked", promise=promise.id)
    return now + policy.patience


def _asking_time(promise: Promise, policy: Policy, now: datetime) -> datetime:
    shipment = promise.incident.shipment
    local = now.astimezone(ZoneInfo(calendars.postcode_zone(shipment.country, shipment.postcode)))
    day = local.date() + timedelta(days=local.hour >= policy.ask_until_hour)
    if policy.ask_from_hour <= local.hour < policy.ask_until_hour:
        return now
    opens = datetime.combine(day, local.time().replace(policy.ask_from_hour, 0, 0, 0), local.tzinfo)
    return opens.astimezone(now.tzinfo)


def _put(session: Session, promise: Promise, topic: Topic, what: str, recipient: str, now: datetime) -> None:
    outbox.put(
        session,
        topic,
        f"promise:{promise.id}:v{promise.version}:{what}:{recipient}",
        now,
        recipient=recipient,
        incident_id=promise.incident_id,
        promise_id=promise.id,
        shipment_id=promise.incident.shipment_id,
        version=promise.version,
    )
