"""What a request of the REST API may hold."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tracker.domain.incidents import Outcome, State
from tracker.domain.promises import Action, Party

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-18T08:12:00+01:00"])]
"""An instant with its offset, such as 2026-11-18T08:12:00+01:00."""
Amount = Annotated[str, Field(examples=["180.00"])]
"""Money: an exact amount with the decimals of its currency."""


class Asked(BaseModel):
    """A request: what is not known here is refused."""

    model_config = ConfigDict(extra="forbid")


class Page(Asked):
    """Where a list goes on (`next_cursor` of the page before) and how long a page is."""

    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(50, ge=1, le=200)


class ShipmentsWanted(Page):
    """Which shipments to list; `number` as it was typed at intake."""

    number: str | None = Field(None, max_length=64)
    carrier: str | None = Field(None, max_length=32)


class IncidentsWanted(Page):
    """Which incidents to list; `overdue` leaves the open ones whose next due time has passed."""

    state: State | None = None
    overdue: bool = False


class DepotsWanted(Page):
    """Which depots to list."""

    carrier: str | None = Field(None, max_length=32)


class OrderAsked(Asked):
    """The order that the shipment belongs to; several shipments may name the same one."""

    number: str | None = None
    channel: str | None = None
    amount: Amount | None = None
    currency: str | None = None


class CustomerAsked(Asked):
    """The recipient."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None


class ShipmentAsked(Asked):
    """A shipment to be followed."""

    carrier: str
    number: str
    postcode: str | None = None
    country: str | None = None
    order: OrderAsked | None = None
    customer: CustomerAsked | None = None
    weight_kg: str | int | float | None = None
    declared_value: Amount | None = None
    promised_at: Instant | None = None
    marketplace_eta: Instant | None = None
    depot: str | None = None


class PromiseAsked(Asked):
    """What somebody has agreed to do for whom by when."""

    performer: Party
    action: Action
    beneficiary: Party
    due_at: Instant
    reason: str = Field("", max_length=300)


class ContactAsked(Asked):
    """A call or message that took place; now, where no time is given."""

    at: Instant | None = None
    channel: str = Field(max_length=32)
    person: str = Field("", max_length=120)
    reference: str = Field("", max_length=120)
    reason: str = Field("", max_length=300)
    outcome: str = Field("", max_length=2000)


class ResolveAsked(Asked):
    """How an incident ended, and why it is closed."""

    outcome: Outcome
    why: str = Field("", max_length=300)


class RefundAsked(Asked):
    """A refund is proposed; `amount` is needed only where the shipment's worth is not known."""

    amount: Amount | None = None


class WhyAsked(Asked):
    """The reason for what is asked."""

    why: str = Field("", max_length=300)


class WordAsked(Asked):
    """Somebody's word about a promise; `at` is when the promised thing was done, now where it is not given."""

    evidence: str = Field("", max_length=300)
    at: Instant | None = None


class RenegotiateAsked(Asked):
    """A new due time that was agreed upon."""

    due_at: Instant
    reason: str = Field("", max_length=300)
