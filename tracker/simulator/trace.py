"""What happened, read from the database: a dated log, and one hash that says whether two runs were the same."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain import money
from tracker.domain.events import Source
from tracker.domain.notices import Topic
from tracker.store.audit import Audit
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, Timeline
from tracker.store.outbox import Notice, NoticeState
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.shipments import EventRow, Shipment

MADRID: Final = ZoneInfo("Europe/Madrid")
OF_TIMELINE: Final = {
    "incident_opened": "incident_opened",
    "promise_made": "promise_made",
    "promise_kept": "promise_kept",
    "promise_kept_late": "promise_kept",
    "promise_broken": "promise_broken",
    "promise_disputed": "promise_broken",
    "promise_unconfirmed": "promise_unconfirmed",
    "cause_known": "cause_known",
    "refund_requested": "refund_requested",
    "refund_succeeded": "refund_succeeded",
    "refund_succeeded_externally": "refund_succeeded",
    "resolved": "resolved",
    "notice_sent": "notice_sent",
    "followup_asked": "followup_asked",
}
"""The log's word for each kind of timeline entry that it tells; the others are details."""
OF_TOPIC: Final = {
    Topic.DEPOT_NUDGE: "promise_nudged",
    Topic.CUSTOMER_ASKED: "promise_asked",
    Topic.DEPOT_REMINDER: "reminded",
    Topic.MANAGER_ESCALATION: "escalated",
    Topic.DESK_ESCALATION: "escalated",
    Topic.CUSTOMER_FOLLOWUP: "followup_asked",
}
"""The log's word for a notice that was handed over; every other topic is `notice_sent`."""


class Line(NamedTuple):
    """One line of the log; `at` is aware."""

    at: datetime
    what: str
    who: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """The line as `--json` prints it."""
        return {**self._asdict(), "at": self.at.astimezone(MADRID).isoformat()}

    def as_text(self) -> str:
        """The line as people read it."""
        return f"{self.at.astimezone(MADRID):%a %d %b %Y %H:%M}  {self.what:<20} {self.who:<26} {self.detail}"


def log(session: Session) -> list[Line]:
    """Everything that happened, by time."""
    names = {depot.id: depot.name for depot in session.scalars(sa.select(Depot))}
    lines = [*_events(session), *_story(session, names), *_alarms(session, names)]
    return sorted(lines, key=lambda line: line.at)


def digest(session: Session) -> str:
    """The hash of all that happened: the log, and who changed what when."""
    told = sha256()
    for line in log(session):
        told.update(json.dumps(line.as_json(), ensure_ascii=False, sort_keys=True).encode())
    rows = session.execute(sa.select(Audit.at, Audit.actor_kind, Audit.action, Audit.object).order_by(Audit.id))
    for at, kind, action, subject in rows:
        told.update(f"{at.isoformat()} {kind} {action} {subject}".encode())
    return told.hexdigest()


def counts(session: Session) -> dict[str, int]:
    """How much there was of everything."""
    tables = {"events": EventRow, "incidents": Incident, "promises": Promise, "notices": Notice, "refunds": Remedy}
    return {name: session.scalar(sa.select(sa.func.count()).select_from(row)) or 0 for name, row in tables.items()}


def _events(session: Session) -> Iterator[Line]:
    rows = session.execute(
        sa.select(EventRow, Shipment.carrier, Shipment.number)
        .join(Shipment, Shipment.id == EventRow.shipment_id)
        .order_by(EventRow.occurred_at, EventRow.id)
    )
    for event, carrier, number in rows:
        news = f" -> {event.exception}" if event.exception != "none" else f" -> {event.stage}" if event.stage else ""
        seen = f", seen {event.first_seen_at.astimezone(MADRID):%a %H:%M}"
        who = carrier if event.source == Source.POLL else str(event.source)
        yield Line(event.occurred_at, "event", who, f"{number}: {event.raw_code} {event.raw_text}{news}{seen}")


def _story(session: Session, names: Mapping[int, str]) -> Iterator[Line]:
    """What the incidents' timelines tell, in the order in which it was written."""
    rows = session.execute(
        sa.select(Timeline, Incident.ref).join(Incident, Incident.id == Timeline.incident_id).order_by(Timeline.id)
    )
    for entry, ref in rows:
        if entry.kind in {"notice_sent", "followup_asked"}:
            what, who = OF_TOPIC.get(Topic(entry.body["topic"]), "notice_sent"), _name(entry.body["to"], names)
            yield Line(entry.at, what, who, f"{ref}: {entry.body['topic']}")
        elif entry.kind in OF_TIMELINE:
            yield Line(entry.at, OF_TIMELINE[entry.kind], str(entry.said_by), f"{ref}: {_told(entry.kind, entry.body)}")


def _told(kind: str, body: Mapping[str, Any]) -> str:
    """What the entry says, without the database's own numbers."""
    parts = {key: value for key, value in body.items() if key not in {"promise", "version"} and value}
    if "due_at" in parts:
        parts["due_at"] = f"{datetime.fromisoformat(parts['due_at']).astimezone(MADRID):%a %d %b %H:%M}"
    if "amount_minor" in parts:
        parts["amount"] = money.text(parts.pop("amount_minor"), parts["currency"])
    told = ", ".join(f"{key.removesuffix('_at')} {value}" for key, value in parts.items())
    return f"{told} ({kind.removeprefix('promise_')})" if kind.endswith(("disputed", "late")) else told


def _alarms(session: Session, names: Mapping[int, str]) -> Iterator[Line]:
    """Notices that belong to no incident."""
    rows = session.scalars(
        sa.select(Notice)
        .where(Notice.state == NoticeState.SENT, Notice.incident_id.is_(None))
        .order_by(Notice.sent_at, Notice.id)
    )
    for notice in rows:
        detail = f"{notice.topic}: {notice.facts.get('text', '')}".removesuffix(": ")
        yield Line(notice.sent_at or notice.made_at, "notice_sent", _name(notice.recipient, names), detail)


def _name(recipient: str, names: Mapping[int, str]) -> str:
    """`depot:3` and `manager:3` by the office's name."""
    kind, _, id_ = recipient.partition(":")
    name = names.get(int(id_), id_) if id_ else ""
    return f"{kind} {name}" if kind == "manager" else name or kind
