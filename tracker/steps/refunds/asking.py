"""The announced refund: on its day an intent is stored, approved by rule or laid before a person."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain import incidents as incident_rules
from tracker.domain import refunds as rules
from tracker.domain.notices import Topic
from tracker.domain.promises import OPEN, Action, Party, Word
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import CAN_CANCEL, Mode, State
from tracker.steps import Tools
from tracker.steps.refunds import intents
from tracker.steps.refunds.intents import RULE
from tracker.steps.refunds.verbs import approve
from tracker.store import closing, due, feeds, incidents, promises, refunds
from tracker.store.incidents import Incident, TaskKind
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy

LOOK_AGAIN: Final = timedelta(minutes=15)
"""How often a refund that something holds up is looked at again."""


def ask_due(tools: Tools, now: datetime) -> due.Tally:
    """Keep our own promises: ask for every announced refund whose day has come."""
    return due.each(
        tools.store,
        Promise,
        lambda session, promise: _attend(session, tools, promise, now),
        now,
        where=[Promise.action == Action.REFUND, Promise.performer == Party.MERCHANT],
        owner=tools.owner,
    )


def _attend(session: Session, tools: Tools, promise: Promise, now: datetime) -> datetime | None:
    incident = refunds.lock_incident(session, promise.incident)
    if not _stands(session, promise, incident):
        return None
    opens = _opens(tools, promise)
    live = refunds.live_one(session, incident.id)
    if live is not None and now < opens and live.state in CAN_CANCEL and live.requested_by == refunds.BY_RULE:
        intents.end_unsent(session, live, now, RULE, "the refund was announced for a later day")
        live = None
    if live is not None and live.state is not State.REQUESTED:
        closing.settle(session, promise, now, RULE, Word.KEPT, evidence=live.key)
        return None
    if now < opens:
        return opens
    if live is None:
        live = _ask(session, tools, incident, promise, now)
    return _wait(session, tools, promise, live, now)


def _stands(session: Session, promise: Promise, incident: Incident) -> bool:
    """Whether the announcement still binds us; a broken one does until kept, taken back or said anew."""
    if incident.state is not incident_rules.State.OPEN:
        return False
    if promise.state in OPEN:
        return True
    newest = promises.of(session, incident.id, action=Action.REFUND)[-1]
    return promise.state is PromiseState.BROKEN and newest is promise and incident.remedy_at is not None


def _opens(tools: Tools, promise: Promise) -> datetime:
    """When to act: at the due time, or some staff hours before where a person must press the button."""
    if tools.refunds_mode is Mode.AUTO:
        return promise.due_at
    ahead = timedelta(hours=incidents.policy_of(promise.incident).approval_staff_hours)
    return hours.before(tools.staff_hours, promise.due_at, ahead)


def _ask(session: Session, tools: Tools, incident: Incident, promise: Promise, now: datetime) -> Remedy | None:
    """Store the intent and let a rule or a person approve it; None, and a task, when it must not be asked for."""
    if reason := _hindrance(session, tools, incident, promise, now):
        intents.stop(session, tools, incident, TaskKind.REFUND_STOPPED, now, reason)
        return None
    owed = intents.owed(session, incident)
    remedy = intents.request(session, incident, owed.amount_minor, now, RULE) if owed.amount_minor else None
    if remedy is None:
        reason = owed.reason or "more would go back than was paid"
        intents.stop(session, tools, incident, TaskKind.DECIDE, now, reason)
    elif tools.refunds_mode is Mode.AUTO and _within_caps(session, tools, remedy, now):
        approve(session, tools, now, remedy, RULE)
    else:
        _lay_before_a_person(session, remedy, promise, now)
    return remedy


def _hindrance(session: Session, tools: Tools, incident: Incident, promise: Promise, now: datetime) -> str | None:
    """What stands against asking now."""
    if tools.refunds_mode is Mode.OFF:
        return "refunds are switched off: refund this order by hand, or switch them on"
    said_at = promises.said_at(session, promise)
    for ended in refunds.ended_before(session, incident.id):
        if ended.state is State.FAILED or ended.requested_at >= said_at:
            return intents.ended(ended)
    if reason := rules.objection(intents.trigger(incident, by_rule=True), now):
        return f"the refund waits: {reason}"
    if feeds.stale(session, incident.shipment, now):
        return "the refund waits: the carrier's feed is silent, and the parcel may have arrived"
    return None


def _within_caps(session: Session, tools: Tools, remedy: Remedy, now: datetime) -> bool:
    small = remedy.amount_minor <= tools.policy.refund_cap_minor
    return small and not intents.capped(session, tools, remedy.incident, now, waiting=True)


def _lay_before_a_person(session: Session, remedy: Remedy, promise: Promise, now: datetime) -> None:
    reason = f"look at refund {remedy.key} and approve it, or not"
    incidents.add_task(session, remedy.incident, TaskKind.APPROVE, now, promise.due_at, reason)
    intents.notify(session, remedy, Topic.STAFF_APPROVAL, "approval", now)
    promises.set_next_due(session, remedy.incident)


def _wait(session: Session, tools: Tools, promise: Promise, live: Remedy | None, now: datetime) -> datetime | None:
    """When to look again; at the due time we have broken our own word, which the lead hears of once."""
    if promise.state not in OPEN and promise.state is not PromiseState.BROKEN:
        return None
    again = now + LOOK_AGAIN
    if promise.state is PromiseState.BROKEN:
        return again
    late = promise.due_at + (intents.grace(tools) if tools.refunds_mode is Mode.AUTO else timedelta(0))
    if now < late:
        return min(again, late)
    closing.settle(session, promise, now, RULE, Word.NOT_KEPT, evidence="not asked for by the announced time")
    if live is not None:
        intents.notify(session, live, Topic.STAFF_APPROVAL, "approval:late", now)
    return again
