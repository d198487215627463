"""Rows as the values of an answer: money as exact text, instants with the merchant's offset."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tracker.domain import money
from tracker.domain.events import Event, Stage
from tracker.store.depots import Depot
from tracker.store.incidents import Contact, Task, Timeline
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import Order, Shipment
from tracker.store.views import api as views
from tracker.web import db

Values = dict[str, Any]


def stamp(at: datetime | None) -> str | None:
    """An instant in the merchant's zone, with its offset."""
    return at.astimezone(ZoneInfo(db.tools().zone)).isoformat() if at is not None else None


def shipment(row: Shipment, open_ref: str | None) -> Values:
    """A shipment with its order; the recipient's personal values stay inside."""
    currency = row.order.currency
    return {
        "id": row.id,
        "carrier": row.carrier,
        "number": row.number,
        "epoch": row.epoch,
        "postcode": row.postcode,
        "country": row.country,
        "order": _order(row.order),
        "locale": row.order.customer.locale,
        "depot": row.depot.code if row.depot else None,
        "weight_kg": f"{(Decimal(row.weight_g) / 1000).normalize():f}" if row.weight_g is not None else None,
        "declared_value": money.text(row.value_minor, currency) if row.value_minor is not None else None,
        "promised_at": stamp(row.promised_at),
        "marketplace_eta": stamp(row.marketplace_eta),
        "created_at": stamp(row.created_at),
        "stage": row.stage,
        "exception": row.exception,
        "direction": row.direction,
        "last_event_at": stamp(row.last_event_at),
        "delivered_at": stamp(row.delivered_at),
        "incident": open_ref,
    }


def _order(row: Order) -> Values:
    return {
        "number": row.number,
        "channel": row.channel.name,
        "amount": money.text(row.paid_minor, row.currency) if row.paid_minor else None,
        "currency": row.currency,
    }


def event(row: Event, stage: Stage) -> Values:
    """A tracking event, its time in the merchant's zone."""
    return row.as_json(stage) | {"occurred_at": stamp(row.occurred_at)}


def line(row: views.Line) -> Values:
    """One incident of a list."""
    incident = row.incident
    return {
        "ref": incident.ref,
        "number": incident.shipment.number,
        "carrier": incident.shipment.carrier,
        "kind": incident.kind,
        "state": incident.state,
        "level": incident.level,
        "opened_at": stamp(incident.opened_at),
        "next_due_at": stamp(incident.next_due_at),
        "promise_state": row.promise_state,
        "refund_state": row.refund_state,
    }


def case(found: views.Case) -> Values:
    """An incident with what hangs below it."""
    incident = found.line.incident
    return line(found.line) | {
        "shipment_id": incident.shipment_id,
        "episode": incident.episode,
        "cause": incident.cause,
        "desired": incident.desired,
        "outcome": incident.outcome,
        "remedy_at": stamp(incident.remedy_at),
        "resolved_at": stamp(incident.resolved_at),
        "promises": [promise(row, incident.ref) for row in found.promises],
        "refunds": [refund(row, incident.ref) for row in found.remedies],
        "tasks": [task(row) for row in found.tasks],
        "contacts": [contact(row) for row in found.contacts],
    }


def promise(row: Promise, ref: str) -> Values:
    """A promise of the incident with that reference."""
    told = {name: getattr(row, name) for name in ("id", "performer", "action", "beneficiary", "state", "version")}
    return told | {
        "incident": ref,
        "made_at": stamp(row.made_at),
        "due_at": stamp(row.due_at),
        "due_source": row.due_source,
        "closed_at": stamp(row.closed_at),
        "evidence": row.evidence,
    }


def refund(row: Remedy, ref: str) -> Values:
    """A refund intent of the incident with that reference."""
    return {
        "id": row.id,
        "incident": ref,
        "key": row.key,
        "amount": money.text(row.amount_minor, row.currency),
        "currency": row.currency,
        "state": row.state,
        "provider": row.provider,
        "provider_ref": row.provider_ref,
        "requested_at": stamp(row.requested_at),
        "approved_at": stamp(row.approved_at),
        "settled_at": stamp(row.settled_at),
    }


def task(row: Task) -> Values:
    """An open task."""
    return {"id": row.id, "kind": row.kind, "due_at": stamp(row.due_at), "reason": row.reason}


def contact(row: Contact) -> Values:
    """A logged call or message."""
    told = {name: getattr(row, name) for name in ("id", "channel", "person", "reference", "reason", "outcome")}
    return told | {"at": stamp(row.at)}


def entry(row: Timeline) -> Values:
    """One entry of an incident's story."""
    return {"at": stamp(row.at), "said_by": row.said_by, "kind": row.kind, "body": row.body}


def depot(row: Depot) -> Values:
    """A depot or desk."""
    told = {name: getattr(row, name) for name in ("id", "carrier", "code", "name", "hours", "timezone", "country")}
    reached = {name: getattr(row, name) for name in ("region", "email", "phone", "manager_email", "language")}
    return told | reached | {"postcodes": row.postcodes.split()}
