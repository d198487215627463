"""The shape of a refund provider: one call that asks for the money, one that asks what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tracker.domain.refunds import State


@dataclass(frozen=True)
class RefundCall:
    """What is asked for; nothing in it changes between a call and its repetition.

    `refund_id` is the intent's key, `amount_minor` counts the currency's smallest unit.
    """

    refund_id: str
    order_number: str
    amount_minor: int
    currency: str
    reason: str
    test: bool = False


class Outcome(NamedTuple):
    """What the provider said, in our states: succeeded, pending, failed or unknown."""

    state: State
    detail: str = ""
    provider_ref: str | None = None


class Provider(Protocol):
    """A payment provider.  Neither call raises for what happens on the way: that is an `unknown` outcome."""

    name: str
    keeps_keys: bool
    """Whether the provider promises to act once on the same key, so that the same call may be sent again."""

    @property
    def can_look_up(self) -> bool:
        """Whether the provider can be asked what became of a refund."""

    def body(self, call: RefundCall) -> bytes:
        """The bytes of the request, the same for the same call: their hash is stored before they are sent."""

    def send(self, call: RefundCall, now: datetime) -> Outcome:
        """Ask for the money."""

    def look_up(self, call: RefundCall, now: datetime) -> Outcome | None:
        """What became of it; None when the provider says that the call never arrived."""
