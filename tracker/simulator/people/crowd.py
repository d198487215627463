"""Who reads which letter: customers, offices and their managers; the merchant's staff look at the console instead."""

from typing import Final

from tracker.simulator.journeys import Fate
from tracker.simulator.people import customers, offices
from tracker.simulator.people.letters import Letter
from tracker.simulator.places import OFFICES, address
from tracker.simulator.scene import Scene

Fates = dict[str, Fate]
"""What becomes of each parcel, by its number."""
READERS: Final = {address(office, manager=manager): office for office in OFFICES for manager in (False, True)}


def read(scene: Scene, fates: Fates, letter: Letter) -> None:
    """Let the letter's reader read it."""
    if office := READERS.get(letter.to):
        parcel = scene.parcel_of(letter.incident_id) if letter.incident_id else None
        offices.read(scene, office, letter, fates.get(parcel.number, Fate.FINE) if parcel else Fate.FINE)
    elif letter.to in scene.readers:
        customers.read(scene, letter)
