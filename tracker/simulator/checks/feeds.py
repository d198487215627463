"""No event is lost, doubled or made up, and no damaged or lost parcel is without its incident one poll later."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.events import Source
from tracker.simulator.checks.broken import Broken
from tracker.simulator.truth import Parcel, Scan
from tracker.simulator.wire import dhl, seur
from tracker.simulator.world import World
from tracker.store.incidents import Incident
from tracker.store.shipments import EventRow, Shipment

RESTART: Final = timedelta(minutes=15)
"""How long a crashed process may take to make up for it."""
Key = tuple[str, str]


def key(parcel: Parcel, scan: Scan) -> Key:
    """A scan as the raw columns of its event name it: code and local time to the second."""
    local = dhl.local(parcel, scan) if parcel.carrier == "dhl_unified" else seur.local(scan.at)
    return scan.code, local[:19]


class FeedCheck:
    """Compares the tracker's events with the truth, as far as the carriers have told it."""

    def __init__(self, world: World) -> None:
        """Nothing seen yet."""
        self._world = world
        self._parcels: dict[int, Parcel] = {}
        self._known: dict[int, Counter[Key]] = {}
        self._last_event = 0
        self._looked_at: datetime | None = None
        self._owed: dict[int, datetime] = {}
        self._with_incident: set[int] = set()
        self.proven: dict[int, set[Key]] = {}

    def look(self) -> None:
        """What has come in since the last look."""
        world = self._world
        with world.scene.tools.store.read() as session:
            fresh = session.execute(
                sa.select(EventRow.id, EventRow.shipment_id, EventRow.raw_code, EventRow.raw_time, EventRow.source)
                .where(EventRow.id > self._last_event)
                .order_by(EventRow.id)
            ).all()
            polled = session.execute(
                sa.select(Shipment.id, Shipment.carrier, Shipment.number).where(Shipment.polled_at == world.now)
            ).all()
            self._take(session, {row.shipment_id for row in fresh} | {row.id for row in polled})
            for row in fresh:
                self._last_event = row.id
                if row.source == Source.POLL:
                    self._count(row.shipment_id, (row.raw_code, row.raw_time[:19]))
            for shipment in polled:
                self._hold(shipment.id, shipment.carrier, shipment.number)
            self._demand(session)

    def audit(self) -> None:
        """The whole table of events, counted anew."""
        with self._world.scene.tools.store.read() as session:
            counted = session.execute(
                sa.select(EventRow.shipment_id, sa.func.count())
                .where(EventRow.source == Source.POLL)
                .group_by(EventRow.shipment_id)
            ).all()
        found = {row[0]: row[1] for row in counted}
        for shipment_id, keys in self.proven.items():
            if found.get(shipment_id, 0) < len(keys):
                raise Broken(f"events of {self._parcels[shipment_id].number} have vanished from the table")

    def _take(self, session: Session, ids: set[int]) -> None:
        missing = sorted(ids - self._parcels.keys())
        for start in range(0, len(missing), 500):
            rows = session.execute(
                sa.select(Shipment.id, Shipment.carrier, Shipment.number).where(
                    Shipment.id.in_(missing[start : start + 500])
                )
            )
            for row in rows:
                parcel = self._world.book.find(row.carrier, row.number)
                if parcel is None:
                    raise Broken(f"nobody has sold the parcel {row.number}")
                self._parcels[row.id] = parcel

    def _count(self, shipment_id: int, seen: Key) -> None:
        parcel = self._parcels[shipment_id]
        known = self._known.setdefault(shipment_id, Counter())
        known[seen] += 1
        if known[seen] > 1:
            raise Broken(f"the event {seen[0]} of {seen[1]} stands twice for {parcel.number}")
        if seen not in {key(parcel, scan) for scan in parcel.told(self._world.now)}:
            raise Broken(f"the event {seen[0]} of {seen[1]} never happened to {parcel.number}")

    def _hold(self, shipment_id: int, carrier: str, number: str) -> None:
        """The tracker says that this poll was answered: if the answer was whole, all of it must be stored."""
        line = self._world.seur if carrier == "seur" else self._world.dhl
        if line.clean.get(number) != self._world.now:
            return
        parcel = self._parcels[shipment_id]
        told = parcel.told(self._world.now)
        proven = {key(parcel, scan) for scan in told}
        if lost := proven - set(self._known.get(shipment_id, ())):
            raise Broken(f"the event {min(lost)} of {number} was told and is not stored")
        self.proven[shipment_id] = proven
        if told and told[-1].trouble and shipment_id not in self._with_incident:
            self._owed.setdefault(shipment_id, self._world.now)

    def _demand(self, session: Session) -> None:
        """An incident for every parcel whose last scan says that it is damaged, lost or missing."""
        if not self._owed:
            return
        opened = session.scalars(sa.select(Incident.shipment_id).where(Incident.shipment_id.in_(self._owed))).all()
        self._with_incident.update(opened)
        for shipment_id in opened:
            self._owed.pop(shipment_id, None)
        patience = RESTART if self._world.crash_rate else timedelta(0)
        for shipment_id, since in self._owed.items():
            if self._world.now >= since + patience:
                scan = self._parcels[shipment_id].told(self._world.now)[-1]
                raise Broken(f"{self._parcels[shipment_id].number} is {scan.trouble} and has no incident after a poll")
