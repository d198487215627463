"""Customers: some choose, some answer, many do nothing at all."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from tracker.domain.incidents import Desired
from tracker.domain.notices import Topic
from tracker.simulator.chance import between
from tracker.simulator.people.acting import open_link
from tracker.simulator.people.letters import Letter
from tracker.simulator.scene import Scene
from tracker.steps import answers
from tracker.store.audit import Actor, ActorKind
from tracker.store.incidents import Incident
from tracker.store.links import Link, Purpose

CUSTOMER: Final = Actor(ActorKind.CUSTOMER, via="link")
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
ANSWERS: Final = 0.6
"""How many answer whether they were called."""
WANTS_MONEY: Final = 0.12
WAITS: Final = 0.08
RATES: Final = 0.4
UNHAPPY: Final = 0.1
"""Of those who answer whether all is well."""


def read(scene: Scene, letter: Letter) -> None:
    """A customer reads a message and may act on it later."""
    stream = scene.chance.of("customers")
    match letter.topic:
        case Topic.CUSTOMER_ASKED if stream.random() < ANSWERS:
            after(scene, stream, timedelta(minutes=3), timedelta(minutes=55), lambda: tell_of_call(scene, letter))
        case Topic.CUSTOMER_OPENED:
            _think(scene, letter, stream)
        case Topic.CUSTOMER_FOLLOWUP if stream.random() < RATES:
            stars, well = stream.randint(1, 5), stream.random() >= UNHAPPY
            after(scene, stream, HOUR, DAY, lambda: rate(scene, letter, stars, well=well))


def after(scene: Scene, stream: random.Random, least: timedelta, most: timedelta, act: Callable[[], object]) -> None:
    """Let somebody do something a while from now."""
    scene.clockwork.at(scene.now + between(stream, least, most), act)


def tell_of_call(scene: Scene, letter: Letter, *, called: bool | None = None) -> bool:
    """Say truly whether the depot called."""
    yes = letter.incident_id in scene.called if called is None else called

    def say(session: Session, incident: Incident, _: Link) -> None:
        answers.did_they_call(session, scene.tools, scene.now, incident, yes, CUSTOMER)

    return open_link(scene.tools, scene.now, letter.token, Purpose.CUSTOMER, say)


def choose(scene: Scene, letter: Letter, desired: Desired, wait: timedelta | None = None) -> bool:
    """Choose the refund, or to wait for so long."""
    until = scene.now + wait if wait else None

    def say(session: Session, incident: Incident, _: Link) -> None:
        answers.choose(session, scene.tools, scene.now, incident, desired, until, CUSTOMER)

    return open_link(scene.tools, scene.now, letter.token, Purpose.CUSTOMER, say)


def rate(scene: Scene, letter: Letter, stars: int, *, well: bool = True) -> bool:
    """Say whether all is well, with a rating."""

    def say(session: Session, incident: Incident, _: Link) -> None:
        answers.all_well(session, scene.tools, scene.now, incident, well, stars, CUSTOMER)

    return open_link(scene.tools, scene.now, letter.token, Purpose.CUSTOMER, say)


def _think(scene: Scene, letter: Letter, stream: random.Random) -> None:
    """The money, more patience, or nothing."""
    wish = stream.random()
    if wish < WANTS_MONEY:
        after(scene, stream, HOUR, 20 * HOUR, lambda: choose(scene, letter, Desired.REFUND))
    elif wish < WANTS_MONEY + WAITS:
        wait = stream.randint(3, 9) * DAY
        after(scene, stream, HOUR, 20 * HOUR, lambda: choose(scene, letter, Desired.WAIT, wait))
