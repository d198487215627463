"""What a refund provider is: it takes an intent with a key, and says what became of it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

from tracker.domain.refunds import State


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One refund to be asked for; nothing in it ever changes after the first sending.

    `key` is the refund's own, never used for another. `resent` says that the same was sent before, so that a refusal
    now does not prove that nothing was done then.
    """

    key: str
    order_number: str
    amount_minor: int
    currency: str
    reason: str = ""
    resent: bool = False

    @property
    def fingerprint(self) -> bytes:
        """32 bytes that are equal for equal intents: what is sent again must be what was sent first."""
        told = (self.key, self.order_number, str(self.amount_minor), self.currency, self.reason)
        return sha256("\x1f".join(told).encode()).digest()


class Outcome(NamedTuple):
    """What is known of a refund: `state` is succeeded, pending, failed or unknown.

    `failed` is said only when it is certain that no money has moved and none will. `provider_ref` is the provider's
    own id for the refund; `detail` is one line about what was said or went wrong.
    """

    state: State
    provider_ref: str | None = None
    detail: str = ""


class Provider(Protocol):
    """One way to move money back.  `now` is the time that a signature carries."""

    @property
    def name(self) -> str:
        """The code by which the settings call it."""

    @property
    def can_look_up(self) -> bool:
        """Whether it can be asked what became of a refund."""

    @property
    def promises_keys(self) -> bool:
        """Whether it does nothing when the same key comes again, so that an unknown outcome may be sent again."""

    def send(self, intent: Intent, now: datetime) -> Outcome:
        """Ask for the refund, once, within 20 seconds.  Never raises for what the other side does."""

    def look_up(self, intent: Intent, now: datetime) -> Outcome | None:
        """What became of it; None when the provider is certain that it never arrived; unknown when it cannot tell."""
