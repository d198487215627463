"""What happened, read from the database: a dated log, and one hash that says whether two runs were the same."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.domain.notices import Topic
from tracker.store.audit import Audit
from tracker.store.depots import Depot
from tracker.store.incidents import Incident, Timeline
from tracker.store.outbox import Notice, NoticeState
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
    "resolved": "resolved",
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
    lines = [*_events(session), *_story(session), *_notices(session), *_refunds(session)]
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


def _events(session: Session) -> Iterator[Line]:
    rows = session.execute(
        sa.select(EventRow, Shipment.carrier, Shipment.number)
        .join(Shipment, Shipment.id == EventRow.shipment_id)
        .order_by(EventRow.occurred_at, EventRow.id)
    )
    for event, carrier, number in rows:
        news = f" -> {event.exception}" if event.exception != "none" else f" -> {event.stage}" if event.stage else ""
        seen = f", seen {event.first_seen_at.astimezone(MADRID):%a %H:%M}"
        yield Line(event.occurred_at, "event", carrier, f"{number}: {event.raw_code} {event.raw_text}{news}{seen}")


def _story(session: Session) -> Iterator[Line]:
    rows = session.execute(
        sa.select(Timeline, Incident.ref).join(Incident, Incident.id == Timeline.incident_id).order_by(Timeline.id)
    )
    for entry, ref in rows:
        if entry.kind in OF_TIMELINE:
            yield Line(entry.at, OF_TIMELINE[entry.kind], str(entry.said_by), f"{ref}: {_told(entry.kind, entry.body)}")


def _told(kind: str, body: Mapping[str, Any]) -> str:
    """What the entry says, without the database's own numbers."""
    parts = {key: value for key, value in body.items() if key not in {"promise", "version"} and value}
    if "due_at" in parts:
        parts["due_at"] = f"{datetime.fromisoformat(parts['due_at']).astimezone(MADRID):%a %d %b %H:%M}"
    told = ", ".join(f"{key.removesuffix('_at')} {value}" for key, value in parts.items())
    return f"{told} ({kind.removeprefix('promise_')})" if kind.endswith(("disputed", "late")) else told


def _notices(session: Session) -> Iterator[Line]:
    names = {depot.id: depot.name for depot in session.scalars(sa.select(Depot))}
    rows = session.execute(
        sa.select(Notice, Incident.ref)
        .outerjoin(Incident, Incident.id == Notice.incident_id)
        .where(Notice.state == NoticeState.SENT)
        .order_by(Notice.sent_at, Notice.id)
    )
    for notice, ref in rows:
        what = OF_TOPIC.get(notice.topic, "notice_sent")
        text = notice.facts.get("text", "")
        yield Line(
            notice.sent_at or notice.made_at,
            what,
            _name(notice.recipient, names),
            f"{ref or '-'}: {notice.topic} {text}".strip(),
        )


def _name(recipient: str, names: Mapping[int, str]) -> str:
    """`depot:3` and `manager:3` by the office's name."""
    kind, _, id_ = recipient.partition(":")
    name = names.get(int(id_), id_) if id_ else ""
    return f"{kind} {name}" if kind == "manager" else name or kind


def _refunds(session: Session) -> Iterator[Line]:
    rows = session.execute(
        sa.select(Remedy, Incident.ref).join(Incident, Incident.id == Remedy.incident_id).order_by(Remedy.id)
    )
    for remedy, ref in rows:
        amount = f"{ref}: {remedy.amount_minor / 100:.2f} {remedy.currency}, key {remedy.key}"
        yield Line(remedy.requested_at, "refund_requested", remedy.requested_by, amount)
        if remedy.state in {"succeeded", "succeeded_externally"} and remedy.settled_at is not None:
            yield Line(remedy.settled_at, "refund_succeeded", remedy.provider, amount)
