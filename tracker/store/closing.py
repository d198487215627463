"""Ending an incident and moving its announced refund: writes that several steps share."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import incidents as rules
from tracker.domain.notices import Topic
from tracker.domain.promises import FAILED, OPEN, Action, DueSource, Party, Word, after
from tracker.store import audit, outbox, promises, refunds, wake
from tracker.store.incidents import Incident, SaidBy, TaskKind, close_tasks, policy_of, tell
from tracker.store.links import Link, Purpose
from tracker.store.promises import Promise


def resolve(
    session: Session, incident: Incident, now: datetime, actor: audit.Actor, outcome: rules.Outcome, why: str = ""
) -> None:
    """End an incident: its open promises are void, its tasks done, the ladder asleep, the depot's links dead.

    Two days later the customer is asked whether all is well.  Raises IllegalMove when it is resolved already.
    """
    state = rules.after(incident.state, rules.Move.RESOLVE)
    audit.change(
        session, incident, now, actor, "resolved", state=state, outcome=outcome, resolved_at=now, remedy_at=None
    )
    for promise in promises.of(session, incident.id):
        if promise.state in OPEN:
            void = after(promise.state, Word.WITHDRAWN)
            audit.change(session, promise, now, actor, "promise_void", state=void, closed_at=now, evidence="resolved")
    wake.quiet(session, Promise, Promise.incident_id == incident.id)
    wake.quiet(session, Incident, Incident.id == incident.id)
    refunds.wake_unsent(session, incident.id, now)
    close_tasks(session, incident, now, set(TaskKind) - {TaskKind.REAPPEARED})
    session.execute(
        sa.update(Link)
        .where(Link.incident_id == incident.id, Link.purpose == Purpose.DEPOT, Link.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    promises.set_next_due(session, incident)
    tell(session, incident, now, _voice(actor), "resolved", outcome=str(outcome), why=why)
    if outcome is not rules.Outcome.MOVING:
        _ask_later(session, incident, now)


def _ask_later(session: Session, incident: Incident, now: datetime) -> None:
    outbox.put(
        session,
        Topic.CUSTOMER_FOLLOWUP,
        f"incident:{incident.id}:ep{incident.episode}:followup",
        now,
        wake_at=now + timedelta(days=policy_of(incident).followup_days),
        recipient="customer",
        incident_id=incident.id,
        shipment_id=incident.shipment_id,
        version=incident.episode,
    )


def settle(
    session: Session,
    promise: Promise,
    now: datetime,
    actor: audit.Actor,
    word: Word,
    *,
    evidence: str = "",
    deed_at: datetime | None = None,
) -> None:
    """End a promise on somebody's word (or on silence); a failed one sets the ladder going, unless it was ours.

    `deed_at` is when the promised thing was done, for kept or kept late.
    """
    state = after(promise.state, word, late=(deed_at or now) > promise.due_at)
    audit.change(session, promise, now, actor, f"promise_{state}", state=state, closed_at=now, evidence=evidence[:300])
    if state not in OPEN:
        wake.quiet(session, Promise, Promise.id == promise.id)
    incident = promise.incident
    body = {"promise": promise.id, "performer": str(promise.performer), "action": str(promise.action)}
    tell(session, incident, now, _voice(actor), f"promise_{state}", evidence=evidence, **body)
    if state in FAILED and promise.performer is not Party.MERCHANT:
        start_ladder(session, incident, now, actor)
    elif not promises.failing(session, incident):
        stop_ladder(session, incident, now, actor)
    promises.set_next_due(session, incident)


def start_ladder(session: Session, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """Let the ladder climb from now on; one that climbs already is left alone, one at its top looks again."""
    if incident.state is not rules.State.OPEN:
        return
    if incident.ladder_from is None:
        audit.change(session, incident, now, actor, "ladder_started", ladder_from=now)
    elif session.scalar(sa.select(Incident.wake_at).where(Incident.id == incident.id)) is not None:
        return
    wake.pull(session, Incident, incident.id, now)


def stop_ladder(session: Session, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """Let the ladder rest: what set it going was made good.  It goes on from the same rung when something fails."""
    if incident.ladder_from is not None:
        audit.change(session, incident, now, actor, "ladder_stopped", ladder_from=None)
        wake.quiet(session, Incident, Incident.id == incident.id)


def move_remedy(
    session: Session,
    incident: Incident,
    now: datetime,
    actor: audit.Actor,
    due_at: datetime,
    reason: str,
    trace: str = "",
) -> Promise:
    """Announce the refund for `due_at`, or move the announced one: it is our own promise to the customer."""
    promise = promises.open_promise(session, incident.id, Action.REFUND)
    if promise is None:
        promise = promises.make(
            session,
            Promise(
                incident_id=incident.id,
                episode=incident.episode,
                promisor=Party.MERCHANT,
                performer=Party.MERCHANT,
                beneficiary=Party.CUSTOMER,
                action=Action.REFUND,
                made_at=now,
                due_at=due_at,
                due_source=DueSource.ASSUMED,
            ),
            actor,
            reason=reason,
            trace=trace,
            wake_at=now,
        )
        tell(session, incident, now, SaidBy.TRACKER, "promise_made", **told(promise))
    else:
        promises.renegotiate(session, promise, now, actor, due_at=due_at, reason=reason, trace=trace, wake_at=now)
        tell(session, incident, now, _voice(actor), "promise_renegotiated", reason=reason, **told(promise))
    audit.change(session, incident, now, actor, "remedy_moved", remedy_at=due_at)
    promises.set_next_due(session, incident)
    return promise


def withdraw_remedy(session: Session, incident: Incident, now: datetime, actor: audit.Actor, why: str) -> None:
    """Take the announced refund back: the parcel was found."""
    promise = promises.open_promise(session, incident.id, Action.REFUND)
    if promise is not None:
        settle(session, promise, now, actor, Word.WITHDRAWN, evidence=why)
    audit.change(session, incident, now, actor, "remedy_withdrawn", remedy_at=None)
    refunds.wake_unsent(session, incident.id, now)
    promises.set_next_due(session, incident)


def told(promise: Promise) -> dict[str, str | int]:
    """What the timeline keeps of a promise."""
    return {
        "promise": promise.id,
        "performer": str(promise.performer),
        "beneficiary": str(promise.beneficiary),
        "action": str(promise.action),
        "due_at": promise.due_at.isoformat(),
        "due_source": str(promise.due_source),
        "version": promise.version,
    }


def _voice(actor: audit.Actor) -> SaidBy:
    return {
        audit.ActorKind.DEPOT: SaidBy.DEPOT,
        audit.ActorKind.CUSTOMER: SaidBy.CUSTOMER,
        audit.ActorKind.STAFF: SaidBy.STAFF,
        audit.ActorKind.API: SaidBy.STAFF,
        audit.ActorKind.CLI: SaidBy.STAFF,
    }.get(actor.kind, SaidBy.TRACKER)
