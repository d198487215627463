"""What depots answer by their link, and what follows from it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import incidents as rules
from tracker.domain.events import Direction, Event, ExceptionCode, Source
from tracker.domain.incidents import Cause, Kind, State
from tracker.domain.notices import Topic
from tracker.domain.promises import OPEN, Action, DueSource, Party, Terms, Word
from tracker.domain.promises import State as PromiseState
from tracker.domain.refusals import Refused
from tracker.steps import Tools, base
from tracker.steps.answers.customer import asked_promise
from tracker.store import audit, closing, incidents, outbox, promises, standings
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, SaidBy, TaskKind, Timeline

LONGEST_SEARCH: Final = timedelta(days=14)


class DepotAnswer(StrEnum):
    """What a depot can say with one tap."""

    FOUND = "found"
    BROKEN = "broken"
    LOST = "lost"
    SEARCHING = "searching"
    CALLED = "called"


def depot_says(
    session: Session,
    tools: Tools,
    now: datetime,
    incident: Incident,
    answer: DepotAnswer,
    at: datetime | None,
    actor: audit.Actor,
    depot: Depot | None = None,
) -> str:
    """The depot's answer; the same answer again only tells what it was at first.  Returns the answer that counts.

    `at` is until when they search, or when they called.  Refused on a resolved incident or without that time.
    """
    incidents.hold(session, incident)
    if incident.state is not State.OPEN:
        raise Refused("this incident is closed: nothing more is needed")
    if first := _answered(session, incident, answer, at):
        return first
    if answer in {DepotAnswer.SEARCHING, DepotAnswer.CALLED}:
        _check_time(answer, at, now)
    if depot is not None and depot.confirmed_at is None:
        depot.confirmed_at = now
    body = {"answer": str(answer), "at": at.isoformat() if at else ""}
    incidents.tell(session, incident, now, SaidBy.DEPOT, "depot_answered", **body)
    incidents.close_tasks(session, incident, now, [TaskKind.CONTACT])
    _FOLLOWS[answer](session, tools, now, incident, at, actor)
    base.next_due(session, incident)
    return str(answer)


def _answered(session: Session, incident: Incident, answer: DepotAnswer, at: datetime | None) -> str | None:
    """The newest answer of this episode, if it is this one again."""
    last = session.scalars(
        sa.select(Timeline)
        .where(Timeline.incident_id == incident.id, Timeline.kind.in_(("depot_answered", "incident_reopened")))
        .order_by(Timeline.id.desc())
        .limit(1)
    ).one_or_none()
    same = {"answer": str(answer), "at": at.isoformat() if at else ""}
    return str(answer) if last is not None and last.body == same else None


def _check_time(answer: DepotAnswer, at: datetime | None, now: datetime) -> None:
    if at is None:
        raise Refused("say at what time")
    if answer is DepotAnswer.SEARCHING and not now < at <= now + LONGEST_SEARCH:
        raise Refused("the search must end within the next fourteen days")
    if answer is DepotAnswer.CALLED and at > now:
        raise Refused("a call cannot be reported before it has been made")


def _keep_answer(session: Session, incident: Incident, now: datetime, actor: audit.Actor) -> None:
    """The question is answered: the promise to answer it is kept, or kept late."""
    for promise in promises.of(session, incident.id, episode=incident.episode):
        answerable = promise.state in OPEN or promise.state in {PromiseState.BROKEN, PromiseState.UNCONFIRMED}
        if promise.action in {Action.ANSWER, Action.INVESTIGATE} and answerable:
            closing.settle(session, promise, now, actor, Word.KEPT, evidence="the depot answered")


def _found(
    session: Session, tools: Tools, now: datetime, incident: Incident, at: datetime | None, actor: audit.Actor
) -> None:
    _keep_answer(session, incident, now, actor)
    _scan(session, tools, now, incident, ExceptionCode.NONE, "found", recovery=True)
    if rules.moved(incident.kind, Kind.FOUND) is not Kind.FOUND:
        return
    audit.change(session, incident, now, actor, "kind_moved", kind=Kind.FOUND)
    base.promise_delivery(session, tools, incident, now, actor)


def _broken(
    session: Session, tools: Tools, now: datetime, incident: Incident, at: datetime | None, actor: audit.Actor
) -> None:
    _keep_answer(session, incident, now, actor)
    _scan(session, tools, now, incident, ExceptionCode.DAMAGED, "broken")
    audit.change(session, incident, now, actor, "kind_moved", kind=rules.moved(incident.kind, Kind.DAMAGED))
    base.know_cause(session, tools, incident, Cause.BROKEN, now, actor)


def _lost(
    session: Session, tools: Tools, now: datetime, incident: Incident, at: datetime | None, actor: audit.Actor
) -> None:
    _keep_answer(session, incident, now, actor)
    _scan(session, tools, now, incident, ExceptionCode.LOST, "lost")
    audit.change(session, incident, now, actor, "kind_moved", kind=rules.moved(incident.kind, Kind.LOST))
    base.know_cause(session, tools, incident, Cause.LOST, now, actor)


def _searching(
    session: Session, tools: Tools, now: datetime, incident: Incident, at: datetime | None, actor: audit.Actor
) -> None:
    """They search until a time of their own: a new due time for the answer, agreed."""
    assert at is not None
    promise = promises.open_promise(session, incident.id, Action.ANSWER) or promises.open_promise(
        session, incident.id, Action.INVESTIGATE
    )
    if promise is not None:
        base.renegotiate(session, tools, incident, promise, at, "still searching", now, actor)
    else:
        terms = Terms(Party.DEPOT, Action.INVESTIGATE, Party.MERCHANT, at, DueSource.AGREED, "still searching")
        base.owe(session, tools, incident, terms, now, actor)


def _called(
    session: Session, tools: Tools, now: datetime, incident: Incident, at: datetime | None, actor: audit.Actor
) -> None:
    """They say that they called: believed until the customer, who is asked, says no."""
    promise = promises.open_promise(session, incident.id, Action.CALL) or asked_promise(session, incident)
    if promise is None or promise.action is not Action.CALL:
        raise Refused("no callback was promised for this parcel")
    if promise.state in {PromiseState.KEPT, PromiseState.KEPT_LATE}:
        return
    closing.settle(session, promise, now, actor, Word.KEPT, evidence=f"the depot says: called at {at}", deed_at=at)
    outbox.put(
        session,
        Topic.CUSTOMER_ASKED,
        f"promise:{promise.id}:v{promise.version}:asked:customer",
        now,
        recipient="customer",
        incident_id=incident.id,
        promise_id=promise.id,
        shipment_id=incident.shipment_id,
        version=promise.version,
    )


_FOLLOWS: Final = {
    DepotAnswer.FOUND: _found,
    DepotAnswer.BROKEN: _broken,
    DepotAnswer.LOST: _lost,
    DepotAnswer.SEARCHING: _searching,
    DepotAnswer.CALLED: _called,
}


def _scan(
    session: Session,
    tools: Tools,
    now: datetime,
    incident: Incident,
    exception: ExceptionCode,
    text: str,
    *,
    recovery: bool = False,
) -> None:
    """Write the depot's word into the parcel's history, as an event like any other."""
    shipment = incident.shipment
    event = Event(
        number=shipment.number,
        occurred_at=now,
        tz_known=True,
        raw_code=f"depot:{text}",
        raw_text=text,
        raw_time=now.isoformat(),
        stage=None,
        exception=exception,
        direction=Direction(shipment.direction),
        source=Source.DEPOT,
        recovery=recovery,
    )
    standings.record(session, {shipment.id: [event]}, now, {})
    standings.refold(session, [shipment.id], now, tools.silence, tools.solution_due(now))
    session.refresh(shipment)
