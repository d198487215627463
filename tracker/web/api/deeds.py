"""Promises and refunds over the API: kept, broken, renegotiated; approved, cancelled."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from tracker.domain.promises import Word
from tracker.steps import Tools, contacts, intake, refunds
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.web.api import asked, told
from tracker.web.api.finding import found, held
from tracker.web.api.guard import actor
from tracker.web.api.incidents import future
from tracker.web.api.replays import Said, once
from tracker.web.api.routes import blueprint
from tracker.web.api.telling import promise, refund


@blueprint.post("/promises/<int:promise_id>/kept")
@blueprint.input(asked.WordAsked)
@blueprint.output(told.PromiseTold)
def kept(promise_id: int, json_data: asked.WordAsked) -> Said:
    """Somebody says that the promise was kept; late, when that was after its due time."""
    return _word(promise_id, Word.KEPT, json_data)


@blueprint.post("/promises/<int:promise_id>/broken")
@blueprint.input(asked.WordAsked)
@blueprint.output(told.PromiseTold)
def broken(promise_id: int, json_data: asked.WordAsked) -> Said:
    """Somebody says that the promise was not kept: the ladder climbs."""
    return _word(promise_id, Word.NOT_KEPT, json_data)


def _word(promise_id: int, word: Word, said: asked.WordAsked) -> Said:
    def act(session: Session, now: datetime, row: Promise) -> None:
        at = intake.instant("at", said.at) if said.at else now
        if at > now:
            raise intake.Wrong("at", "lies in the future: a promise is judged after the deed")
        contacts.judge(session, now, row, word, actor(), evidence=said.evidence, deed_at=at)

    return _on_promise(promise_id, lambda session, _, now, row: act(session, now, row))


@blueprint.post("/promises/<int:promise_id>/renegotiate")
@blueprint.input(asked.RenegotiateAsked)
@blueprint.output(told.PromiseTold)
def renegotiate(promise_id: int, json_data: asked.RenegotiateAsked) -> Said:
    """Give an open promise a new due time that was agreed upon."""

    def act(session: Session, tools: Tools, now: datetime, row: Promise) -> None:
        due_at = future("due_at", json_data.due_at, now)
        contacts.renegotiate(session, tools, now, row, due_at, json_data.reason, actor())

    return _on_promise(promise_id, act)


def _on_promise(promise_id: int, act: Callable[[Session, Tools, datetime, Promise], None]) -> Said:
    def whole(session: Session, tools: Tools, now: datetime) -> Said:
        row = found(session, Promise, promise_id)
        held(session, row.incident)
        session.refresh(row)
        act(session, tools, now, row)
        return promise(row, row.incident.ref), 200

    return once(whole)


@blueprint.post("/refunds/<int:refund_id>/approve")
@blueprint.input(asked.Asked)
@blueprint.output(told.RefundTold)
def approve(refund_id: int, json_data: asked.Asked) -> Said:
    """Let a proposed refund go out."""

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        row = refunds.approve(session, tools, now, found(session, Remedy, refund_id), actor())
        return refund(row, row.incident.ref), 200

    return once(act)


@blueprint.post("/refunds/<int:refund_id>/cancel")
@blueprint.input(asked.WhyAsked)
@blueprint.output(told.RefundTold)
def cancel(refund_id: int, json_data: asked.WhyAsked) -> Said:
    """Take back a refund that was not sent."""

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        row = refunds.cancel(session, tools, now, found(session, Remedy, refund_id), actor(), json_data.why)
        return refund(row, row.incident.ref), 200

    return once(act)
