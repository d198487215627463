"""Shipments over the API: take one in, list, show, tell its events."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tracker.steps import Tools, intake
from tracker.store.shipments import Shipment
from tracker.store.views import api as views
from tracker.web import db
from tracker.web.api import told
from tracker.web.api.asked import ShipmentAsked, ShipmentsWanted
from tracker.web.api.finding import found
from tracker.web.api.guard import actor
from tracker.web.api.paging import paged, place
from tracker.web.api.replays import Said, once
from tracker.web.api.routes import blueprint
from tracker.web.api.telling import event, shipment


@blueprint.post("/shipments")
@blueprint.input(ShipmentAsked)
@blueprint.output(told.ShipmentTold, status_code=201, description="Followed from now on")
@blueprint.doc(responses={200: "It was known already"})
def create_shipment(json_data: ShipmentAsked) -> Said:
    """Follow a shipment.

    The same carrier and number again is no new shipment: 200 and the one that is known. The recipient's name and
    addresses are kept for notices and never given out again.
    """
    new = intake.read(_values(json_data))

    def act(session: Session, tools: Tools, now: datetime) -> Said:
        row, fresh = intake.enter(session, tools, now, new, actor())
        return _told(session, row), 201 if fresh else 200

    return once(act)


def _values(asked: ShipmentAsked) -> dict[str, str | None]:
    """The request under the names of the one validator."""
    order = asked.order.model_dump() if asked.order else {}
    customer = asked.customer.model_dump() if asked.customer else {}
    flat = asked.model_dump(exclude={"order", "customer", "weight_kg"})
    return {
        **flat,
        "weight_kg": None if asked.weight_kg is None else str(asked.weight_kg),
        "order_number": order.get("number"),
        **{name: order.get(name) for name in ("channel", "amount", "currency")},
        **{f"customer_{name}": customer.get(name) for name in ("name", "email", "phone", "locale")},
    }


def _told(session: Session, row: Shipment) -> dict[str, Any]:
    return shipment(row, views.open_refs(session, [row.id]).get(row.id))


@blueprint.get("/shipments")
@blueprint.input(ShipmentsWanted, location="query")
@blueprint.output(told.Shipments)
def list_shipments(query_data: ShipmentsWanted) -> dict[str, Any]:
    """List shipments, the newest first."""
    with db.tools().store.read() as session:
        rows = views.shipments(
            session,
            number=query_data.number,
            carrier=query_data.carrier,
            before=place(query_data),
            limit=query_data.limit + 1,
        )
        refs = views.open_refs(session, [row.id for row in rows])
        return paged(rows, query_data, lambda row: shipment(row, refs.get(row.id)), lambda row: row.id)


@blueprint.get("/shipments/<int:shipment_id>")
@blueprint.output(told.ShipmentTold)
def show_shipment(shipment_id: int) -> dict[str, Any]:
    """Show a shipment."""
    with db.tools().store.read() as session:
        return _told(session, found(session, Shipment, shipment_id))


@blueprint.get("/shipments/<int:shipment_id>/events")
@blueprint.output(told.Events)
def list_events(shipment_id: int) -> dict[str, Any]:
    """Tell a shipment's events, oldest first, all on one page."""
    with db.tools().store.read() as session:
        rows = views.events(session, found(session, Shipment, shipment_id))
        return {"items": [event(row, stage) for row, stage in rows], "next_cursor": None}
