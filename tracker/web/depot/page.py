"""Everything that the depot's page says, gathered from what it is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tracker.domain import hours
from tracker.domain.incidents import Kind
from tracker.domain.promises import OPEN, Action
from tracker.steps import Tools, depot_hours
from tracker.store.promises import Promise
from tracker.store.views.depot import Asked
from tracker.web.language import gettext as _
from tracker.web.language import noted, when

FIELD: Final = "%Y-%m-%dT%H:%M"
"""How a browser writes the value of a datetime-local field."""
SEARCH_DAYS: Final = 14

KINDS: Final = {
    Kind.DAMAGED_OR_LOST: noted("Damage or loss, which of the two is open"),
    Kind.LOST: noted("Lost"),
    Kind.STOLEN: noted("Stolen"),
    Kind.DESTROYED: noted("Destroyed"),
    Kind.DAMAGED: noted("Damaged"),
    Kind.MISSING_PIECES: noted("Pieces are missing"),
    Kind.DAMAGED_DELIVERED: noted("Delivered damaged"),
    Kind.DELIVERED_NOT_RECEIVED: noted("Reported as delivered, not received"),
    Kind.UNDER_INVESTIGATION: noted("Under investigation"),
    Kind.STALLED: noted("No scan for some days"),
    Kind.OVERDUE: noted("Overdue"),
    Kind.FOUND: noted("Found"),
}
ASKS: Final = {
    Action.ANSWER: noted("Which of the two is it: damaged or lost?"),
    Action.INVESTIGATE: noted("Where is this parcel?"),
    Action.CALL: noted("Please call the customer"),
    Action.DELIVER: noted("Please deliver this parcel. Is something in the way?"),
    Action.REFUND: "",
}
SAID: Final = {
    "found": noted("found"),
    "broken": noted("broken in transport"),
    "lost": noted("lost"),
    "searching": noted("still searching until %(at)s"),
    "called": noted("called at %(at)s"),
}


@dataclass(frozen=True)
class Demand:
    """One thing that is asked, with its time; `late` says that it has passed."""

    text: str
    by: str
    late: bool


@dataclass(frozen=True)
class Page:
    """The depot's page; the times of its fields are the depot's local ones."""

    asked: Asked
    zone: str
    kind: str
    question: Demand
    call: Demand | None
    said: list[tuple[str, datetime]]
    local_now: str
    earliest: str
    latest: str
    suggestion: str


def page(asked: Asked, tools: Tools, now: datetime) -> Page:
    """What to show of a request at `now`."""
    zone = zone_of(asked, tools)
    local = now.astimezone(ZoneInfo(zone))
    calendar = depot_hours(asked.depot, tools.staff_hours)
    search_ends = hours.end_of_working_day(calendar, now).at.astimezone(ZoneInfo(zone))
    return Page(
        asked=asked,
        zone=zone,
        kind=_(KINDS[asked.incident.kind]),
        question=_question(asked, zone, now),
        call=_demand(asked.call, zone, now) if asked.call is not None else None,
        said=[(said(answer.body, zone), answer.at) for answer in asked.answers],
        local_now=local.strftime(FIELD),
        earliest=asked.incident.opened_at.astimezone(ZoneInfo(zone)).strftime(FIELD),
        latest=(local + timedelta(days=SEARCH_DAYS)).strftime(FIELD),
        suggestion=search_ends.strftime(FIELD),
    )


def _demand(promise: Promise, zone: str, now: datetime) -> Demand:
    late = promise.state not in OPEN or promise.due_at <= now
    return Demand(_(ASKS[promise.action]), when(promise.due_at, zone), late)


def _question(asked: Asked, zone: str, now: datetime) -> Demand:
    """What the four answers answer: the oldest that is owed beside a call, else where the parcel is."""
    owed = next((promise for promise in asked.owed if promise.action is not Action.CALL), None)
    return Demand(_("Where is this parcel?"), "", late=False) if owed is None else _demand(owed, zone, now)


def said(body: dict[str, object], zone: str) -> str:
    """An answer of the depot in words, with its time where it has one."""
    at = datetime.fromisoformat(str(body["at"])) if body.get("at") else None
    return _(SAID[str(body["answer"])], at=when(at, zone) if at else "")


def zone_of(asked: Asked, tools: Tools) -> str:
    """The zone of the depot's clocks; the merchant's where nobody is known."""
    return asked.depot.timezone if asked.depot is not None else tools.zone
