"""No refund twice, none without a cause, none that was not written down before, none beyond what was paid."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from tracker.domain.incidents import State
from tracker.domain.refunds import LIVE
from tracker.domain.refunds import State as RefundState
from tracker.simulator.checks.broken import Broken
from tracker.simulator.journeys import Fate
from tracker.simulator.truth import Parcel
from tracker.simulator.world import World
from tracker.store.incidents import Incident
from tracker.store.refunds import BY_RULE, Remedy
from tracker.store.shipments import Order, Shipment

STALE: Final = timedelta(hours=7)
"""Six hours after the last answer a feed is stale; the last answer may be an hour older than the silence."""
HARMLESS: Final = frozenset({Fate.FINE, Fate.ABSENT, Fate.REFUSED})


class MoneyCheck:
    """Compares the provider's own ledger with the tracker's intents and the truth about the parcels."""

    def __init__(self, world: World) -> None:
        """Nothing asked for yet."""
        self._world = world

    def asked(self, refund_id: str) -> None:
        """A request has arrived: its intent must be committed, and there must be a reason for it now."""
        with self._world.scene.tools.store.read() as session:
            row = session.execute(
                sa.select(
                    Remedy.state.label("sent"),
                    Remedy.requested_by,
                    Incident.state,
                    Incident.ref,
                    Shipment.number,
                    Shipment.carrier,
                )
                .join(Incident, Incident.id == Remedy.incident_id)
                .join(Shipment, Shipment.id == Incident.shipment_id)
                .where(Remedy.key == refund_id)
            ).one_or_none()
        if row is None or row.sent is not RefundState.SENDING:
            raise Broken(f"the refund {refund_id} was sent before its intent was committed as being sent")
        if refund_id in self._world.provider.ledger:
            return
        if row.state is not State.OPEN:
            raise Broken(f"a refund was asked for {row.ref}, which is resolved")
        parcel = self._world.book.find(row.carrier, row.number)
        if parcel is None or not self._has_cause(parcel):
            raise Broken(f"a refund was asked for {row.number}, with which nothing is wrong")
        if row.requested_by == BY_RULE and self._world.silent_for(row.carrier) > STALE:
            raise Broken(f"the refund for {row.number} rests on a feed that has been silent for too long")

    def audit(self) -> None:
        """The ledger against the orders, and the reserved money against the intents."""
        for wrong in self._world.provider.wrongs:
            raise Broken(wrong)
        paid = {parcel.order: parcel.amount_minor for parcel in self._world.book}
        asked: dict[str, list[Decimal]] = {}
        for entry in self._world.provider.ledger.values():
            if entry.status != "failed":
                asked.setdefault(entry.order, []).append(Decimal(entry.amount) * 100)
        for order, amounts in asked.items():
            if len(amounts) > 1 or sum(amounts) > paid[order]:
                raise Broken(f"order {order} was refunded twice, or by more than was paid: {amounts}")
        self._reserved()

    def _has_cause(self, parcel: Parcel) -> bool:
        told = parcel.told(self._world.now)
        if told and told[-1].ends:
            return self._world.line_was_down(parcel, told[-1].known_at)
        fate = self._world.fates.get(parcel.number)
        return any(scan.trouble for scan in told) or (fate is not None and fate not in HARMLESS)

    def _reserved(self) -> None:
        with self._world.scene.tools.store.read() as session:
            live = (
                sa.select(Remedy.order_id, sa.func.sum(Remedy.amount_minor).label("held"))
                .where(Remedy.state.in_(LIVE))
                .group_by(Remedy.order_id)
                .subquery()
            )
            odd = session.execute(
                sa.select(Order.number)
                .outerjoin(live, live.c.order_id == Order.id)
                .where(Order.reserved_minor != sa.func.coalesce(live.c.held, 0))
            ).first()
        if odd:
            raise Broken(f"the money set aside on order {odd.number} is not that of its refunds")
