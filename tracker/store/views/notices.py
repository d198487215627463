"""What a notice is rendered from: the state of its shipment, incident, promise and refund at this moment."""

from typing import Any

from sqlalchemy.orm import Session

from tracker.domain.promises import OPEN, Action, Party
from tracker.store import promises
from tracker.store.incidents import Incident
from tracker.store.outbox import Notice
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Shipment


def facts(session: Session, notice: Notice) -> dict[str, Any]:
    """Every fact a template may use; what the notice does not speak of is None."""
    shipment = session.get(Shipment, notice.shipment_id) if notice.shipment_id else None
    incident = session.get(Incident, notice.incident_id) if notice.incident_id else None
    promise = session.get(Promise, notice.promise_id) if notice.promise_id else None
    remedy = session.get(Remedy, notice.remedy_id) if notice.remedy_id else None
    return {
        "topic": str(notice.topic),
        "text": notice.facts.get("text", ""),
        "shipment": shipment,
        "order": shipment.order if shipment else None,
        "customer": shipment.order.customer if shipment else None,
        "incident": incident,
        "kind": str(incident.kind) if incident else "",
        "cause": str(incident.cause) if incident and incident.cause else "",
        "promise": promise,
        "action": str(promise.action) if promise else "",
        "remedy": remedy,
        "waiting_for": _waiting_for(session, incident),
        "remedy_at": incident.remedy_at if incident else None,
    }


def _waiting_for(session: Session, incident: Incident | None) -> Promise | None:
    """The next thing that somebody at the carrier owes, if anything."""
    if incident is None:
        return None
    owed = [
        promise
        for promise in promises.of(session, incident.id, episode=incident.episode)
        if promise.state in OPEN and promise.performer is not Party.MERCHANT and promise.action is not Action.REFUND
    ]
    return min(owed, key=lambda promise: promise.due_at, default=None)
