"""Everything that the customer's page says, gathered from one case."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tracker.domain.incidents import Outcome, State
from tracker.domain.promises import OPEN, Action, Party
from tracker.domain.promises import State as Promised
from tracker.steps import Tools
from tracker.store.promises import Promise
from tracker.store.views.customer import Case
from tracker.web.customer.headline import Headline, Step, headline, way
from tracker.web.customer.outlook import Duty, expected, grouped, outlook, zone
from tracker.web.customer.story import Line, story

LONGEST_WAIT: Final = timedelta(days=29)
"""Waiting is offered up to the end of the last whole day that the choice allows."""
MAIL: Final = "mail"
"""The contact rule of channels whose customers get our links."""


@dataclass(frozen=True)
class Question:
    """What the customer is asked about a promise; `answers` are those that can be given now (yes, no)."""

    promise: Promise
    answers: tuple[str, ...]
    urgent: bool

    @property
    def call(self) -> bool:
        """Whether a call was promised (else a delivery)."""
        return self.promise.action is Action.CALL


@dataclass(frozen=True)
class Choice:
    """The days between which the customer may choose to wait."""

    first: date
    suggested: date
    last: date


@dataclass(frozen=True)
class Page:
    """The customer's page."""

    case: Case
    zone: str
    headline: Headline
    way: list[Step]
    duties: list[tuple[str, list[Duty]]]
    story: list[Line]
    broken_eta: datetime | None
    question: Question | None
    choice: Choice | None
    follow_up: bool
    mailable: bool


def page(case: Case, tools: Tools, now: datetime) -> Page:
    """What to show of a case at `now`; questions and choices only to whom the link was mailed."""
    troubled = case.incident is not None and case.incident.state is State.OPEN
    personal = case.personal
    return Page(
        case=case,
        zone=zone(case),
        headline=headline(case),
        way=[] if case.incident is not None and case.incident.outcome is Outcome.REFUNDED else way(case.shipment),
        duties=grouped(outlook(case, tools, now)),
        story=story(case),
        broken_eta=expected(case) if troubled else None,
        question=question(case, now) if personal and troubled else None,
        choice=choice(case, now) if personal and troubled else None,
        follow_up=personal and case.told is None and _settled(case),
        mailable=not personal and case.channel.contact_rule == MAIL,
    )


def _settled(case: Case) -> bool:
    """Whether there was trouble that is over; a silence that ended by itself is nothing to ask about."""
    incident = case.incident
    return incident is not None and incident.state is State.RESOLVED and incident.outcome is not Outcome.MOVING


def question(case: Case, now: datetime) -> Question | None:
    """The newest promise that the carrier made to the customer, and what can be said about it now."""
    made = [
        promise
        for promise in case.promises
        if promise.beneficiary is Party.CUSTOMER
        and promise.performer is not Party.MERCHANT
        and promise.state is not Promised.VOID
    ]
    if not made:
        return None
    promise = made[-1]
    if promise.state in OPEN:
        due = promise.asked_at is not None or promise.due_at <= now
        return Question(promise, ("yes", "no") if due else ("yes",), urgent=due)
    if promise.state is Promised.UNCONFIRMED:
        return Question(promise, ("yes", "no"), urgent=True)
    if promise.state in {Promised.KEPT, Promised.KEPT_LATE}:
        return Question(promise, ("no",), urgent=False)
    return Question(promise, ("yes",), urgent=False)


def choice(case: Case, now: datetime) -> Choice | None:
    """Wait or refund, as long as a refund is announced."""
    if not any(promise.action is Action.REFUND and promise.state in OPEN for promise in case.promises):
        return None
    today = now.astimezone(ZoneInfo(zone(case))).date()
    return Choice(today + timedelta(days=1), today + timedelta(days=7), today + LONGEST_WAIT)
