"""How somebody in the world acts on the tracker: by the verb behind the page, in a transaction of its own."""

import logging
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.incidents import IllegalMove
from tracker.domain.refusals import Refused
from tracker.steps import Tools
from tracker.store import links
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident
from tracker.store.links import Link, Purpose

log = logging.getLogger(__name__)
Verb = Callable[[Session, Incident, Link], object]


def open_link(tools: Tools, now: datetime, token: str | None, purpose: Purpose, verb: Verb) -> bool:
    """Open the link of a letter and do something there; False where the link has ended or the answer is refused."""
    if token is None:
        return False
    try:
        with tools.store.begin() as session:
            link = links.find(session, token, now, purpose)
            incident = _incident(session, link) if link else None
            if link is None or incident is None:
                return False
            verb(session, incident, link)
    except (Refused, IllegalMove) as refusal:
        log.debug("refused: %s", refusal)
        return False
    return True


def as_staff(tools: Tools, incident_id: int, verb: Callable[[Session, Incident], object]) -> bool:
    """Do something in the console; False where it is refused."""
    try:
        with tools.store.begin() as session:
            verb(session, session.get_one(Incident, incident_id))
    except (Refused, IllegalMove) as refusal:
        log.debug("refused: %s", refusal)
        return False
    return True


def staff(name: str = "Ana") -> Actor:
    """A member of the merchant's staff."""
    return Actor(ActorKind.STAFF, name, "console")


def _incident(session: Session, link: Link) -> Incident | None:
    """The incident of the link, else the newest of its shipment."""
    if link.incident_id is not None:
        return session.get(Incident, link.incident_id)
    return session.scalars(
        sa.select(Incident).where(Incident.shipment_id == link.shipment_id).order_by(Incident.id.desc()).limit(1)
    ).one_or_none()
