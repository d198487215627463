"""The provider's bank: moves the money some hours later and has the provider report it, more or less reliably."""

from datetime import timedelta
from typing import Final

from tracker.outside.refund_providers.webhook import Webhook
from tracker.simulator.chance import between
from tracker.simulator.scene import Scene
from tracker.simulator.wire.refunds import Entry, Provider
from tracker.steps import refunds
from tracker.store.audit import Actor, ActorKind

PROVIDER: Final = Actor(ActorKind.PROVIDER, "webhook", "callback")
PAID_AFTER: Final = timedelta(hours=3)
HOUR: Final = timedelta(hours=1)


class Bank:
    """Pays what the provider has accepted.  `trouble` is how often it pays late, twice reported, unreported or not."""

    def __init__(self, scene: Scene, provider: Provider) -> None:
        """Pay the accepted refunds of this provider."""
        self._scene = scene
        self._provider = provider
        self.trouble = 0.0
        provider.on_accepted = self._accepted

    def _accepted(self, entry: Entry) -> None:
        scene = self._scene
        stream = scene.chance.of("bank")
        if stream.random() >= self.trouble:
            scene.clockwork.at(scene.now + PAID_AFTER, lambda: self._pay(entry))
            return
        late = scene.now + between(stream, PAID_AFTER, 40 * HOUR)
        match stream.choice(("late", "unreported", "twice", "refused")):
            case "refused":
                scene.clockwork.at(late, lambda: self._pay(entry, fails=True))
            case "unreported":
                scene.clockwork.at(late, lambda: self._provider.pay(entry.refund_id))
            case "twice":
                scene.clockwork.at(late, lambda: self._pay(entry))
                scene.clockwork.at(late + HOUR, lambda: self.report(entry))
            case _:
                scene.clockwork.at(late, lambda: self._pay(entry))

    def _pay(self, entry: Entry, *, fails: bool = False) -> None:
        self._provider.pay(entry.refund_id, fails=fails)
        self.report(entry)

    def report(self, entry: Entry) -> None:
        """The callback, as the tracker's own endpoint takes it: signature first, then the word."""
        scene, now = self._scene, self._scene.now
        body, headers = self._provider.callback(entry)
        webhook = scene.tools.providers["webhook"]
        assert isinstance(webhook, Webhook)
        report = webhook.receive(headers, body, now)
        with scene.tools.store.begin() as session:
            refunds.report(session, scene.tools, now, report.refund_id, report.outcome, PROVIDER)
