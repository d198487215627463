"""Whether the process is up, and whether it can serve: for load balancers and monitors."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, json
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from tracker.store.shipments import Feed, Shipment
from tracker.web.db import now, tools

blueprint = Blueprint("health", __name__)
HEAD = "tracker.schema"
"""Where the application keeps the number of the newest migration."""


@blueprint.get("/healthz")
def alive() -> Response:
    """The process is up."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def ready() -> Response:
    """The database answers and has the newest schema; also when the carriers were last asked, and how old the queue is.

    503 when it cannot serve. Times are ISO 8601 in UTC, `queue_age_s` the seconds by which the oldest poll is late.
    """
    try:
        with tools().store.read() as session:
            told = _told(session, now())
    except SQLAlchemyError:
        told = {"ready": False, "database": "down"}
    return Response(json.dumps(told), 200 if told["ready"] else 503, mimetype="application/json")


def _told(session: Session, at: datetime) -> dict[str, Any]:
    schema = session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    head = current_app.extensions[HEAD]
    polled = session.scalar(sa.select(sa.func.max(Feed.last_attempt_at)))
    oldest = session.scalar(
        sa.select(sa.func.min(Shipment.wake_at)).where(Shipment.wake_at.is_not(None), Shipment.parked_at.is_(None))
    )
    return {
        "ready": schema == head,
        "database": "up",
        "schema": schema,
        "schema_head": head,
        "last_tick": polled.isoformat() if polled else None,
        "queue_age_s": max(0, round((at - oldest).total_seconds())) if oldest else 0,
    }
