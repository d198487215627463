"""Depots and carriers over the API."""

from typing import Any

from tracker.carriers import CARRIERS
from tracker.store.views import api as views
from tracker.web import db
from tracker.web.api import asked, told
from tracker.web.api.paging import paged, place
from tracker.web.api.routes import blueprint
from tracker.web.api.telling import depot


@blueprint.get("/depots")
@blueprint.input(asked.DepotsWanted, location="query")
@blueprint.output(told.Depots)
def list_depots(query_data: asked.DepotsWanted) -> dict[str, Any]:
    """List depots and desks."""
    with db.tools().store.read() as session:
        limit = query_data.limit + 1
        rows = views.depots(session, carrier=query_data.carrier, after=place(query_data), limit=limit)
        return paged(rows, query_data, depot, lambda row: row.id)


@blueprint.get("/carriers")
@blueprint.output(told.Carriers)
def list_carriers() -> dict[str, Any]:
    """List the carriers that the tracker can read, all on one page."""
    accounts = db.tools().accounts
    items = [{"code": code, "name": carrier.name, "configured": code in accounts} for code, carrier in CARRIERS.items()]
    return {"items": items, "next_cursor": None}
