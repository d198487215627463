"""What has happened so far: the carrier's scans, the promises and what we did, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tracker.domain.events import ExceptionCode, Source, Stage
from tracker.domain.incidents import Outcome
from tracker.domain.promises import Action, Party
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import PAID
from tracker.store.promises import Promise
from tracker.store.shipments import EventRow
from tracker.store.views.customer import Case
from tracker.web.customer.sayings import BROKEN, DEPOT_SAID, KEPT, SCANS, TROUBLES, UNCONFIRMED
from tracker.web.language import gettext as _


@dataclass(frozen=True)
class Line:
    """One line of the story; `tone` is bad, good, ours or plain, `raw` the carrier's own words."""

    at: datetime
    text: str
    tone: str = "plain"
    raw: str = ""
    place: str = ""


_GOOD = frozenset({Stage.DELIVERED, Stage.AT_PICKUP_POINT, Stage.OUT_FOR_DELIVERY})
_MILD = frozenset({ExceptionCode.NONE, ExceptionCode.UNMAPPED})


def story(case: Case) -> list[Line]:
    """Every line, newest first; without the mailed link neither places nor the carrier's own words."""
    lines = [*reversed(list(_ours(case))), *_scans(case)]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _scans(case: Case) -> Iterator[Line]:
    """One line a scan; the same news of several pieces at the same time is told once."""
    seen = set()
    for event in case.events:
        line = _scan(event, personal=case.personal)
        if line not in seen:
            seen.add(line)
            yield line


def _scan(event: EventRow, *, personal: bool) -> Line:
    if event.source is Source.DEPOT:
        bad = event.exception is not ExceptionCode.NONE
        return Line(event.occurred_at, _(DEPOT_SAID[event.exception]), "bad" if bad else "good")
    if event.exception is not ExceptionCode.NONE:
        text, tone = TROUBLES[event.exception], "plain" if event.exception in _MILD else "bad"
    else:
        text, tone = SCANS[event.stage or Stage.UNKNOWN], "good" if event.stage in _GOOD else "plain"
    if not personal:
        return Line(event.occurred_at, _(text), tone)
    return Line(event.occurred_at, _(text), tone, raw=event.raw_text, place=event.location or "")


def _ours(case: Case) -> Iterator[Line]:
    if case.incident is None:
        return
    yield Line(case.incident.opened_at, _("We have opened a case and asked the carrier"), "ours")
    for promise in case.promises:
        if (line := _ended(promise)) is not None:
            yield line
    if case.incident.resolved_at is not None and case.incident.outcome is not Outcome.MOVING:
        yield Line(case.incident.resolved_at, _("The case is closed"), "ours")
    if case.remedy is not None and case.remedy.state in PAID and case.remedy.settled_at is not None:
        yield Line(case.remedy.settled_at, _("Your refund was paid"), "good")


def _ended(promise: Promise) -> Line | None:
    """What became of a promise; open ones stand under "next", withdrawn ones are nobody's news."""
    if promise.closed_at is None:
        return None
    if promise.state in {Promised.KEPT, Promised.KEPT_LATE}:
        ours = promise.performer is Party.MERCHANT or promise.action is Action.ANSWER
        return Line(promise.closed_at, _(KEPT[promise.action]), "ours" if ours else "good")
    if promise.state in {Promised.BROKEN, Promised.DISPUTED}:
        return Line(promise.closed_at, _(BROKEN[promise.action]), "bad")
    if promise.state is Promised.UNCONFIRMED:
        return Line(promise.closed_at, _(UNCONFIRMED), "bad")
    return None
