"""A refund provider for tests that keeps its own ledger and believes nobody."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tracker.domain.refunds import State
from tracker.outside.refund_providers.base import Intent, Outcome

Behaviour = Literal["accept", "pay", "refuse", "lose", "answer lost", "raise"]


class Killed(Exception):
    """The worker dies here."""


@dataclass
class Ledger:
    """What really happened to the money: one entry per key, written when a request arrives."""

    can_look_up: bool = True
    promises_keys: bool = True
    name: str = "webhook"
    behaves: list[Behaviour] = field(default_factory=list)
    """What happens to the next requests; after the last they are accepted."""
    entries: dict[str, Intent] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    sends: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    blind: bool = False
    """The status cannot be told at the moment."""
    on_send: Callable[[Intent], object] = lambda _: None

    def send(self, intent: Intent, now: datetime) -> Outcome:
        self.sends.append(intent.key)
        behaviour = self.behaves.pop(0) if self.behaves else "accept"
        if behaviour == "refuse":
            return Outcome(State.UNKNOWN if intent.resent else State.FAILED, detail="no such order")
        if behaviour != "lose":
            self._enter(intent, State.SUCCEEDED if behaviour == "pay" else State.PENDING)
            self.on_send(intent)
        if behaviour == "raise":
            raise Killed
        if behaviour in {"lose", "answer lost"}:
            return Outcome(State.UNKNOWN, detail="no answer within 20 seconds")
        return self._told(intent.key)

    def look_up(self, intent: Intent, now: datetime) -> Outcome | None:
        self.looks.append(intent.key)
        if self.blind:
            return Outcome(State.UNKNOWN, detail="answered with status 503")
        return self._told(intent.key) if intent.key in self.states else None

    def _enter(self, intent: Intent, state: State) -> None:
        known = self.entries.setdefault(intent.key, intent)
        if known.fingerprint != intent.fingerprint:
            raise AssertionError(f"{intent.key} came a second time with another body")
        self.states.setdefault(intent.key, state)

    def _told(self, key: str) -> Outcome:
        return Outcome(self.states[key], f"pay-{key}")
