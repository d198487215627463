"""Everything that the console says about one incident, gathered from its case."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from babel.numbers import format_decimal

from tracker.domain import hours
from tracker.domain.incidents import State
from tracker.domain.promises import OPEN, Action
from tracker.domain.promises import State as Promised
from tracker.domain.refunds import CAN_CANCEL, LIVE
from tracker.domain.refunds import State as Refund
from tracker.steps import Tools, depot_hours
from tracker.store.depots import Depot
from tracker.store.incidents import Task
from tracker.store.promises import Promise, PromiseVersion
from tracker.store.refunds import Remedy
from tracker.store.views.ops import queue
from tracker.store.views.ops.case import Case
from tracker.web.customer.sayings import SCANS
from tracker.web.language import gettext as _
from tracker.web.language import locale, when
from tracker.web.ops import sayings
from tracker.web.ops.due import Due, due
from tracker.web.ops.forms import local
from tracker.web.ops.members import Member
from tracker.web.ops.retold import retold, trace
from tracker.web.ops.rows import Badge, Standing, next_step
from tracker.web.ops.story import Line, deed, story

UNCLEAR: Final = frozenset({Refund.UNKNOWN, Refund.NEEDS_PERSON})
DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True)
class Office:
    """A depot or desk to call: its hours in words, and whether somebody is there now."""

    depot: Depot
    hours: str
    is_open: bool
    changes: str


@dataclass(frozen=True)
class Owed:
    """A promise in words; `words` are what can be said about it (kept, broken)."""

    promise: Promise
    who: str
    what: str
    due: Due
    state: Badge
    source: str
    why: str
    words: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class Money:
    """A refund in words, and what this member of staff may do with it (approve, cancel, conclude)."""

    remedy: Remedy
    state: Badge
    deeds: tuple[str, ...]
    detail: str


@dataclass(frozen=True)
class Chore:
    """An open task in words."""

    task: Task
    what: str
    reason: str
    due: Due


@dataclass(frozen=True)
class Page:
    """The page of one incident; its field values are local times of the merchant's zone."""

    case: Case
    zone: str
    kind: str
    stage: str
    weight: str
    """In kilograms."""
    is_open: bool
    due: Due | None
    next: str
    """Who does what next."""
    offices: list[Office]
    owed: list[Owed]
    past: list[Owed]
    chores: list[Chore]
    money: list[Money]
    can_propose: bool
    story: list[Line]
    local_now: str
    suggestion: str


def page(case: Case, tools: Tools, now: datetime, reader: Member) -> Page:
    """What to show of a case to a member of staff."""
    incident = case.incident
    owed = [_owed(promise, version, now) for promise, version in case.promises]
    is_open = incident.state is State.OPEN
    return Page(
        case=case,
        zone=tools.zone,
        kind=_(sayings.KINDS[incident.kind]),
        stage=_(SCANS[case.shipment.stage]),
        weight=format_decimal(Decimal(case.shipment.weight_g or 0) / 1000, locale=locale()),
        is_open=is_open,
        due=due(incident.next_due_at, now) if incident.next_due_at is not None else None,
        next=": ".join(filter(None, next_step(_standing(case), _open(case)))),
        offices=[office(one, tools, now) for one in (case.depot, case.desk) if one is not None],
        owed=sorted((one for one in owed if one.is_open), key=lambda one: one.promise.due_at),
        past=[one for one in reversed(owed) if not one.is_open],
        chores=[_chore(task, now) for task in case.tasks],
        money=[_money(remedy, reader) for remedy in reversed(case.remedies)],
        can_propose=is_open and all(remedy.state not in LIVE for remedy in case.remedies),
        story=story(case),
        local_now=local(now, tools.zone),
        suggestion=local(hours.end_of_working_day(tools.staff_hours, now).at, tools.zone),
    )


def _standing(case: Case) -> Standing:
    incident, newest = case.incident, case.remedies[-1].state if case.remedies else None
    return Standing(incident.state, incident.next_due_at, incident.ladder_from is not None, newest)


def _open(case: Case) -> list[queue.Owed]:
    """What is owed, as the queue sees it: the earliest first."""
    of = case.incident.id
    promises = [
        queue.Owed(of, one.due_at, one.performer, one.action, one.beneficiary, None)
        for one, _version in case.promises
        if one.state in OPEN
    ]
    tasks = [queue.Owed(of, one.due_at, None, None, None, one.kind) for one in case.tasks]
    return sorted((*promises, *tasks), key=lambda one: one.due_at)


def office(depot: Depot, tools: Tools, now: datetime) -> Office:
    """A depot or desk with what its clock says now."""
    calendar = depot_hours(depot, tools.staff_hours)
    open_now = hours.is_open(calendar, now)
    if open_now:
        closes = next(ends for _starts, ends in hours.windows(calendar, now) if ends > now)
        changes = _("open now, until %(time)s", time=closes.astimezone(ZoneInfo(depot.timezone)).strftime("%H:%M"))
    else:
        changes = _("closed now, opens %(when)s", when=when(hours.next_opening(calendar, now), depot.timezone))
    return Office(depot, opening(depot.hours), open_now, changes)


def opening(text: str) -> str:
    """Opening hours with the weekdays in the reader's words."""
    names = get_day_names("abbreviated", locale=locale())
    for place, day in enumerate(DAYS):
        text = text.replace(day, names[place])
    return text.replace("PH off", _("closed on holidays")).replace(",", ", ").replace(",  ", ", ")


def _owed(promise: Promise, version: PromiseVersion, now: datetime) -> Owed:
    text, tone = sayings.PROMISES[promise.state]
    reasons = (retold(version.reason), trace(version.trace), retold(promise.evidence))
    return Owed(
        promise,
        _(sayings.PARTIES[promise.performer]),
        deed(promise.action, promise.beneficiary),
        due(promise.due_at, now),
        Badge(_(text), tone),
        _(sayings.SOURCES[promise.due_source]),
        " · ".join(filter(None, reasons)),
        _words(promise),
        promise.state in OPEN,
    )


def _words(promise: Promise) -> tuple[str, ...]:
    """What a person may say about a promise; our own refund is kept by approving it."""
    if promise.action is Action.REFUND or promise.incident.state is not State.OPEN:
        return ()
    if promise.state in OPEN | {Promised.UNCONFIRMED, Promised.DISPUTED}:
        return ("kept", "broken")
    if promise.state is Promised.BROKEN:
        return ("kept",)
    return ("broken",) if promise.state in {Promised.KEPT, Promised.KEPT_LATE} else ()


def _money(remedy: Remedy, reader: Member) -> Money:
    text, tone = sayings.REFUNDS[remedy.state]
    deeds = []
    if remedy.state is Refund.REQUESTED and reader.leads:
        deeds.append("approve")
    if remedy.state in CAN_CANCEL and (reader.leads or remedy.state is Refund.REQUESTED):
        deeds.append("cancel")
    if remedy.state in UNCLEAR and reader.leads:
        deeds.append("conclude")
    return Money(remedy, Badge(_(text), tone), tuple(deeds), retold(remedy.detail))


def _chore(task: Task, now: datetime) -> Chore:
    return Chore(task, _(sayings.TASKS[task.kind]), retold(task.reason), due(task.due_at, now))
