"""What customers answer on their pages: whether they were called, what they choose, whether all is well."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.incidents import Desired, Outcome, State
from tracker.domain.notices import Topic
from tracker.domain.promises import Action, Party, Word
from tracker.domain.promises import State as PromiseState
from tracker.domain.refusals import Refused
from tracker.steps import Tools, base
from tracker.store import audit, closing, incidents, promises
from tracker.store.incidents import Incident, SaidBy, TaskKind
from tracker.store.promises import Promise

LONGEST_WAIT: Final = timedelta(days=30)


def did_they_call(
    session: Session, tools: Tools, now: datetime, incident: Incident, yes: bool, actor: audit.Actor
) -> PromiseState:
    """The customer's word on the newest promise made to them; the same word again changes nothing.

    Refused where nothing was promised to the customer.
    """
    incidents.hold(session, incident)
    promise = asked_promise(session, incident)
    if promise is None or incident.state is not State.OPEN:
        raise Refused("no callback was promised, so there is nothing to answer")
    if _said_already(promise, yes):
        return promise.state
    incidents.close_tasks(session, incident, now, [TaskKind.DISPUTED])
    was_kept = promise.state in {PromiseState.KEPT, PromiseState.KEPT_LATE}
    if yes:
        closing.settle(
            session, promise, now, actor, Word.KEPT, evidence="the customer said yes", deed_at=min(now, promise.due_at)
        )
        if promise.action is Action.DELIVER:
            closing.resolve(session, incident, now, actor, Outcome.DELIVERED, "the customer has it")
    else:
        closing.settle(session, promise, now, actor, Word.NOT_KEPT, evidence="the customer said no")
    if was_kept and not yes:
        reason = "the depot says that it called, the customer says no: decide who is right"
        incidents.add_task(session, incident, TaskKind.DISPUTED, now, base.end_of_staff_day(tools, now), reason)
        base.next_due(session, incident)
    return promise.state


def _said_already(promise: Promise, yes: bool) -> bool:
    kept = promise.state in {PromiseState.KEPT, PromiseState.KEPT_LATE}
    return kept if yes else promise.state in {PromiseState.BROKEN, PromiseState.DISPUTED}


def asked_promise(session: Session, incident: Incident) -> Promise | None:
    """The newest promise to the customer that somebody at the carrier made in this episode."""
    return session.scalars(
        sa.select(Promise)
        .where(
            Promise.incident_id == incident.id,
            Promise.episode == incident.episode,
            Promise.beneficiary == Party.CUSTOMER,
            Promise.performer != Party.MERCHANT,
            Promise.state != PromiseState.VOID,
        )
        .order_by(Promise.id.desc())
        .limit(1)
    ).one_or_none()


def choose(
    session: Session,
    tools: Tools,
    now: datetime,
    incident: Incident,
    desired: Desired,
    until: datetime | None,
    actor: audit.Actor,
) -> None:
    """The customer chooses to wait until a date, or to have the money back now.

    Waiting moves the announced day later only, the refund earlier only; the same choice again changes nothing.
    Refused where no refund is announced, for a date in the past, or one more than thirty days ahead.
    """
    incidents.hold(session, incident)
    announced = promises.open_promise(session, incident.id, Action.REFUND)
    if incident.state is not State.OPEN or announced is None:
        raise Refused("there is no announced refund to choose about any more")
    if desired is Desired.WAIT:
        if until is None or not now < until <= now + LONGEST_WAIT:
            raise Refused("choose a day within the next thirty days")
        due_at, reason = max(until, announced.due_at), "the customer waits"
    else:
        due_at, reason = min(tools.cause_due(now), announced.due_at), "the customer chose the refund"
    if desired is incident.desired and due_at == announced.due_at:
        return
    audit.change(session, incident, now, actor, "customer_chose", desired=desired)
    incidents.tell(session, incident, now, SaidBy.CUSTOMER, "choice", desired=str(desired), until=due_at.isoformat())
    closing.move_remedy(session, incident, now, actor, due_at, reason)
    if desired is Desired.WAIT:
        base.tell_customer(session, incident, Topic.CUSTOMER_CHOICE, f"choice:{due_at.isoformat()}", now)


def all_well(
    session: Session,
    tools: Tools,
    now: datetime,
    incident: Incident,
    well: bool,
    rating: int | None,
    actor: audit.Actor,
) -> None:
    """The answer to the question two days later: a rating, or one tap that brings the incident back to a person."""
    if rating is not None and not 1 <= rating <= 5:
        raise Refused("rate from 1 to 5")
    incidents.hold(session, incident)
    if incident.state is not State.RESOLVED:
        raise Refused("this incident is not over yet")
    incidents.tell(session, incident, now, SaidBy.CUSTOMER, "followup_answered", well=well, rating=rating or 0)
    if not well:
        base.reopen(session, tools, incident, incident.kind, now, actor)
        reason = "the customer says that all is not well"
        incidents.add_task(session, incident, TaskKind.DECIDE, now, base.end_of_staff_day(tools, now), reason)
        base.next_due(session, incident)
