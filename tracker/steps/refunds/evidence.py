"""What becomes known of a refund, from whomever: one place that moves its state and draws the consequences."""

from datetime import datetime

from sqlalchemy.orm import Session

from tracker.domain import incidents as incident_rules
from tracker.domain import refunds as rules
from tracker.domain.incidents import Move
from tracker.domain.notices import Topic
from tracker.domain.refunds import GIVES_BACK, PAID, State, Witness
from tracker.outside.refund_providers.base import Outcome
from tracker.steps import Tools
from tracker.steps.refunds import intents
from tracker.store import audit, closing, incidents, outbox, refunds, wake
from tracker.store.incidents import Incident, TaskKind
from tracker.store.refunds import Remedy


def report(
    session: Session, tools: Tools, now: datetime, key: str, outcome: Outcome, actor: audit.Actor
) -> Remedy | None:
    """A provider's callback about the refund with that key, in any order and as often as it comes.

    None for a refund that we do not know: people are told, and it is attached to nothing by guess.
    """
    remedy = refunds.by_key(session, key)
    if remedy is None:
        outbox.alarm(session, f"refund:unknown:{key[:64]}", now, f"a provider reports refund {key[:64]!r}, not ours")
        return None
    refunds.lock(session, remedy)
    learn(session, tools, remedy, outcome, Witness.CALLBACK, now, actor)
    return remedy


def learn(
    session: Session,
    tools: Tools,
    remedy: Remedy,
    outcome: Outcome,
    witness: Witness,
    now: datetime,
    actor: audit.Actor,
) -> None:
    """Take in what somebody says became of a locked intent; news that changes nothing is harmless."""
    before = remedy.state
    state = rules.learned(before, outcome.state, witness)
    _keep_reference(session, remedy, outcome, now, actor)
    if state is before:
        if witness is Witness.CALLBACK and rules.contradicts(before, outcome.state):
            _contradiction(session, tools, remedy, outcome, now)
        return
    _move(session, remedy, state, outcome.detail, now, actor)
    if state in PAID:
        _paid(session, tools, remedy, now, actor)
    elif state is State.FAILED:
        _failed(session, tools, remedy, before, now, actor)
    _sleep(session, tools, remedy, now)


def give_to_a_person(session: Session, tools: Tools, remedy: Remedy, now: datetime, why: str) -> None:
    """Nothing more can be found out by itself: somebody looks at the provider's books."""
    _move(session, remedy, rules.after(remedy.state, State.NEEDS_PERSON), why, now, intents.RULE)
    sent = f"{remedy.first_sent_at:%Y-%m-%d %H:%M} UTC" if remedy.first_sent_at else "never"
    sheet = f"{why}. Look for {remedy.key}, order {remedy.order.number}, at {remedy.provider}; first sent {sent}"
    intents.stop(session, tools, remedy.incident, TaskKind.REFUND_SHEET, now, sheet)
    outbox.alarm(session, f"refund:{remedy.id}:needs_person", now, sheet)
    wake.quiet(session, Remedy, Remedy.id == remedy.id)


def _move(session: Session, remedy: Remedy, state: State, detail: str, now: datetime, actor: audit.Actor) -> None:
    ended = {"settled_at": now} if state in PAID | GIVES_BACK else {}
    audit.change(session, remedy, now, actor, f"refund_{state}", state=state, detail=detail[:300], **ended)
    intents.tell(session, remedy, now, actor, f"refund_{state}", detail=detail[:300])


def _keep_reference(session: Session, remedy: Remedy, outcome: Outcome, now: datetime, actor: audit.Actor) -> None:
    """Keep the provider's own id; two ids for one intent, or one for two, is a thing for a person."""
    told = outcome.provider_ref
    if told is None or told == remedy.provider_ref:
        return
    other = refunds.of_provider(session, remedy.provider, told)
    if remedy.provider_ref is None and other is None:
        audit.change(session, remedy, now, actor, "refund_referenced", provider_ref=told)
        return
    text = f"{remedy.provider} calls {remedy.key} {told}, which is not what was known: look for a double refund"
    outbox.alarm(session, f"refund:{remedy.id}:reference:{told[:64]}", now, text)


def _paid(session: Session, tools: Tools, remedy: Remedy, now: datetime, actor: audit.Actor) -> None:
    intents.notify(session, remedy, Topic.CUSTOMER_REFUNDED, "refunded", now)
    if remedy.incident.state is incident_rules.State.OPEN:
        closing.resolve(session, remedy.incident, now, actor, incident_rules.Outcome.REFUNDED, remedy.key)
    else:
        reason = "paid although the incident had ended before: goods and money may both be with the customer"
        intents.stop(session, tools, remedy.incident, TaskKind.REAPPEARED, now, reason)
        outbox.alarm(session, f"refund:{remedy.id}:paid-after-the-end", now, f"{remedy.incident.ref}: {reason}")


def _failed(session: Session, tools: Tools, remedy: Remedy, before: State, now: datetime, actor: audit.Actor) -> None:
    """The money is free again and a person decides; nothing is tried again by itself."""
    refunds.give_back(session, remedy.order_id, remedy.amount_minor)
    text = intents.ended(remedy)
    incident = remedy.incident
    if before in PAID:
        incident = _open_again(session, incident, now, actor)
    intents.stop(session, tools, incident, TaskKind.REFUND_STOPPED, now, text)
    outbox.alarm(session, f"refund:{remedy.id}:failed", now, text)


def _open_again(session: Session, incident: Incident, now: datetime, actor: audit.Actor) -> Incident:
    """The bank has refused a refund that had succeeded: the case is open again, in a person's hands."""
    if (known := incidents.open_one(session, incident.shipment_id)) is not None:
        return known
    audit.change(
        session,
        incident,
        now,
        actor,
        "incident_reopened",
        state=incident_rules.after(incident.state, Move.REOPEN),
        episode=incident.episode + 1,
        level=0,
        ladder_from=None,
        resolved_at=None,
        outcome=None,
    )
    incidents.tell(
        session,
        incident,
        now,
        intents.said_by(actor),
        "incident_reopened",
        kind=str(incident.kind),
        episode=incident.episode,
    )
    return incident


def _contradiction(session: Session, tools: Tools, remedy: Remedy, outcome: Outcome, now: datetime) -> None:
    text = f"{remedy.provider} says that refund {remedy.key} is {outcome.state}, but it is {remedy.state} here"
    intents.stop(session, tools, remedy.incident, TaskKind.REFUND_SHEET, now, text)
    outbox.alarm(session, f"refund:{remedy.id}:{remedy.state}:{outcome.state}", now, text)


def _sleep(session: Session, tools: Tools, remedy: Remedy, now: datetime) -> None:
    """Whoever waits for an older answer has lost the lease; the next look is set by the state."""
    wake.quiet(session, Remedy, Remedy.id == remedy.id)
    if (at := next_look(tools, remedy, now)) is not None:
        refunds.wake_at(session, remedy.id, at)


def next_look(tools: Tools, remedy: Remedy, now: datetime) -> datetime | None:
    """When an intent that is in flight is looked at again; None when nothing more can be found out by itself."""
    if remedy.first_sent_at is None or remedy.last_sent_at is None:
        return None
    if remedy.state is State.UNKNOWN:
        return rules.next_look(remedy.first_sent_at, now)
    if remedy.state is not State.PENDING:
        return None
    provider = tools.providers.get(remedy.provider)
    patience = remedy.last_sent_at + rules.PENDING_PATIENCE
    often = now + rules.PENDING_LOOK if provider is not None and provider.can_look_up else patience
    return min(often, patience) if patience > now else None
