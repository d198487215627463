"""What an answer of the REST API tells."""

from typing import Any

from pydantic import BaseModel

from tracker.domain.events import Direction, ExceptionCode, Source, Stage
from tracker.domain.incidents import Cause, Desired, Kind, Outcome, State
from tracker.domain.promises import Action, DueSource, Party
from tracker.domain.promises import State as PromiseState
from tracker.domain.refunds import State as RefundState
from tracker.store.incidents import SaidBy, TaskKind
from tracker.web.api.asked import Amount, Instant


class OrderTold(BaseModel):
    """The order of a shipment; `amount` is null where nobody said what was paid."""

    number: str
    channel: str
    amount: Amount | None
    currency: str


class ShipmentTold(BaseModel):
    """A shipment as the tracker knows it.  The recipient's name and addresses are taken in and never given out."""

    id: int
    carrier: str
    number: str
    epoch: int
    postcode: str
    country: str
    order: OrderTold
    locale: str
    depot: str | None
    weight_kg: str | None
    declared_value: Amount | None
    promised_at: Instant | None
    marketplace_eta: Instant | None
    created_at: Instant
    stage: Stage
    exception: ExceptionCode
    direction: Direction
    last_event_at: Instant | None
    delivered_at: Instant | None
    incident: str | None


class EventTold(BaseModel):
    """One tracking event."""

    number: str
    occurred_at: Instant
    tz_known: bool
    raw_code: str
    raw_text: str
    stage: Stage
    exception: ExceptionCode
    direction: Direction
    handover_to: str | None
    location: str | None
    depot: str | None
    source: Source
    mapped: bool


class IncidentLine(BaseModel):
    """One incident of the list."""

    ref: str
    number: str
    carrier: str
    kind: Kind
    state: State
    level: int
    opened_at: Instant
    next_due_at: Instant | None
    promise_state: PromiseState | None
    refund_state: RefundState | None


class PromiseTold(BaseModel):
    """A promise with its present due time."""

    id: int
    incident: str
    performer: Party
    action: Action
    beneficiary: Party
    state: PromiseState
    version: int
    made_at: Instant
    due_at: Instant
    due_source: DueSource
    closed_at: Instant | None
    evidence: str


class RefundTold(BaseModel):
    """A refund intent; `key` is what the provider knows it by."""

    id: int
    incident: str
    key: str
    amount: Amount
    currency: str
    state: RefundState
    provider: str
    provider_ref: str | None
    requested_at: Instant
    approved_at: Instant | None
    settled_at: Instant | None


class TaskTold(BaseModel):
    """Something that a person of the merchant's has to do."""

    id: int
    kind: TaskKind
    due_at: Instant
    reason: str


class ContactTold(BaseModel):
    """A logged call or message."""

    id: int
    at: Instant
    channel: str
    person: str
    reference: str
    reason: str
    outcome: str


class IncidentTold(IncidentLine):
    """An incident with what hangs below it."""

    shipment_id: int
    episode: int
    cause: Cause | None
    desired: Desired | None
    outcome: Outcome | None
    remedy_at: Instant | None
    resolved_at: Instant | None
    promises: list[PromiseTold]
    refunds: list[RefundTold]
    tasks: list[TaskTold]
    contacts: list[ContactTold]


class EntryTold(BaseModel):
    """One entry of an incident's story."""

    at: Instant
    said_by: SaidBy
    kind: str
    body: dict[str, Any]


class DepotTold(BaseModel):
    """A depot or desk of a carrier."""

    id: int
    carrier: str
    code: str
    name: str
    hours: str
    timezone: str
    country: str
    region: str | None
    email: str | None
    phone: str | None
    manager_email: str | None
    language: str
    postcodes: list[str]


class CarrierTold(BaseModel):
    """A carrier that the tracker can read; `configured` tells whether it is asked for news here."""

    code: str
    name: str
    configured: bool


class More(BaseModel):
    """A page of a list; `next_cursor` is null on the last one."""

    next_cursor: str | None


class Shipments(More):
    """A page of shipments."""

    items: list[ShipmentTold]


class Events(More):
    """A shipment's events, oldest first."""

    items: list[EventTold]


class Incidents(More):
    """A page of incidents."""

    items: list[IncidentLine]


class Timeline(More):
    """A page of an incident's story, oldest first."""

    items: list[EntryTold]


class Depots(More):
    """A page of depots."""

    items: list[DepotTold]


class Carriers(More):
    """Every carrier."""

    items: list[CarrierTold]
