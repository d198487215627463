"""What an agent does with an incident: each route reads its form, calls one verb and answers with the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from flask import abort, flash, request, url_for
from sqlalchemy.orm import Session
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as Answer

from tracker.domain.incidents import Outcome, State
from tracker.domain.promises import Word
from tracker.domain.refunds import CAN_CANCEL
from tracker.domain.refunds import State as Refund
from tracker.domain.refusals import Refused
from tracker.steps import contacts, refunds, tasks
from tracker.store import closing, incidents
from tracker.store import refunds as remedies
from tracker.store.audit import Actor
from tracker.store.incidents import Incident, Task
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.views.ops.case import logged_already
from tracker.web.db import now, tools
from tracker.web.language import gettext as _
from tracker.web.language import noted
from tracker.web.ops import forms, members
from tracker.web.ops.blueprint import blueprint

Row = TypeVar("Row", Promise, Remedy)


class Deed(NamedTuple):
    """An incident that is held while somebody acts on it."""

    session: Session
    incident: Incident
    actor: Actor


@contextmanager
def _acting(ref: str) -> Iterator[Deed]:
    """One transaction on one incident: of two who act at once, the second finds what the first has done."""
    with tools().store.begin() as session:
        incident = incidents.by_ref(session, ref)
        if incident is None:
            abort(404)
        remedies.lock_incident(session, incident)
        yield Deed(session, incident, members.me().actor)


def _below(deed: Deed, model: type[Row], row_id: int) -> Row:
    """A row of the incident, as it is now; 404 for another incident's."""
    row = deed.session.get(model, row_id)
    if row is None or row.incident_id != deed.incident.id:
        abort(404)
    deed.session.refresh(row)
    return row


def _done(ref: str, text: str) -> Answer:
    flash(text)
    return redirect(url_for("ops.show", ref=ref), 303)


@blueprint.post("/incidents/<ref>/contact")
def contact(ref: str) -> Answer:
    """Log a call or message, with the promise that was made in it; the same form sent twice is one contact."""
    details = forms.contact(request.form, tools().zone)
    terms = forms.terms(request.form, tools().zone, now()) if request.form.get("promised") else None
    with _acting(ref) as deed:
        session, incident, actor = deed
        same = (details.at, details.channel.strip(), details.person.strip(), details.outcome.strip())
        if logged_already(session, incident, *same):
            return _done(ref, _("It stands in the story already."))
        contacts.log_contact(session, tools(), now(), incident, details, actor)
        if terms is not None:
            contacts.record_promise(session, tools(), now(), incident, terms, actor)
    return _done(ref, _("Logged, with the promise.") if terms else _("Logged."))


@blueprint.post("/incidents/<ref>/promise")
def promise(ref: str) -> Answer:
    """Record what somebody has agreed to do by when."""
    terms = forms.terms(request.form, tools().zone, now())
    with _acting(ref) as deed:
        contacts.record_promise(deed.session, tools(), now(), deed.incident, terms, deed.actor)
    return _done(ref, _("The promise is recorded."))


@blueprint.post("/incidents/<ref>/promises/<int:promise_id>/<any(kept, broken):said>")
def judge(ref: str, promise_id: int, said: str) -> Answer:
    """Say that a promise was kept (and when) or broken; the same word again changes nothing."""
    at = forms.instant(request.form["at"], tools().zone) if request.form.get("at") else now()
    if at > now():
        raise Refused(noted("the deed lies in the future: a promise is judged after it"))
    with _acting(ref) as deed:
        row = _below(deed, Promise, promise_id)
        if deed.incident.state is not State.OPEN:
            raise Refused(noted("this incident is closed: nothing more is needed"))
        if request.form.get("seen", row.state) != row.state:
            return _done(ref, _("Somebody has spoken about it in the meantime: see how it stands."))
        if not row.state.startswith(said):
            word = Word.KEPT if said == "kept" else Word.NOT_KEPT
            evidence = request.form.get("evidence", "").strip() or noted("a colleague says so")
            contacts.judge(deed.session, now(), row, word, deed.actor, evidence=evidence, deed_at=at)
    return _done(ref, _("Noted: the promise was kept.") if said == "kept" else _("Noted: the promise was broken."))


@blueprint.post("/incidents/<ref>/tasks/<int:task_id>/done")
def task_done(ref: str, task_id: int) -> Answer:
    """A task of the incident or of its parcel is done."""
    with _acting(ref) as deed:
        task = deed.session.get(Task, task_id)
        of = (deed.incident.id, deed.incident.shipment_id)
        if task is None or (task.incident_id != of[0] and task.shipment_id != of[1]):
            abort(404)
        tasks.finish(deed.session, now(), task, deed.actor)
    return _done(ref, _("Noted: the task is done."))


@blueprint.post("/incidents/<ref>/resolve")
def resolve(ref: str) -> Answer:
    """End the incident; a second click finds it ended."""
    outcome, why = forms.word(Outcome, request.form.get("outcome", "")), forms.sentence(request.form.get("why", ""))
    with _acting(ref) as deed:
        if deed.incident.state is State.RESOLVED and deed.incident.outcome is outcome:
            return _done(ref, _("The incident is resolved."))
        closing.resolve(deed.session, deed.incident, now(), deed.actor, outcome, why)
    return _done(ref, _("The incident is resolved."))


@blueprint.post("/incidents/<ref>/refunds")
def propose(ref: str) -> Answer:
    """Ask for a refund, to be approved by a lead; a second click finds the first."""
    with _acting(ref) as deed:
        amount = forms.amount(request.form.get("amount", ""), deed.incident.shipment.order.currency)
        refunds.propose(deed.session, tools(), now(), deed.incident, deed.actor, amount)
    return _done(ref, _("The refund is proposed and waits for approval."))


@blueprint.post("/incidents/<ref>/refunds/<int:refund_id>/approve")
def approve(ref: str, refund_id: int) -> Answer:
    """Let a refund go out; a second click finds it approved."""
    members.must_lead()
    with _acting(ref) as deed:
        remedy = _below(deed, Remedy, refund_id)
        first = remedy.state is Refund.REQUESTED
        refunds.approve(deed.session, tools(), now(), remedy, deed.actor)
    return _done(
        ref, _("The refund is approved and goes out.") if first else _("It was approved before: it goes out once.")
    )


@blueprint.post("/incidents/<ref>/refunds/<int:refund_id>/cancel")
def cancel(ref: str, refund_id: int) -> Answer:
    """Take back a refund that was not sent; an approved one only by a lead."""
    why = forms.sentence(request.form.get("why", ""))
    with _acting(ref) as deed:
        remedy = _below(deed, Remedy, refund_id)
        if remedy.state in CAN_CANCEL - {Refund.REQUESTED}:
            members.must_lead()
        refunds.cancel(deed.session, tools(), now(), remedy, deed.actor, why)
    return _done(ref, _("The refund is cancelled."))


@blueprint.post("/incidents/<ref>/refunds/<int:refund_id>/conclude")
def conclude(ref: str, refund_id: int) -> Answer:
    """Say what a person has found out at the payment service about an unclear refund."""
    members.must_lead()
    made, note = request.form.get("made"), request.form.get("note", "")
    if made not in {"yes", "no"}:
        raise Refused(noted("say yes or no"))
    with _acting(ref) as deed:
        remedy = _below(deed, Remedy, refund_id)
        refunds.conclude(deed.session, tools(), now(), remedy, deed.actor, made=made == "yes", note=note)
    return _done(ref, _("Noted what became of the refund."))
