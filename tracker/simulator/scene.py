"""What everybody in the world shares: the time, chance, the truth about the parcels, and the tracker's tools."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from tracker.simulator.chance import Chance
from tracker.simulator.clockwork import Clockwork
from tracker.simulator.truth import Book, Parcel
from tracker.steps import Tools
from tracker.store.incidents import Incident
from tracker.store.shipments import Shipment


@dataclass
class Scene:
    """The stage on which people act.  `tools` is replaced when the tracker's process has crashed."""

    clockwork: Clockwork
    chance: Chance
    book: Book
    tools: Tools
    called: set[int] = field(default_factory=set)
    """The incidents whose customers were really called by the depot."""
    readers: dict[str, Parcel] = field(default_factory=dict)
    """Whose parcel it is, by the customer's address."""

    @property
    def now(self) -> datetime:
        """The simulated instant."""
        return self.clockwork()

    def parcel_of(self, incident_id: int) -> Parcel | None:
        """The parcel that an incident is about."""
        with self.tools.store.read() as session:
            row = session.execute(
                sa.select(Shipment.carrier, Shipment.number)
                .join(Incident, Incident.shipment_id == Shipment.id)
                .where(Incident.id == incident_id)
            ).one()
        return self.book.find(row.carrier, row.number)
