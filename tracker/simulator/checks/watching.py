"""Puts every check into a world: the cheap ones after each tick, the whole books once a day."""

from datetime import timedelta
from typing import Final

from tracker.simulator.checks.feeds import FeedCheck
from tracker.simulator.checks.money import MoneyCheck
from tracker.simulator.checks.notices import NoticeCheck
from tracker.simulator.checks.queue import QueueCheck
from tracker.simulator.world import World

DAY: Final = timedelta(days=1)


def watch(world: World) -> None:
    """From now on a broken invariant stops the world with a sentence (Broken)."""
    feeds, money, queue, notices = FeedCheck(world), MoneyCheck(world), QueueCheck(world), NoticeCheck(world)
    world.checks += [lambda _: feeds.look(), lambda _: queue.look()]
    world.watchers.append(notices.read)
    world.provider.on_request = money.asked

    def daily() -> None:
        for check in (feeds, money, queue, notices):
            check.audit()
        world.clockwork.at(world.now + DAY, daily)

    world.clockwork.at(world.now + DAY, daily)
