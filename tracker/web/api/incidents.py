"""Incidents over the API: list, show, tell their story, log a contact, record a promise, propose a refund, resolve."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tracker.domain.promises import DueSource, Terms
from tracker.steps import Tools, contacts, intake, refunds
from tracker.store import closing
from tracker.store.views import api as views
from tracker.web import db
from tracker.web.api import asked, told
from tracker.web.api.finding import clean, held, incident_of, there
from tracker.web.api.guard import actor
from tracker.web.api.paging import paged, place
from tracker.web.api.replays import Said, once
from tracker.web.api.routes import blueprint
from tracker.web.api.telling import case, contact, entry, line, promise, refund


@blueprint.get("/incidents")
@blueprint.input(asked.IncidentsWanted, location="query")
@blueprint.output(told.Incidents)
def list_incidents(query_data: asked.IncidentsWanted) -> dict[str, Any]:
    """List incidents, the newest first."""
    with db.tools().store.read() as session:
        rows = views.incidents(
            session,
            state=query_data.state,
            overdue_at=db.now() if query_data.overdue else None,
            before=place(query_data),
            limit=query_data.limit + 1,
        )
        return paged(rows, query_data, line, lambda row: row.incident.id)


@blueprint.get("/incidents/<ref>")
@blueprint.output(told.IncidentTold)
def show_incident(ref: str) -> dict[str, Any]:
    """Show an incident with its promises, refunds, open tasks and contacts."""
    with db.tools().store.read() as session:
        return _case(session, ref)


def _case(session: Session, ref: str) -> dict[str, Any]:
    return case(there(views.case(session, clean(ref))))


@blueprint.get("/incidents/<ref>/timeline")
@blueprint.input(asked.Page, location="query")
@blueprint.output(told.Timeline)
def timeline(ref: str, query_data: asked.Page) -> dict[str, Any]:
    """Tell an incident's story, oldest first."""
    with db.tools().store.read() as session:
        rows = views.timeline(session, incident_of(session, ref), after=place(query_data), limit=query_data.limit + 1)
        return paged(rows, query_data, entry, lambda row: row.id)


@blueprint.post("/incidents/<ref>/promises")
@blueprint.input(asked.PromiseAsked)
@blueprint.output(told.PromiseTold, status_code=201)
def record_promise(ref: str, json_data: asked.PromiseAsked) -> Said:
    """Record what somebody has agreed to do by when.

    An open promise of the same performer and action gets the new due time as a new version.
    """

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        due_at = future("due_at", json_data.due_at, now)
        incident = held(session, incident_of(session, ref))
        terms = Terms(
            json_data.performer, json_data.action, json_data.beneficiary, due_at, DueSource.AGREED, json_data.reason
        )
        row = contacts.record_promise(session, tools, now, incident, terms, actor())
        return promise(row, incident.ref), 201

    return once(act)


def future(field: str, text: str, now: datetime) -> datetime:
    """An instant with its zone that is still to come.  Raises Wrong."""
    at = intake.instant(field, text)
    if at <= now:
        raise intake.Wrong(field, "lies in the past: a promise is about the future")
    return at


@blueprint.post("/incidents/<ref>/contacts")
@blueprint.input(asked.ContactAsked)
@blueprint.output(told.ContactTold, status_code=201)
def log_contact(ref: str, json_data: asked.ContactAsked) -> Said:
    """Log a call or message that took place."""

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        at = intake.instant("at", json_data.at) if json_data.at else now
        if at > now:
            raise intake.Wrong("at", "lies in the future: a contact is logged after it took place")
        details = contacts.ContactDetails(at=at, **json_data.model_dump(exclude={"at"}))
        incident = held(session, incident_of(session, ref))
        return contact(contacts.log_contact(session, tools, now, incident, details, actor())), 201

    return once(act)


@blueprint.post("/incidents/<ref>/resolve")
@blueprint.input(asked.ResolveAsked)
@blueprint.output(told.IncidentTold)
def resolve(ref: str, json_data: asked.ResolveAsked) -> Said:
    """End an incident: what was promised is void, nothing more goes out but receipts and the question two days on."""

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        incident = held(session, incident_of(session, ref))
        closing.resolve(session, incident, now, actor(), json_data.outcome, json_data.why)
        session.flush()
        return _case(session, ref), 200

    return once(act)


@blueprint.post("/incidents/<ref>/refunds")
@blueprint.input(asked.RefundAsked)
@blueprint.output(told.RefundTold, status_code=201)
def propose(ref: str, json_data: asked.RefundAsked) -> Said:
    """Propose a refund; somebody approves it. Where one is under way already, that one is the answer."""

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        incident = held(session, incident_of(session, ref))
        currency = incident.shipment.order.currency
        amount = intake.amount("amount", json_data.amount, currency) if json_data.amount else None
        row = refunds.propose(session, tools, now, incident, actor(), amount)
        return refund(row, incident.ref), 201

    return once(act)
