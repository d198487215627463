"""Every table of the program, so that a migration can compare the whole schema."""

from typing import Final

from tracker.store import audit, depots, incidents, links, outbox, people, promises, refunds, shipments

ALL: Final = (audit, depots, incidents, links, outbox, people, promises, refunds, shipments)
