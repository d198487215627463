"""Depots and desks: each answers by its character, and what it says about a parcel may make it move again."""

import random
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy.orm import Session

from tracker.domain.hours import Calendar, next_opening
from tracker.domain.notices import Topic
from tracker.outside.calendars import calendar
from tracker.simulator.chance import between
from tracker.simulator.journeys import Fate, at, delivery
from tracker.simulator.people.acting import open_link
from tracker.simulator.people.letters import Letter
from tracker.simulator.places import Character, Office
from tracker.simulator.scene import Scene
from tracker.steps import answers
from tracker.steps.answers import DepotAnswer
from tracker.store.audit import Actor, ActorKind
from tracker.store.depots import Depot
from tracker.store.incidents import Incident
from tracker.store.links import Link, Purpose

HOUR: Final = timedelta(hours=1)
DELAYS: Final = {
    Character.PROMPT: (timedelta(minutes=20), 2 * HOUR),
    Character.SLOW: (20 * HOUR, 40 * HOUR),
    Character.LYING: (HOUR, 3 * HOUR),
}
"""How long an office takes, before its next opening is waited for."""
FATES: Final = {
    Fate.EITHER_BROKEN: DepotAnswer.BROKEN,
    Fate.EITHER_LOST: DepotAnswer.LOST,
    Fate.EITHER_FOUND: DepotAnswer.FOUND,
    Fate.MISSING: DepotAnswer.LOST,
    Fate.VANISHED: DepotAnswer.LOST,
    Fate.STALLED: DepotAnswer.SEARCHING,
    Fate.MISSING_FOUND: DepotAnswer.SEARCHING,
}
"""What there is to say about a parcel, for who looks."""
SHOUTED_AT: Final = 0.5
"""How many silent offices answer once their manager or the desk has heard of it."""


def hours_of(office: Office) -> Calendar:
    """The office's business calendar."""
    return calendar(office.name, office.timezone, office.hours, office.country, office.region)


def read(scene: Scene, office: Office, letter: Letter, fate: Fate) -> None:
    """An office reads a message and may answer by its link, once it is open."""
    stream = scene.chance.of("offices")
    character = office.character
    if character is Character.SILENT:
        if letter.topic not in {Topic.MANAGER_ESCALATION, Topic.DESK_ESCALATION} or stream.random() >= SHOUTED_AT:
            return
        character = Character.PROMPT
    when = next_opening(hours_of(office), scene.now + between(stream, *DELAYS[character]))
    scene.clockwork.at(when, lambda: _answer(scene, character, letter, fate, stream))


def _answer(scene: Scene, character: Character, letter: Letter, fate: Fate, stream: random.Random) -> None:
    if character is Character.LYING:
        say(scene, letter, DepotAnswer.CALLED, scene.now - timedelta(minutes=10))
        return
    parcel = scene.parcel_of(letter.incident_id) if letter.incident_id else None
    answer = FATES.get(fate)
    if parcel is None or answer is None:
        return
    call(scene, letter)
    until = at(scene.now, time(13), workdays=3) if answer is DepotAnswer.SEARCHING else None
    if say(scene, letter, answer, until) and answer is DepotAnswer.FOUND:
        parcel.add(*delivery(parcel, scene.now, stream))


def call(scene: Scene, letter: Letter) -> None:
    """Really call the customer."""
    if letter.incident_id is not None:
        scene.called.add(letter.incident_id)


def say(scene: Scene, letter: Letter, answer: DepotAnswer, when: datetime | None = None) -> bool:
    """Answer by the link in the letter; False where it has ended or the answer is refused."""

    def press(session: Session, incident: Incident, link: Link) -> None:
        depot = session.get(Depot, link.depot_id) if link.depot_id else None
        who = Actor(ActorKind.DEPOT, str(link.depot_id or ""), "link")
        answers.depot_says(session, scene.tools, scene.now, incident, answer, when, who, depot)

    return open_link(scene.tools, scene.now, letter.token, Purpose.DEPOT, press)
