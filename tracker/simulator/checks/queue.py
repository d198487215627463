"""Every open incident is due some time, the ladder only climbs, and nothing that is due is forgotten or given up."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from tracker.domain.incidents import State
from tracker.simulator import due
from tracker.simulator.checks.broken import Broken
from tracker.simulator.world import World
from tracker.store.incidents import Incident

FORGOTTEN: Final = timedelta(hours=2)


class QueueCheck:
    """Looks at the open incidents after every tick."""

    def __init__(self, world: World) -> None:
        """No incident yet."""
        self._world = world
        self._rungs: dict[tuple[int, int], int] = {}

    def look(self) -> None:
        """Due dates and levels of the open incidents."""
        with self._world.scene.tools.store.read() as session:
            rows = session.execute(
                sa.select(Incident.id, Incident.ref, Incident.episode, Incident.level, Incident.next_due_at).where(
                    Incident.state == State.OPEN
                )
            ).all()
        for row in rows:
            if row.next_due_at is None:
                raise Broken(f"{row.ref} is open and nothing of it is due")
            if row.level < self._rungs.get((row.id, row.episode), 0):
                raise Broken(f"the ladder of {row.ref} went down to {row.level}")
            self._rungs[row.id, row.episode] = row.level

    def audit(self) -> None:
        """Rows that sleep although they are due, or that were given up."""
        store = self._world.scene.tools.store
        oldest = min((at for at in due.next_at(store) if at is not None), default=self._world.now)
        if oldest < self._world.now - FORGOTTEN:
            raise Broken(f"something has been due since {oldest.isoformat()} and nobody has touched it")
        with store.read() as session:
            for model in due.SLEEPERS:
                parked = session.execute(
                    sa.select(model.id, model.last_error).where(model.parked_at.is_not(None))
                ).first()
                if parked:
                    raise Broken(f"{model.__tablename__} {parked.id} was given up: {parked.last_error}")
