"""What people write down after a call: the contact, the promise made in it, and what became of a promise."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from tracker.domain.incidents import IllegalMove, State
from tracker.domain.promises import OPEN, Action, Terms, Word
from tracker.domain.refusals import Refused
from tracker.steps import Tools, base
from tracker.store import audit, closing, incidents, promises
from tracker.store.incidents import Contact, Incident, SaidBy
from tracker.store.promises import Promise

LONGEST: Final = timedelta(days=366)
"""How far ahead a promise may be due."""


@dataclass(frozen=True)
class ContactDetails:
    """A call or message: when, how, with whom, under which reference, why and with what outcome."""

    at: datetime
    channel: str
    person: str = ""
    reference: str = ""
    reason: str = ""
    outcome: str = ""


def log_contact(
    session: Session, tools: Tools, now: datetime, incident: Incident, details: ContactDetails, actor: audit.Actor
) -> Contact:
    """Write a contact into the incident's story.  Refused when it lies in the future or says nothing."""
    if details.at.tzinfo is None:
        raise Refused("the time of the contact needs a zone, as in 2026-11-11T11:00:00+01:00")
    if details.at > now:
        raise Refused("a contact cannot be logged before it has taken place")
    if not details.channel.strip():
        raise Refused("say how the contact took place: phone, mail, portal …")
    contact = Contact(
        incident_id=incident.id,
        at=details.at,
        channel=details.channel.strip()[:32],
        person=details.person.strip()[:120],
        reference=details.reference.strip()[:120],
        reason=details.reason.strip()[:300],
        outcome=details.outcome.strip()[:2000],
        logged_by=actor.id,
    )
    session.add(contact)
    session.flush()
    incidents.tell(session, incident, details.at, SaidBy.STAFF, "contact", contact=contact.id, channel=contact.channel)
    incidents.close_tasks(session, incident, now, [incidents.TaskKind.CONTACT])
    base.next_due(session, incident)
    return contact


def record_promise(
    session: Session, tools: Tools, now: datetime, incident: Incident, terms: Terms, actor: audit.Actor
) -> Promise:
    """Record what somebody has agreed to do by when; an open promise of the same kind gets it as a new version.

    Refused without a zone, in the past, or on a resolved incident.
    """
    incidents.hold(session, incident)
    if incident.state is not State.OPEN:
        raise Refused(f"incident {incident.ref} is resolved: reopen it before you record a promise")
    _check_due(terms.due_at, now)
    if terms.action is Action.REFUND:
        raise Refused("a refund is announced by the incident itself: propose one, or let the customer choose")
    known = promises.open_promise(session, incident.id, terms.action, terms.performer)
    if known is None:
        return base.owe(session, tools, incident, terms, now, actor)
    base.renegotiate(session, tools, incident, known, terms.due_at, terms.reason or "agreed anew", now, actor)
    return known


def judge(
    session: Session,
    now: datetime,
    promise: Promise,
    word: Word,
    actor: audit.Actor,
    *,
    evidence: str,
    deed_at: datetime,
) -> None:
    """End a promise on a person's word.  Refused for our announced refund, IllegalMove where the word cannot follow."""
    _refuse_refund(promise)
    closing.settle(session, promise, now, actor, word, evidence=evidence, deed_at=deed_at)


def renegotiate(
    session: Session, tools: Tools, now: datetime, promise: Promise, due_at: datetime, reason: str, actor: audit.Actor
) -> None:
    """Give an open promise a new due time that was agreed upon.

    Refused for our announced refund and for a time without a zone, in the past or more than a year ahead;
    IllegalMove when the promise is not open.
    """
    _refuse_refund(promise)
    if promise.state not in OPEN:
        raise IllegalMove(f"a promise that is {promise.state} cannot be renegotiated")
    _check_due(due_at, now)
    base.renegotiate(session, tools, promise.incident, promise, due_at, reason or "agreed anew", now, actor)


def _refuse_refund(promise: Promise) -> None:
    """The refund step keeps this promise by asking for the money; a word by hand would end it without."""
    if promise.action is Action.REFUND:
        raise Refused("the announced refund is moved by the customer's choice or by approving it, not by hand")


def _check_due(due_at: datetime, now: datetime) -> None:
    if due_at.tzinfo is None:
        raise Refused("the due time needs a zone, as in 2026-11-12T14:00:00+01:00")
    if due_at <= now:
        raise Refused("the due time lies in the past: a promise is about the future")
    if due_at > now + LONGEST:
        raise Refused("the due time lies more than a year ahead: no calendar of holidays reaches that far")
