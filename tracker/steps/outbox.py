"""Hands notices over: asks again whether each is wanted, renders it from the state of that moment, and sends it."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from tracker.domain import hours
from tracker.domain.incidents import State
from tracker.domain.notices import RULES, Hours, Topic, Wanted
from tracker.domain.promises import OPEN
from tracker.domain.promises import State as PromiseState
from tracker.outside import calendars, chat, mail
from tracker.steps import Tools, depot_hours
from tracker.steps.base import end_of_staff_day
from tracker.store import incidents, people, promises, wake
from tracker.store.depots import Depot
from tracker.store.due import Tally, set_back
from tracker.store.incidents import Incident, SaidBy, TaskKind
from tracker.store.links import Purpose
from tracker.store.outbox import Notice, NoticeState
from tracker.store.promises import Promise
from tracker.store.shipments import Shipment
from tracker.store.views import notices
from tracker.store.wake import Leased, LeaseLost, fail, finish, lease

SENDING: Final = 30.0
"""Seconds of sending in one round: half a lease."""
PATIENCE: Final = 3
"""Failures in a row after which the mail server is left alone for a while."""
LEFT_ALONE: Final = timedelta(minutes=1)
MOST_TRIES: Final = 99
"""Half an hour between the later ones makes two days: a mail server that is away for an afternoon loses nothing."""


class Letter(NamedTuple):
    """A notice ready to be handed over to one or several addresses."""

    to: tuple[str, ...]
    locale: str
    subject: str
    text: str
    key: str
    alert: bool = False
    """Whether the staff's chat gets it too."""


def hand_over(tools: Tools, now: datetime) -> Tally:
    """Hand over every notice that is due: each in transactions of its own, with the call between them."""
    tally = Tally()
    until = time.monotonic() + SENDING
    with tools.store.begin() as session:
        leases = lease(session, Notice, now, tools.store.lease_now(session), owner=tools.owner, limit=20)
    fails = 0
    for place, leased in enumerate(leases):
        if fails >= PATIENCE or time.monotonic() > until:
            _release(tools, leases[place:], now + LEFT_ALONE if fails >= PATIENCE else now)
            break
        try:
            _one(tools, leased, now)
            tally.done, fails = tally.done + 1, 0
        except LeaseLost:
            continue
        except mail.MailUnknown as unknown:
            fails += 1
            tally.errors.append(_put_off(tools, leased, now, unknown))
        except Exception as error:  # noqa: BLE001 - one notice must not stop the others; it is kept and parked
            tally.errors.append(set_back(tools.store, Notice, leased, now, error))
    return tally


def _release(tools: Tools, leases: Sequence[Leased], at: datetime) -> None:
    """Give back what was not tried in this round."""
    for leased in leases:
        with suppress(LeaseLost), tools.store.begin() as session:
            finish(session, Notice, leased, at)


def _put_off(tools: Tools, leased: Leased, now: datetime, unknown: mail.MailUnknown) -> str:
    """Nobody knows whether it was taken: again later, for two days; then a person hears that it reached nobody."""
    sentence = f"outbox {leased.id}: {unknown}"
    with suppress(LeaseLost), tools.store.begin() as session:
        if leased.tries < MOST_TRIES:
            fail(session, Notice, leased._replace(tries=min(leased.tries, wake.MOST_TRIES - 1)), now, sentence)
        else:
            _nowhere(session, tools, session.get_one(Notice, leased.id), leased, now, str(unknown))
    return sentence


def _one(tools: Tools, leased: Leased, now: datetime) -> None:
    """Send one notice, put it off until its hour, or drop it."""
    with tools.store.begin() as session:
        notice = session.get_one(Notice, leased.id)
        letter = _prepare(session, tools, notice, leased, now)
    if letter is None:
        return
    try:
        _send(tools, letter, now)
    except mail.MailRefused as refused:
        with tools.store.begin() as session:
            _nowhere(session, tools, session.get_one(Notice, leased.id), leased, now, str(refused))
        return
    with tools.store.begin() as session:
        finish(session, Notice, leased, None)
        notice = session.get_one(Notice, leased.id)
        notice.state, notice.sent_at = NoticeState.SENT, now
        _tell(session, notice, now)


def _prepare(session: Session, tools: Tools, notice: Notice, leased: Leased, now: datetime) -> Letter | None:
    """The letter, if the notice is wanted, it is the right hour, and there is somebody to send it to."""
    if not wanted(session, notice):
        finish(session, Notice, leased, None)
        notice.state = NoticeState.CANCELLED
        return None
    if (opens := _hour(session, tools, notice, now)) > now:
        finish(session, Notice, leased, opens)
        return None
    to, locale = _address(session, tools, notice)
    if not to and not (notice.recipient == "staff" and tools.notify_urls):
        _nowhere(session, tools, notice, leased, now, "no address")
        return None
    said = tools.words.render(notice.topic, locale, _facts(session, tools, notice, now))
    return Letter(to, locale, said.subject, said.text, notice.dedupe_key, notice.recipient == "staff")


def _facts(session: Session, tools: Tools, notice: Notice, now: datetime) -> dict[str, Any]:
    """What the template may say, with the reader's zone and link."""
    facts = notices.facts(session, notice)
    office, shipment, zone = _office(session, notice), facts["shipment"], tools.zone
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
    remedy_at = tools.announced(facts["remedy_at"]) if facts["remedy_at"] else None
    return {**facts, "zone": zone, "url": url, "remedy_at": remedy_at}


def wanted(session: Session, notice: Notice) -> bool:
    """Whether the notice still makes sense, judged in the transaction just before it is sent."""
    rule = RULES[notice.topic].wanted
    incident = session.get(Incident, notice.incident_id) if notice.incident_id else None
    promise = session.get(Promise, notice.promise_id) if notice.promise_id else None
    if rule is Wanted.ALWAYS or incident is None:
        return True
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


def _hour(session: Session, tools: Tools, notice: Notice, now: datetime) -> datetime:
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


def _address(session: Session, tools: Tools, notice: Notice) -> tuple[tuple[str, ...], str]:
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


def _send(tools: Tools, letter: Letter, now: datetime) -> None:
    """One mail an address, always with the same Message-ID for the same notice and address.

    Raises MailRefused when no address takes it: one that does is enough.
    """
    if letter.alert and tools.notify_urls:
        chat.notify(tools.notify_urls, letter.subject, letter.text)
    host = urlsplit(tools.base_url).hostname or "localhost"
    refused = []
    for place, address in enumerate(letter.to):
        key = letter.key if place == 0 else f"{letter.key}.{place}"
        try:
            tools.mail.send(_compose(letter, address, f"<{key.replace(':', '.')}@{host}>", f"tracker@{host}", now))
        except mail.MailRefused as why:
            refused.append(why)
    if refused and len(refused) == len(letter.to):
        raise refused[0]


def _compose(letter: Letter, to: str, message_id: str, sender: str, now: datetime) -> EmailMessage:
    return mail.compose(
        to=to,
        subject=letter.subject,
        text=letter.text,
        message_id=message_id,
        sender=sender,
        language=letter.locale,
        at=now,
    )


def _nowhere(session: Session, tools: Tools, notice: Notice, leased: Leased, now: datetime, why: str) -> None:
    """Nobody to write to: staff alerts go to the chat, everything else becomes a task for a person."""
    finish(session, Notice, leased, None)
    notice.state = NoticeState.NOWHERE
    incident = session.get(Incident, notice.incident_id) if notice.incident_id else None
    if incident is not None and incident.state is State.OPEN:
        reason = f"{notice.topic} reached nobody ({why}): tell them yourself"
        incidents.add_task(session, incident, TaskKind.CONTACT, now, end_of_staff_day(tools, now), reason)
        promises.set_next_due(session, incident)


def _tell(session: Session, notice: Notice, now: datetime) -> None:
    """Write into the story that the notice went out."""
    if notice.incident_id is not None:
        incident = session.get_one(Incident, notice.incident_id)
        what = "followup_asked" if notice.topic is Topic.CUSTOMER_FOLLOWUP else "notice_sent"
        incidents.tell(session, incident, now, SaidBy.TRACKER, what, topic=str(notice.topic), to=notice.recipient)
