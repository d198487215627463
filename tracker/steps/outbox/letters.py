"""What makes a notice a letter: whether it is still wanted, its hour, whom it goes to and what it may say."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain.incidents import State
from tracker.domain.notices import RULES, Hours, Wanted
from tracker.domain.promises import OPEN
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import LIVE
from tracker.outside import calendars
from tracker.steps import Tools, depot_hours
from tracker.store import people, promises
from tracker.store.depots import Depot
from tracker.store.incidents import Incident
from tracker.store.links import Purpose
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment
from tracker.store.views import notices


class Letter(NamedTuple):
    """A notice ready to be handed over to one or several addresses."""

    to: tuple[str, ...]
    locale: str
    subject: str
    text: str
    key: str
    alert: bool = False
    """Whether the staff's chat gets it too."""


def facts(session: Session, tools: Tools, notice: Notice, now: datetime) -> dict[str, Any]:
    """What the template may say, with the reader's zone and link."""
    known = notices.facts(session, notice)
    office, shipment, zone = _office(session, notice), known["shipment"], tools.zone
    of = {"shipment_id": notice.shipment_id} if notice.shipment_id else {}
    if office is not None:
        zone = office.timezone
        of |= {"incident_id": notice.incident_id or 0, "depot_id": office.id}
        url = tools.link(session, Purpose.DEPOT, now, **of)
    elif notice.recipient == "customer":
        zone = calendars.postcode_zone(shipment.country, shipment.postcode)
        url = tools.link(session, Purpose.CUSTOMER, now, **of)
    else:
        url = f"{tools.base_url}/ops/"
    remedy_at = tools.announced(known["remedy_at"]) if known["remedy_at"] else None
    return {**known, "zone": zone, "url": url, "remedy_at": remedy_at}


def wanted(session: Session, notice: Notice) -> bool:
    """Whether the notice still makes sense, judged in the transaction just before it is sent."""
    rule = RULES[notice.topic].wanted
    incident = session.get(Incident, notice.incident_id) if notice.incident_id else None
    promise = session.get(Promise, notice.promise_id) if notice.promise_id else None
    if rule is Wanted.ALWAYS or incident is None:
        return True
    if rule is Wanted.WHILE_REFUNDED:
        remedy = session.get(Remedy, notice.remedy_id) if notice.remedy_id else None
        return remedy is not None and remedy.state in LIVE
    if rule is Wanted.WHILE_RESOLVED:
        return incident.state is State.RESOLVED and incident.episode == notice.version
    if incident.state is not State.OPEN:
        return False
    if rule is Wanted.WHILE_PROMISED:
        return promise is not None and promise.state in OPEN and promise.version == notice.version
    if rule is Wanted.WHILE_ASKED:
        asked = OPEN | {PromiseState.KEPT, PromiseState.KEPT_LATE}
        return promise is not None and promise.state in asked and promise.version == notice.version
    if rule is Wanted.WHILE_UNRESOLVED_LEVEL:
        climbs = incident.ladder_from is not None and promises.failing(session, incident)
        return incident.episode == notice.version and climbs
    return incident.episode == notice.version


def opens_at(session: Session, tools: Tools, notice: Notice, now: datetime) -> datetime:
    """When the notice may be handed over: now, or the next opening of whoever gets it."""
    rule = RULES[notice.topic].hours
    if rule is Hours.RECEIVER:
        return hours.next_opening(depot_hours(_office(session, notice), tools.staff_hours), now)
    if rule is Hours.CUSTOMER and notice.shipment_id:
        shipment = session.get_one(Shipment, notice.shipment_id)
        zone = calendars.postcode_zone(shipment.country, shipment.postcode)
        span = f"Mo-Su,PH {tools.policy.ask_from_hour:02}:00-{tools.policy.ask_until_hour:02}:00"
        return hours.next_opening(calendars.calendar("the customer", zone, span, "ES", None), now)
    return now


def _office(session: Session, notice: Notice) -> Depot | None:
    kind, _, id_ = notice.recipient.partition(":")
    return session.get(Depot, int(id_)) if kind in {"depot", "manager"} else None


def address(session: Session, tools: Tools, notice: Notice) -> tuple[tuple[str, ...], str]:
    """Where the notice goes by now, and in which language."""
    if notice.recipient == "staff":
        return tuple(people.staff_addresses(session)), tools.locale
    if notice.recipient == "customer":
        customer = session.get_one(Shipment, notice.shipment_id).order.customer
        return ((customer.email,) if customer.email else ()), customer.locale
    office = _office(session, notice)
    if office is None:
        return (), tools.locale
    email = office.manager_email if notice.recipient.startswith("manager:") else office.email
    return ((email,) if email else ()), office.language
