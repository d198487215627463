"""What comes next: who owes what by when, and what follows if not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from tracker.domain.events import Stage
from tracker.domain.incidents import Outcome, State
from tracker.domain.promises import OPEN, Action, Party
from tracker.domain.refunds import PAID, PENDING_PATIENCE
from tracker.domain.refunds import State as Refund
from tracker.steps import Tools
from tracker.store.promises import Promise
from tracker.store.refunds import Remedy
from tracker.store.views.customer import Case
from tracker.web.customer.sayings import DUTIES
from tracker.web.language import day, money, when, zone_of
from tracker.web.language import gettext as _

SETTLED: Final = frozenset({Outcome.DELIVERED, Outcome.REFUNDED, Outcome.RETURNED})
"""After these ends nobody owes the customer anything."""


@dataclass(frozen=True)
class Duty:
    """One thing that is owed; `by` is empty where no time is known, `late` says that it has passed."""

    who: str
    what: str
    by: str
    late: bool
    otherwise: str


def outlook(case: Case, tools: Tools, now: datetime) -> list[Duty]:
    """Everything that is owed now, the earliest first; never empty while the parcel or the case is on its way."""
    if case.incident is None or case.incident.state is State.RESOLVED:
        return [] if case.incident is not None and case.incident.outcome in SETTLED else list(_usual(case, now))
    owed = [promise for promise in case.promises if promise.state in OPEN]
    duties = [_duty(case, tools, promise, now) for promise in sorted(owed, key=lambda one: one.due_at)]
    if case.remedy is not None and not any(promise.action is Action.REFUND for promise in owed):
        duties.extend(_money(case, case.remedy, now))
    return duties or [_person(case, now)]


def grouped(duties: list[Duty]) -> list[tuple[str, list[Duty]]]:
    """Duties in a row that are followed by the same if they fail, told together."""
    return [(otherwise, list(same)) for otherwise, same in groupby(duties, key=lambda duty: duty.otherwise)]


def _duty(case: Case, tools: Tools, promise: Promise, now: datetime) -> Duty:
    at = promise.due_at
    if promise.action is Action.REFUND:
        at = tools.announced(at)
        otherwise = _("It then stands first on the list of the person in charge here.")
    else:
        otherwise = _otherwise(case, tools)
    return Duty(_who(case, promise), _(DUTIES[promise.action]), when(at, zone(case)), at <= now, otherwise)


def _otherwise(case: Case, tools: Tools) -> str:
    incident = case.incident
    if incident is None or incident.remedy_at is None:
        return _("We remind the depot and its manager, then the claims desk, and then one of us decides with you.")
    return _(
        "We remind the depot and its manager, then the claims desk, and ask for your refund by %(when)s.",
        when=when(tools.announced(incident.remedy_at), zone(case)),
    )


def _who(case: Case, promise: Promise) -> str:
    if promise.performer is Party.MERCHANT:
        return _("We")
    if promise.performer is Party.DEPOT:
        return case.depot.name if case.personal and case.depot is not None else _("The carrier's depot near you")
    return _("The carrier")


def _money(case: Case, remedy: Remedy, now: datetime) -> Iterator[Duty]:
    """A refund that has been asked for: it is paid only when the provider says so."""
    if remedy.state in PAID:
        return
    what = _("Pay your refund")
    if case.personal:
        what = _("Pay your refund of %(amount)s", amount=money(remedy.amount_minor, remedy.currency))
    if remedy.state in {Refund.REQUESTED, Refund.APPROVED}:
        yield Duty(_("We"), what, "", False, _("It stands first on the list of the person in charge here."))
        return
    at = (remedy.first_sent_at or remedy.requested_at) + PENDING_PATIENCE
    otherwise = _("One of us takes it up with the payment service.")
    yield Duty(_("The payment service"), what, day(at, zone(case)), at <= now, otherwise)


def _person(case: Case, now: datetime) -> Duty:
    """Nothing is promised for the moment: a person of ours has the case on the list, by a date where there is one."""
    due_at = case.incident.next_due_at if case.incident is not None else None
    by = when(due_at, zone(case)) if due_at is not None and due_at > now else ""
    otherwise = _("The case stays open, with a name and a date on it, until it is settled.")
    return Duty(_("One of us"), _("Decide how it goes on and write to you"), by, False, otherwise)


def _usual(case: Case, now: datetime) -> Iterator[Duty]:
    """Nothing is wrong: the carrier delivers, and we watch."""
    stage = case.shipment.stage
    if stage in {Stage.DELIVERED, Stage.RETURNED, Stage.ENDED_UNDELIVERED, Stage.RETURNING}:
        return
    otherwise = _("We notice it ourselves, ask the carrier and write to you. You need not do anything.")
    if stage is Stage.AT_PICKUP_POINT:
        yield Duty(_("You"), _("Collect your parcel"), "", False, _("It goes back to the shop after some days."))
        return
    at = expected(case)
    by = day(at, zone(case)) if at is not None else ""
    yield Duty(_("The carrier"), _("Deliver your parcel"), by, at is not None and at <= now, otherwise)


def expected(case: Case) -> datetime | None:
    """When the customer was told to expect the parcel."""
    return case.shipment.promised_at or case.shipment.marketplace_eta


def zone(case: Case) -> str:
    """The zone of the destination."""
    return zone_of(case.shipment.country, case.shipment.postcode)
