"""The seven stories, each as what its people do and when."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tracker.domain.incidents import Desired
from tracker.domain.notices import Topic
from tracker.simulator.journeys import Fate
from tracker.simulator.people import customers, offices
from tracker.simulator.scenarios.stage import NUMBER, QUESTIONS, Stage, on
from tracker.simulator.truth import Scan
from tracker.simulator.world import World
from tracker.steps.answers import DepotAnswer

MINUTES: Final = timedelta(minutes=1)


class Story(NamedTuple):
    """One scenario: what it shows, who does what in it, and how long it is watched."""

    about: str
    script: Callable[[Stage], None]
    until: datetime


def play(name: str, url: str) -> World:
    """Play a story to its end on the empty database at `url`.  Raises KeyError for a name that is none."""
    story = STORIES[name]
    stage = Stage(url)
    story.script(stage)
    stage.world.run(story.until)
    return stage.world


def broken_desk(stage: Stage) -> None:
    """The depot promises to call and does not; it answers at last, and the money goes back."""
    scene = stage.world.scene
    stage.disaster()
    stage.at(on(11, 11), lambda: stage.log_call(on(12, 14)))
    stage.answer(Topic.CUSTOMER_ASKED, 20 * MINUTES, lambda letter: customers.tell_of_call(scene, letter, called=False))
    stage.at(on(13, 17, 30), lambda: offices.say(scene, stage.last(*QUESTIONS), DepotAnswer.BROKEN))
    stage.answer(Topic.CUSTOMER_FOLLOWUP, 30 * MINUTES, lambda letter: customers.rate(scene, letter, 4))


def found(stage: Stage) -> None:
    """The depot finds the desk and delivers it."""
    scene = stage.world.scene
    stage.world.fates[NUMBER] = Fate.EITHER_FOUND
    stage.disaster()
    stage.at(on(12, 10), lambda: offices.say(scene, stage.last(*QUESTIONS), DepotAnswer.FOUND))
    stage.desk.add(
        Scan(on(13, 6, 30), "LI406", "MERCANCÍA EN BADAJOZ", "BADAJOZ", "06", recovers=True),
        Scan(on(13, 9, 15), "LC001", "EN REPARTO CONFIRMADO"),
        Scan(on(13, 12, 40), "LL001", "Entregado", ends=True),
    )


def never_answered(stage: Stage) -> None:
    """Nobody ever answers anything."""
    stage.disaster()


def refund_now(stage: Stage) -> None:
    """The customer chooses the refund an hour after the first message."""
    scene = stage.world.scene
    stage.disaster()
    stage.answer(Topic.CUSTOMER_OPENED, 60 * MINUTES, lambda letter: customers.choose(scene, letter, Desired.REFUND))


def wait(stage: Stage) -> None:
    """The customer chooses to wait until Friday the 20th."""
    scene = stage.world.scene
    stage.disaster()
    stage.answer(
        Topic.CUSTOMER_OPENED,
        60 * MINUTES,
        lambda letter: customers.choose(scene, letter, Desired.WAIT, on(20, 18) - scene.now),
    )


def reappears(stage: Stage) -> None:
    """The refund is paid, and five days later the desk is scanned in Badajoz."""
    refund_now(stage)
    stage.desk.add(
        Scan(on(16, 6, 30), "LI406", "MERCANCÍA EN BADAJOZ", "BADAJOZ", "06", recovers=True),
        Scan(on(16, 9, 15), "LC001", "EN REPARTO CONFIRMADO"),
        Scan(on(16, 12, 40), "LL001", "Entregado", ends=True),
    )


def feed_down(stage: Stage) -> None:
    """SEUR's interface does not answer from day 2 to day 9; meanwhile the desk arrives."""
    stage.world.fates[NUMBER] = Fate.FINE
    stage.world.seur.outages.append((on(7, 12), on(14, 12)))
    stage.desk.add(
        Scan(on(10, 6, 30), "LI406", "MERCANCÍA EN BADAJOZ", "BADAJOZ", "06"),
        Scan(on(12, 9, 15), "LC001", "EN REPARTO CONFIRMADO"),
        Scan(on(12, 12, 40), "LL001", "Entregado", ends=True),
    )


STORIES: Final = {
    "broken-desk": Story("promise broken, ladder climbs, depot says broken, refund paid", broken_desk, on(17, 9)),
    "found": Story("the depot finds it and delivers it", found, on(17, 9)),
    "never-answered": Story("nobody answers, refund on the announced day", never_answered, on(20, 9)),
    "refund-now": Story("the customer chooses the refund", refund_now, on(15, 9)),
    "wait": Story("the customer chooses a later date", wait, on(24, 9)),
    "reappears": Story("scanned again after the refund", reappears, on(20, 9)),
    "feed-down": Story("the feed is silent for a week", feed_down, on(18, 9)),
}
"""Every story by its name on the command line."""
