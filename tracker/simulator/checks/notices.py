"""No letter outside its reader's hours, none of the ladder after resolution, none twice without a crash."""

from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tracker.domain.hours import is_open
from tracker.domain.incidents import State
from tracker.domain.notices import Topic
from tracker.outside.postcodes import postcode_zone
from tracker.simulator.checks.broken import Broken
from tracker.simulator.people.crowd import READERS
from tracker.simulator.people.letters import Letter
from tracker.simulator.people.offices import hours_of
from tracker.simulator.world import World
from tracker.store.incidents import Incident

OFFICE_TOPICS: Final = frozenset(
    {
        Topic.DEPOT_QUESTION,
        Topic.DEPOT_NUDGE,
        Topic.DEPOT_REMINDER,
        Topic.MANAGER_ESCALATION,
        Topic.DESK_ESCALATION,
    }
)
DAYTIME_TOPICS: Final = frozenset({Topic.CUSTOMER_ASKED, Topic.CUSTOMER_FOLLOWUP})
LADDER_TOPICS: Final = OFFICE_TOPICS | {Topic.CUSTOMER_ASKED}


class NoticeCheck:
    """Reads every letter when it arrives."""

    def __init__(self, world: World) -> None:
        """Nothing has arrived yet."""
        self._world = world

    def read(self, letter: Letter) -> None:
        """A letter has arrived."""
        if letter.topic in OFFICE_TOPICS:
            office = READERS[letter.to]
            if not is_open(hours_of(office), letter.at):
                raise Broken(f"{office.name} got a {letter.topic} at {letter.at.isoformat()}, when it is closed")
        if letter.topic in DAYTIME_TOPICS:
            self._daytime(letter)
        if letter.topic in LADDER_TOPICS and letter.incident_id is not None:
            self._still_open(letter)

    def audit(self) -> None:
        """A letter comes twice only where a crash or a broken line explains it."""
        box = self._world.mailbox
        if box.resends > self._world.fuse.burnt + self._world.mail_faults:
            raise Broken(f"{box.resends} letters came twice after {self._world.fuse.burnt} crashes")

    def _daytime(self, letter: Letter) -> None:
        parcel = self._world.scene.readers[letter.to]
        local = letter.at.astimezone(ZoneInfo(postcode_zone(parcel.country, parcel.postcode)))
        if not 9 <= local.hour < 21:
            raise Broken(f"the customer of {parcel.number} was asked at {local:%H:%M}")

    def _still_open(self, letter: Letter) -> None:
        with self._world.scene.tools.store.read() as session:
            row = session.execute(
                sa.select(Incident.state, Incident.ref).where(Incident.id == letter.incident_id)
            ).one()
        if row.state is not State.OPEN:
            raise Broken(f"{letter.topic} went out for {row.ref} after it was resolved")
