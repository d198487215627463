"""The customer's routes: what each shows and what each answer does; a GET changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from tracker.domain.incidents import Desired
from tracker.domain.refusals import Refused
from tracker.steps import access, answers
from tracker.store import incidents, links
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident
from tracker.store.links import Purpose
from tracker.store.views import customer
from tracker.web import errors
from tracker.web.customer.page import Page, page
from tracker.web.db import now, tools
from tracker.web.language import gettext as _
from tracker.web.language import speak, zone_of

blueprint = Blueprint("customer", __name__)
WAIT_UNTIL = time(18)
"""The hour of the day until which a customer waits, where the parcel goes."""


class Answering(NamedTuple):
    """Who answers about which incident, in an open transaction."""

    session: Session
    incident: Incident
    actor: Actor


@blueprint.get("/")
def start() -> str:
    """The two questions that lead to a parcel's page."""
    return render_template("customer/start.html")


@blueprint.post("/track")
def track() -> Answer:
    """To the parcel's page, or one and the same answer for all that is wrong or too often."""
    number, postcode = request.form.get("number", ""), request.form.get("postcode", "")
    with tools().store.begin() as session:
        token = access.look_up(session, tools(), now(), number, postcode, request.remote_addr or "")
    if token is None:
        return Response(render_template("customer/start.html", failed=True), 404)
    return redirect(url_for("customer.show", token=token), 303)


@blueprint.get("/p/<token>")
def show(token: str) -> str:
    """The page of one parcel."""
    return render_template("customer/parcel.html", page=_page(token, Purpose.STATUS, Purpose.CUSTOMER), token=token)


@blueprint.get("/p/<token>/<any(call, choice, well):about>")
def ask(token: str, about: str) -> str:
    """One question alone, to be answered with one tap."""
    return render_template("customer/question.html", page=_page(token, Purpose.CUSTOMER), token=token, about=about)


@blueprint.post("/p/<token>/call")
def call(token: str) -> Answer:
    """Whether they called, or delivered, as promised."""
    with _answering(token) as (session, incident, actor):
        answers.did_they_call(session, tools(), now(), incident, _yes_or_no("called"), actor)
    return _thanks(token, _("Thank you. We have noted your answer and act on it."))


@blueprint.post("/p/<token>/choice")
def choose(token: str) -> Answer:
    """Wait until a day, or have the money back."""
    with _answering(token) as (session, incident, actor):
        desired = _desired()
        until = _until(incident) if desired is Desired.WAIT else None
        answers.choose(session, tools(), now(), incident, desired, until, actor)
    return _thanks(token, _("Thank you. We have noted your choice."))


@blueprint.post("/p/<token>/well")
def well(token: str) -> Answer:
    """Whether all is well after the end, and how it was handled from 1 to 5."""
    with _answering(token) as (session, incident, actor):
        fine, rating = _yes_or_no("well"), request.form.get("rating", type=int)
        answers.all_well(session, tools(), now(), incident, fine, rating, actor)
    return _thanks(token, _("Thank you for telling us.") if fine else _("Thank you. One of us looks at it again."))


@blueprint.post("/p/<token>/mail")
def mail(token: str) -> Answer:
    """Mail the customer's own link to the contact on file; the answer does not tell whether there is one."""
    with tools().store.begin() as session:
        link = links.find(session, token, now(), Purpose.STATUS, Purpose.CUSTOMER)
        if link is None:
            abort(404)
        access.mail_link(session, now(), link)
    return _thanks(token, _("If the shop has your address, the mail is on its way to it now."))


@blueprint.errorhandler(404)
def gone(_error: Exception) -> Response:
    """A link that is unknown or has ended, told alike."""
    return errors.page(
        404,
        _("This link does not work any more."),
        _("It was mistyped, or its time is over. Use the newest mail, or the number of your parcel and your postcode."),
        again=url_for("customer.start"),
        where=_("Find my parcel"),
    )


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> Answer:
    """What cannot be done is said on the page itself."""
    token = (request.view_args or {}).get("token", "")
    shown = render_template(
        "customer/parcel.html", page=_page(token, Purpose.CUSTOMER), token=token, refused=_(str(error))
    )
    return Response(shown, 422)


def _page(token: str, *purposes: Purpose) -> Page:
    with tools().store.read() as session:
        case = customer.case(session, token, now(), *purposes)
    if case is None:
        abort(404)
    speak(case.customer.locale)
    return page(case, tools(), now())


@contextmanager
def _answering(token: str) -> Iterator[Answering]:
    """A transaction in which the bearer of a mailed link answers about the parcel's incident."""
    with tools().store.begin() as session:
        link = links.find(session, token, now(), Purpose.CUSTOMER)
        incident = incidents.last_one(session, link.shipment_id) if link is not None else None
        if link is None or incident is None:
            abort(404)
        speak(incident.shipment.order.customer.locale)
        yield Answering(session, incident, Actor(ActorKind.CUSTOMER, str(link.id), "link"))


def _thanks(token: str, text: str) -> Answer:
    flash(text)
    return redirect(url_for("customer.show", token=token), 303)


def _yes_or_no(name: str) -> bool:
    said = request.form.get(name)
    if said not in {"yes", "no"}:
        raise Refused("say yes or no")
    return said == "yes"


def _desired() -> Desired:
    try:
        return Desired(request.form.get("desired", ""))
    except ValueError:
        raise Refused("choose to wait, or to have the money back") from None


def _until(incident: Incident) -> datetime:
    try:
        last = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        raise Refused("choose a day within the next thirty days") from None
    zone = zone_of(incident.shipment.country, incident.shipment.postcode)
    return datetime.combine(last, WAIT_UNTIL, ZoneInfo(zone))
