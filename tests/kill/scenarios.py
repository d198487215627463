"""The roads that are walked under fire: how a case begins, what a worker does in one life, what came of it."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import make
from tests.kill.merchant import SECRET, requests
from tracker import jobs
from tracker.domain.refunds import Mode
from tracker.outside import webhooks
from tracker.outside.http import Http
from tracker.outside.refund_providers.base import Intent
from tracker.outside.refund_providers.webhook import Webhook
from tracker.steps import Tools
from tracker.steps import refunds as steps
from tracker.store import closing, promises, refunds
from tracker.store.incidents import Incident, Timeline
from tracker.store.outbox import Notice
from tracker.store.refunds import Remedy

JOBS = frozenset({"remedies", "refunds", "outbox"})


class Scenario(NamedTuple):
    """`live` says whether there was anything to do; `tell` says what the database holds in the end."""

    prepare: Callable[[Session, datetime], int]
    live: Callable[[Tools, FlaskClient, Path, datetime], bool]
    tell: Callable[[Session, int], dict[str, Any]]
    provider: Callable[[Http, str], Webhook]
    mode: Mode = Mode.AUTO


def announced(session: Session, now: datetime) -> int:
    """An incident whose refund is due now."""
    incident = make.incident(session, make.shipment(session, now=now), now=now)
    closing.move_remedy(session, incident, now, make.JOB, now, "the cause is known: broken")
    return incident.id


def work(tools: Tools, _client: FlaskClient, _folder: Path, now: datetime) -> bool:
    """The jobs alone, until nothing is due."""
    totals = jobs.until_done(tools, now, JOBS)
    assert not any(tally.errors for tally in totals.values()), totals
    return any(tally.done for tally in totals.values())


def work_and_report(tools: Tools, client: FlaskClient, folder: Path, now: datetime) -> bool:
    """The jobs; then the merchant reports every payment until we say that we have it."""
    done = work(tools, client, folder, now)
    acknowledged = folder / "acknowledged"
    known = acknowledged.read_text().split()
    for key in sorted({line["key"] for line in requests(folder / "ledger")} - set(known)):
        told = {"refund_id": key, "status": "succeeded", "provider_refund_id": f"pay-{key}", "reason": ""}
        body = json.dumps(told).encode()
        answer = client.post("/hooks/webhook/refunds", data=body, headers=webhooks.sign(SECRET, key, now, body))
        assert answer.status_code == 204, answer.data
        with acknowledged.open("a") as file:
            file.write(f"{key}\n")
        done = True
    return work(tools, client, folder, now) or done


def careless(tools: Tools, _client: FlaskClient, _folder: Path, now: datetime) -> bool:
    """What must never be built: a request that goes out before its row is committed, under a key of this try."""
    with tools.store.begin() as session:
        incident = session.scalars(sa.select(Incident).order_by(Incident.id.desc())).first()
        assert incident is not None
        if refunds.live_one(session, incident.id) is not None:
            return False
        remedy = steps.propose(session, tools, now, incident, make.JOB)
        intent = Intent(key=f"{remedy.key}-{now:%H}", order_number=remedy.order.number, amount_minor=1, currency="EUR")
        tools.providers["webhook"].send(intent, now)
    return True


def outcome(session: Session, incident_id: int) -> dict[str, Any]:
    """What became of the case."""
    incident = session.get_one(Incident, incident_id)
    remedies = session.scalars(sa.select(Remedy).filter_by(incident_id=incident_id)).all()
    notices = session.scalars(sa.select(Notice).filter_by(incident_id=incident_id)).all()
    story = session.scalars(sa.select(Timeline.kind).filter_by(incident_id=incident_id).order_by(Timeline.id))
    return {
        "refunds": [(remedy.key, str(remedy.state)) for remedy in remedies],
        "left": [remedy.key for remedy in remedies if remedy.wake_at is not None],
        "outcome": incident.outcome,
        "reserved": incident.shipment.order.reserved_minor,
        "order": incident.shipment.order.number,
        "notices": sorted((str(notice.topic), str(notice.state)) for notice in notices),
        "promises": [str(promise.state) for promise in promises.of(session, incident_id)],
        "story": list(story),
    }


SCENARIOS = {
    "reported": Scenario(announced, work_and_report, outcome, lambda http, url: Webhook(http, url, SECRET)),
    "looked up": Scenario(announced, work, outcome, lambda http, url: Webhook(http, url, SECRET, f"{url}/status")),
    "careless": Scenario(announced, careless, outcome, lambda http, url: Webhook(http, url, SECRET)),
}
