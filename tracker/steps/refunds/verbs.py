"""What people do with refunds: propose, approve, cancel, and say what they found out at the provider."""

from datetime import datetime

from sqlalchemy.orm import Session

from tracker.domain import incidents as incident_rules
from tracker.domain import refunds as rules
from tracker.domain.notices import Topic
from tracker.domain.promises import OPEN, Action, Word
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import CAN_CANCEL, LIVE, Mode, State, Witness
from tracker.domain.refusals import Refused
from tracker.outside.refund_providers.base import Outcome
from tracker.steps import Tools
from tracker.steps.refunds import evidence, intents
from tracker.store import audit, closing, incidents, promises, refunds, wake
from tracker.store.incidents import Incident, TaskKind
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy


def propose(
    session: Session,
    tools: Tools,
    now: datetime,
    incident: Incident,
    actor: audit.Actor,
    amount_minor: int | None = None,
) -> Remedy:
    """A person asks for a refund, of `amount_minor` where the shipment's worth is not known; it waits for approval.

    A second click gets the first intent.  Refused on a resolved incident, an arrived parcel, an unknown amount, or
    when less than that is left of what was paid.
    """
    refunds.lock_incident(session, incident)
    if (live := refunds.live_one(session, incident.id)) is not None:
        return live
    if reason := rules.objection(intents.trigger(incident, by_rule=False), now):
        raise Refused(f"no refund for {incident.ref}: {reason}")
    if amount_minor is not None and amount_minor <= 0:
        raise Refused("a refund is more than zero")
    owed = intents.owed(session, incident, judged=True)
    amount = amount_minor or owed.amount_minor
    if amount is None:
        raise Refused(f"no refund for {incident.ref} without an amount: {owed.reason}")
    remedy = intents.request(session, incident, amount, now, actor)
    if remedy is None:
        raise Refused(f"no refund for {incident.ref}: more would go back than was paid")
    due_at = incident.remedy_at or now
    incidents.add_task(session, incident, TaskKind.APPROVE, now, due_at, f"look at refund {remedy.key} and approve it")
    incidents.close_tasks(session, incident, now, [TaskKind.REFUND_STOPPED])
    intents.notify(session, remedy, Topic.STAFF_APPROVAL, "approval", now)
    promises.set_next_due(session, incident)
    return remedy


def approve(session: Session, tools: Tools, now: datetime, remedy: Remedy, actor: audit.Actor) -> Remedy:
    """Let an intent go out: our promise is kept by it, and the customer is told that the refund is asked for.

    A second approval finds it approved.  Refused when it has ended, when what it rests on has changed, while refunds
    are switched off, and above the policy's limit by the person who proposed it.
    """
    refunds.lock(session, remedy)
    if remedy.state is not State.REQUESTED:
        if remedy.state in LIVE:
            return remedy
        raise Refused(f"refund {remedy.key} was {remedy.state}: propose another one")
    _check_approval(session, tools, now, remedy, actor)
    state = rules.after(remedy.state, State.APPROVED)
    who = intents.by(actor)
    audit.change(session, remedy, now, actor, "refund_approved", state=state, approver=who, approved_at=now)
    wake.pull(session, Remedy, remedy.id, now)
    intents.tell(session, remedy, now, actor, "refund_approved")
    incidents.close_tasks(session, remedy.incident, now, [TaskKind.APPROVE, TaskKind.REFUND_STOPPED])
    _keep_our_promise(session, tools, remedy, now, actor)
    intents.notify(session, remedy, Topic.CUSTOMER_REFUND_REQUESTED, "requested", now)
    return remedy


def _check_approval(session: Session, tools: Tools, now: datetime, remedy: Remedy, actor: audit.Actor) -> None:
    if tools.refunds_mode is Mode.OFF:
        raise Refused("refunds are switched off: nothing can be approved")
    if reason := intents.objection(session, remedy, now):
        raise Refused(f"refund {remedy.key} is not owed any more: {reason}")
    if remedy.amount_minor > tools.policy.refund_cap_minor and intents.by(actor) == remedy.requested_by:
        raise Refused(f"refund {remedy.key} is above the limit: somebody else must approve it")


def _keep_our_promise(session: Session, tools: Tools, remedy: Remedy, now: datetime, actor: audit.Actor) -> None:
    """The refund is asked for: the announcement is kept, late if its time had passed, and binds us no more."""
    promise = _announcement(session, remedy.incident)
    if promise is not None:
        on_time = tools.refunds_mode is Mode.AUTO and now <= promise.due_at + intents.grace(tools)
        deed_at = min(now, promise.due_at) if on_time else now
        closing.settle(session, promise, now, actor, Word.KEPT, evidence=remedy.key, deed_at=deed_at)
    if remedy.incident.remedy_at is not None:
        audit.change(session, remedy.incident, now, actor, "remedy_asked", remedy_at=None)
    promises.set_next_due(session, remedy.incident)


def _announcement(session: Session, incident: Incident) -> Promise | None:
    """The newest announcement of a refund that is still to be kept."""
    said = promises.of(session, incident.id, action=Action.REFUND, episode=incident.episode)
    return said[-1] if said and said[-1].state in OPEN | {PromiseState.BROKEN} else None


def cancel(session: Session, tools: Tools, now: datetime, remedy: Remedy, actor: audit.Actor, why: str) -> Remedy:
    """Take back an intent that was never sent; a person decides what the customer gets instead.

    A second click finds it cancelled.  Refused once it has been sent.
    """
    refunds.lock(session, remedy)
    if remedy.state is State.CANCELLED:
        return remedy
    if remedy.state not in CAN_CANCEL:
        raise Refused(f"refund {remedy.key} is {remedy.state} and was sent: it cannot be cancelled any more")
    intents.end_unsent(session, remedy, now, actor, why)
    if remedy.incident.state is incident_rules.State.OPEN:
        intents.stop(session, tools, remedy.incident, TaskKind.REFUND_STOPPED, now, intents.ended(remedy))
    return remedy


def conclude(
    session: Session, tools: Tools, now: datetime, remedy: Remedy, actor: audit.Actor, *, made: bool, note: str
) -> Remedy:
    """A person has found out at the provider whether an unclear refund was made; `note` says how they know.

    When it was not, its money is free again and a new one may be proposed.  Refused without a note, or when nothing
    is unclear.
    """
    refunds.lock(session, remedy)
    state = State.SUCCEEDED_EXTERNALLY if made else State.FAILED
    if not note.strip():
        raise Refused("say how you know: the provider's number, or who told you")
    if remedy.state is state:
        return remedy
    if remedy.state not in {State.UNKNOWN, State.NEEDS_PERSON}:
        raise Refused(f"refund {remedy.key} is {remedy.state}: there is nothing to find out")
    told = Outcome(state, detail=note.strip())
    evidence.learn(session, tools, remedy, told, Witness.PERSON, now, actor)
    return remedy
