"""Approved intents go to the provider: armed and committed first, sent outside any transaction, then recorded."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from tracker.domain import refunds as rules
from tracker.domain.refunds import CAN_CANCEL, Mode, State, Witness
from tracker.outside.refund_providers.base import Intent, Outcome, Provider
from tracker.steps import Tools
from tracker.steps.refunds import evidence, intents
from tracker.steps.refunds.intents import RULE
from tracker.store import audit, due, feeds, refunds, wake
from tracker.store.incidents import TaskKind
from tracker.store.refunds import Remedy
from tracker.store.wake import Leased, LeaseLost

BATCH: Final = 20
LOOK_AGAIN: Final = timedelta(minutes=15)
log = logging.getLogger(__name__)


class Errand(NamedTuple):
    """What to ask of a provider, between two commits; None as the answer to a look-up means: never arrived."""

    witness: Witness
    ask: Callable[[Intent, datetime], Outcome | None]
    intent: Intent


def send(tools: Tools, now: datetime) -> due.Tally:
    """Send what was approved, and find out what became of what was sent.

    One lease at a time: a call may take 20 seconds, and a lease ends after 60.
    """
    tally = due.Tally()
    for _ in range(BATCH):
        with tools.store.begin() as session:
            taken = wake.lease(session, Remedy, now, tools.store.lease_now(session), owner=tools.owner, limit=1)
        if not taken:
            break
        _turn(tools, taken[0], now, tally)
    return tally


def _turn(tools: Tools, leased: Leased, now: datetime, tally: due.Tally) -> None:
    try:
        errand = _begin(tools, leased, now)
        while errand is not None:
            outcome = errand.ask(errand.intent, now)
            errand = _record(tools, leased, errand, outcome, now)
        tally.done += 1
    except LeaseLost:
        log.info("another worker has refund %s", leased.id)
    except Exception as error:  # noqa: BLE001 - one bad intent must not stop the others; its outcome is looked up
        tally.errors.append(due.set_back(tools.store, Remedy, leased, now, error))


def _begin(tools: Tools, leased: Leased, now: datetime) -> Errand | None:
    """Decide what an intent needs; when it is to be sent, that is committed before anything goes out."""
    with tools.store.begin() as session:
        remedy = refunds.hold(session, leased, tools.store.lease_now(session))
        if remedy.state in CAN_CANCEL:
            return _unsent(session, tools, remedy, leased, now)
        if remedy.state is State.SENDING:
            lost = Outcome(State.UNKNOWN, detail="the program stopped before the answer was recorded")
            evidence.learn(session, tools, remedy, lost, Witness.ANSWER, now, RULE)
            refunds.wake_at(session, remedy.id, now)
        elif remedy.state in {State.UNKNOWN, State.PENDING}:
            provider = tools.providers.get(remedy.provider)
            if provider is not None and provider.can_look_up:
                return Errand(Witness.LOOK_UP, provider.look_up, _intent(remedy))
            return _not_found(session, tools, remedy, leased, now)
        else:
            wake.finish(session, Remedy, leased, None)
        return None


def _record(tools: Tools, leased: Leased, errand: Errand, outcome: Outcome | None, now: datetime) -> Errand | None:
    """Write down what was learned, if the lease is still ours; a look-up that finds nothing may send again."""
    with tools.store.begin() as session:
        remedy = refunds.hold(session, leased, tools.store.lease_now(session))
        if outcome is None:
            return _not_found(session, tools, remedy, leased, now)
        before = remedy.state
        evidence.learn(session, tools, remedy, outcome, errand.witness, now, RULE)
        if remedy.state is before:
            _look_later(session, tools, remedy, leased, now)
        return None


def _unsent(session: Session, tools: Tools, remedy: Remedy, leased: Leased, now: datetime) -> Errand | None:
    if reason := intents.objection(session, remedy, now, sending=True):
        intents.end_unsent(session, remedy, now, RULE, reason)
        return None
    if remedy.state is State.REQUESTED:
        wake.finish(session, Remedy, leased, None)
        return None
    provider = tools.providers.get(remedy.provider)
    if provider is None:
        reason = f"there is no refund provider {remedy.provider}: set it up, or cancel and refund by hand"
        intents.stop(session, tools, remedy.incident, TaskKind.REFUND_STOPPED, now, reason)
    if provider is None or _must_wait(session, tools, remedy, now):
        wake.finish(session, Remedy, leased, now + LOOK_AGAIN)
        return None
    return _arm(session, remedy, provider, now)


def _must_wait(session: Session, tools: Tools, remedy: Remedy, now: datetime) -> bool:
    """The kill switch holds everything; what a rule approved also waits for fresh news and for its place in the day."""
    if tools.refunds_mode is Mode.OFF:
        return True
    if remedy.approver != refunds.BY_RULE:
        return False
    silent = feeds.stale(session, remedy.incident.shipment, now)
    return silent or intents.capped(session, tools, remedy.incident, now, waiting=False)


def _arm(session: Session, remedy: Remedy, provider: Provider, now: datetime) -> Errand:
    """Store that it is being sent, with its key and the hash of its body; only after this commit it goes out."""
    intent = _intent(remedy)
    audit.change(
        session,
        remedy,
        now,
        RULE,
        "refund_sent",
        state=rules.after(remedy.state, State.SENDING),
        body_hash=intent.fingerprint,
        first_sent_at=remedy.first_sent_at or now,
        last_sent_at=now,
        sends=remedy.sends + 1,
    )
    intents.tell(session, remedy, now, RULE, "refund_sent", sends=remedy.sends)
    return Errand(Witness.ANSWER, provider.send, intent)


def _not_found(session: Session, tools: Tools, remedy: Remedy, leased: Leased, now: datetime) -> Errand | None:
    """The provider knows nothing of it, or cannot tell: the same once more where that is safe, else look later."""
    provider = tools.providers.get(remedy.provider)
    if remedy.state is State.UNKNOWN and provider is not None and _may_resend(session, tools, remedy, provider, now):
        if remedy.body_hash == _intent(remedy).fingerprint:
            return _arm(session, remedy, provider, now)
        evidence.give_to_a_person(session, tools, remedy, now, "its order has changed since it was first sent")
        return None
    _look_later(session, tools, remedy, leased, now)
    return None


def _may_resend(session: Session, tools: Tools, remedy: Remedy, provider: Provider, now: datetime) -> bool:
    first = remedy.first_sent_at
    safe = provider.promises_keys and first is not None and rules.may_resend(first, now)
    return safe and tools.refunds_mode is not Mode.OFF and intents.objection(session, remedy, now) is None


def _look_later(session: Session, tools: Tools, remedy: Remedy, leased: Leased, now: datetime) -> None:
    """Nothing new: look again by the schedule; when that is used up, a person must find out."""
    remedy.looks += 1
    at = evidence.next_look(tools, remedy, now)
    if at is None and remedy.state in {State.UNKNOWN, State.PENDING}:
        evidence.give_to_a_person(session, tools, remedy, now, "the provider cannot say what became of it")
    else:
        wake.finish(session, Remedy, leased, at)


def _intent(remedy: Remedy) -> Intent:
    """What is asked for; `resent` once it has been sent, for then a refusal proves nothing any more."""
    return Intent(
        key=remedy.key,
        order_number=remedy.order.number,
        amount_minor=remedy.amount_minor,
        currency=remedy.currency,
        reason=remedy.reason,
        resent=remedy.sends > 0,
    )
