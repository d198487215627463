"""What all scenarios share: the desk on its way to Badajoz, one-minute ticks, and hands to act with at a given time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tracker.domain.events import ExceptionCode
from tracker.domain.notices import Topic
from tracker.simulator import checks
from tracker.simulator.journeys import Fate
from tracker.simulator.people import agents
from tracker.simulator.people.letters import Letter
from tracker.simulator.truth import Parcel, Scan
from tracker.simulator.world import World
from tracker.store.incidents import Incident

MADRID: Final = ZoneInfo("Europe/Madrid")
NUMBER: Final = "DESK-0001"
ORDER: Final = "A-2026-1105"
CUSTOMER: Final = "lucia@mail.example"
QUESTIONS: Final = frozenset({Topic.DEPOT_QUESTION, Topic.DEPOT_NUDGE, Topic.DEPOT_REMINDER})


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of November 2026 by Madrid's clocks; the 5th is day 0 of the stories."""
    return datetime(2026, 11, day, hour, minute, tzinfo=MADRID).astimezone(UTC)


START: Final = on(5, 9)


class Stage:
    """A world with one parcel and nobody in it who acts on his own."""

    def __init__(self, url: str) -> None:
        """Day 0, Thursday 5 November 2026: the desk is sold."""
        self.world = World(url, START)
        self.letters: list[Letter] = []
        self._answers: list[tuple[frozenset[Topic], timedelta, Callable[[Letter], object]]] = []
        self.world.read = self._read
        checks.watch(self.world)
        self.world.settle()
        self.desk = desk(on(5, 10))
        self.world.fates[NUMBER] = Fate.EITHER_BROKEN
        self.world.sell(self.desk)

    def disaster(self) -> None:
        """Day 6, Wednesday 11 November, 07:40: damage or loss, says the feed."""
        self.desk.add(Scan(on(11, 7, 40), "LK560", "Siniestro", "BADAJOZ", "06", trouble=ExceptionCode.DAMAGED_OR_LOST))

    def at(self, when: datetime, act: Callable[[], object]) -> None:
        """Let somebody act at that minute."""
        self.world.clockwork.at(when, act)

    def answer(self, topic: Topic, after: timedelta, act: Callable[[Letter], object]) -> None:
        """Let the reader of every letter of a topic act so long after it arrived."""
        self._answers.append((frozenset({topic}), after, act))

    def last(self, *topics: Topic) -> Letter:
        """The newest letter of these topics."""
        return next(letter for letter in reversed(self.letters) if letter.topic in topics)

    def log_call(self, due_at: datetime) -> None:
        """The agent phones the national line and writes down what was promised."""
        with self.world.scene.tools.store.read() as session:
            incident_id = session.scalars(sa.select(Incident.id)).one()
        if not agents.log_call(self.world.scene, incident_id, due_at):
            raise RuntimeError("the tracker refused to record the call")

    def _read(self, letter: Letter) -> None:
        self.letters.append(letter)
        for topics, after, act in self._answers:
            if letter.topic in topics:
                self.at(letter.at + after, lambda act=act: act(letter))  # type: ignore[misc]  # bound now


def desk(sold_at: datetime) -> Parcel:
    """Registered on day 0, accepted on day 1, in transit on day 2; the marketplace shows a date two weeks away."""
    parcel = Parcel(
        carrier="seur",
        number=NUMBER,
        order=ORDER,
        postcode="06001",
        town="BADAJOZ",
        country="ES",
        depot="06",
        amount_minor=18_000,
        weight_g=30_000,
        customer="Lucía Gómez",
        email=CUSTOMER,
        phone="+34600123456",
        locale="es",
        created_at=sold_at,
        marketplace_eta=sold_at + timedelta(days=16, hours=10),
    )
    parcel.add(
        Scan(sold_at + timedelta(minutes=20), "SX010", "ENVÍO REGISTRADO"),
        Scan(sold_at + timedelta(days=1, hours=9, minutes=5), "SX001", "RECIBIDO SIE"),
        Scan(sold_at + timedelta(days=1, hours=19, minutes=10), "LI428", "MERCANCÍA EN MADRID", "MADRID", "28"),
    )
    return parcel
