"""Polls the carriers: asks about the parcels that are due, stores their events and folds them into findings."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, Ask, AuthRefused, Carrier, CarrierError, NotKnown, Wanted, understand
from tracker.domain.events import Event
from tracker.domain.findings import OPENING
from tracker.domain.polling import Plan, Watched, plan
from tracker.outside import strict_json
from tracker.outside.http import BadBody, Reply, Unreachable
from tracker.outside.tokens import TokenAsk, TokenRefused
from tracker.steps import Tools
from tracker.store import depots, feeds, many, polls, standings
from tracker.store.due import Tally, set_back
from tracker.store.polls import Due, Polled
from tracker.store.shipments import Shipment
from tracker.store.wake import Leased, backoff, jitter

LIMIT: Final = 200
"""Parcels of one carrier in one round."""
ASKING: Final = 30.0
"""Seconds of asking in one round: half a lease, so that a worker never outlives it."""
PATIENCE: Final = 3
"""Failures in a row after which a carrier is left alone for a while."""
LEFT_ALONE: Final = timedelta(minutes=1)
"""How long the parcels that were not asked for wait then; without it the same round would hammer on."""
log = logging.getLogger(__name__)


@dataclass
class _Round:
    """What one round of asking brought for one carrier."""

    answers: dict[int, list[Event]] = field(default_factory=dict)
    hashes: dict[int, bytes] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    errors: dict[int, str] = field(default_factory=dict)
    depot_codes: dict[int, str] = field(default_factory=dict)
    feed_error: str | None = None
    fails: int = 0
    watched: dict[int, Watched] = field(default_factory=dict)
    polled: dict[int, Polled] = field(default_factory=dict)


def poll(tools: Tools, now: datetime) -> Tally:
    """Poll every parcel that is due at a carrier that the merchant has an account with."""
    tally = Tally()
    for code, account in tools.accounts.items():
        if CARRIERS[code].missing(account):
            continue
        with tools.store.begin() as session:
            lease_now = tools.store.lease_now(session)
            due = polls.take(session, code, now, lease_now, owner=tools.owner, limit=LIMIT)
        if due:
            found = _ask(tools, CARRIERS[code], account, due)
            _decide(tools, due, found, now)
            spoilt = _settle(tools, code, due, found, now)
            tally.done += len(due)
            tally.errors += [f"{code}: {error}" for error in (*found.errors.values(), *spoilt)]
    return tally


def _settle(tools: Tools, code: str, due: Sequence[Due], found: _Round, now: datetime) -> list[str]:
    """Write the round; where one parcel's news cannot be written, half by half, so that it holds up no other."""
    try:
        with tools.store.begin() as session:
            _write(session, tools, code, due, found, now)
    except OperationalError:
        raise  # the database itself is in trouble: the leases run out, and all are asked again
    except Exception as error:  # noqa: BLE001 - one bad parcel must not stop the others; it is kept and parked
        if len(due) == 1:
            one = due[0]
            return [set_back(tools.store, Shipment, Leased(one.id, one.token, one.tries), now, error)]
        half = len(due) // 2
        return [*_settle(tools, code, due[:half], found, now), *_settle(tools, code, due[half:], found, now)]
    return []


def _ask(tools: Tools, carrier: Carrier, account: Account, due: Sequence[Due]) -> _Round:
    """Ask about the parcels until all are asked, time is up, or the carrier has failed several times in a row."""
    found = _Round()
    until = time.monotonic() + ASKING
    for start in range(0, len(due), carrier.batch):
        if found.fails >= PATIENCE or time.monotonic() > until:
            break
        _ask_some(tools, carrier, account, due[start : start + carrier.batch], found)
    return found


def _ask_some(tools: Tools, carrier: Carrier, account: Account, due: Sequence[Due], found: _Round) -> None:
    wanted = [Wanted(one.number, one.postcode, one.country) for one in due]
    try:
        reply = _send(tools, carrier, account, carrier.ask(wanted, account))
        reading = understand(carrier, reply.status, reply.body, wanted, strict_json.loads)
    except NotKnown:
        found.unknown.update(one.id for one in due)
    except Exception as error:  # whatever an answer does to its reader, the other parcels are asked
        if not isinstance(error, CarrierError | Unreachable | BadBody):
            log.exception("%s: an answer about %s could not be read", carrier.code, due[0].number)
        found.fails += 1
        found.feed_error = str(error) or type(error).__name__
        found.errors.update((one.id, f"{one.number}: {found.feed_error}") for one in due)
        return
    else:
        for one in due:
            _sort(one, reading.events, reading.faults, found)
            found.bodies[one.id] = reply.body
    found.fails = 0
    for one in due:
        if one.depot_id is None and any(event.exception in OPENING for event in found.answers.get(one.id, ())):
            _ask_depot(tools, carrier, account, one, found)


def _send(tools: Tools, carrier: Carrier, account: Account, ask: Ask) -> Reply:
    """Send a carrier's question to its address, with a bearer token where it wants one."""
    base = (account.base_url or carrier.base_url).rstrip("/")
    url = base + ask.path
    if carrier.token is None:
        return tools.http.send(ask.method, url, params=ask.params, headers=ask.headers, form=ask.form, json=ask.json)
    token = carrier.token(account)
    wanting = TokenAsk(base + token.path, tuple((token.form or {}).items()), tuple(token.headers.items()))
    try:
        return tools.tokens.authorised(
            wanting, ask.method, url, params=ask.params, headers=ask.headers, form=ask.form, json=ask.json
        )
    except TokenRefused as error:
        raise AuthRefused(f"{carrier.name} refused our credentials: {error}") from None


def _sort(one: Due, events: Mapping[str, list[Event]], faults: Mapping[str, str], found: _Round) -> None:
    if one.number in events:
        found.answers[one.id] = events[one.number]
        found.hashes[one.id] = polls.feed_hash(events[one.number])
    elif one.number not in faults:
        found.unknown.add(one.id)
    if one.number in faults:
        found.errors[one.id] = f"{one.number}: {faults[one.number]}"


def _ask_depot(tools: Tools, carrier: Carrier, account: Account, one: Due, found: _Round) -> None:
    """Ask which depot serves the address: needed only once there is trouble; without an answer the scans tell."""
    if carrier.ask_depot is None or carrier.read_depot is None or not one.postcode:
        return
    wanted = Wanted(one.number, one.postcode, one.country)
    try:
        reply = _send(tools, carrier, account, carrier.ask_depot(wanted, account))
        data = strict_json.loads(reply.body) if reply.body.strip() else None
        if (code := carrier.read_depot(reply.status, data)) is not None:
            found.depot_codes[one.id] = code
    except Exception as error:  # noqa: BLE001 - the parcel's own answer stands, whatever becomes of this one
        found.errors[one.id] = f"{one.number}: the depot is not known: {error}"


def _write(session: Session, tools: Tools, code: str, due: Sequence[Due], found: _Round, now: datetime) -> None:
    """One transaction for the round: hand the parcels back, then store what is new about those still ours."""
    _judge_feed(session, code, found, now)
    ours = polls.hand_back(session, [found.polled[one.id] for one in due], now)
    dirty = {one.id: one for one in due if one.id in ours and _is_dirty(one, found, now)}
    if not dirty:
        return
    hashes = polls.keep_raw(session, code, {found.bodies[id_] for id_ in dirty if id_ in found.bodies}, now)
    raw = {id_: hashes[sha256(found.bodies[id_]).digest()] for id_ in dirty if id_ in found.bodies}
    standings.record(session, {id_: found.answers[id_] for id_ in dirty if id_ in found.answers}, now, raw)
    changed = standings.refold(session, dirty, now, tools.silence, tools.solution_due(now))
    _plan_again(session, changed, found.watched, now)
    _find_depots(session, code, changed, dirty, found)


def _judge_feed(session: Session, code: str, found: _Round, now: datetime) -> None:
    if found.answers or found.unknown:
        feeds.answered(session, code, "", now)
    elif found.feed_error is not None:
        feeds.failed(feeds.of(session, code, ""), now, found.feed_error)


def _decide(tools: Tools, due: Sequence[Due], found: _Round, now: datetime) -> None:
    """What becomes of each parcel, decided before the write begins: where there is one writer, nobody waits for it."""
    with tools.store.read() as session:
        found.watched = polls.watched(session, due)
    found.polled = {one.id: _outcome(one, found, plan(found.watched[one.id], now), now) for one in due}


def _outcome(one: Due, found: _Round, next_poll: Plan, now: datetime) -> Polled:
    """What the parcel goes back with; one that was not asked is due again at once."""
    error = found.errors.get(one.id)
    spread = jitter(one.id, one.token, spread=0.1)
    later = None if next_poll.wait is None else now + next_poll.wait * spread
    if one.id in found.answers:
        return Polled(one, later, found.hashes[one.id], None, next_poll.reason, error, bool(found.answers[one.id]))
    if error is not None:
        return Polled(one, now + backoff(one.tries, one.id), None, one.unknown_since, None, error)
    if one.id in found.unknown:
        return Polled(one, later, None, one.unknown_since or now, next_poll.reason)
    if found.fails >= PATIENCE:
        return Polled(one, now + LEFT_ALONE, None, one.unknown_since, None, f"not asked: {found.feed_error}")
    return Polled(one, now, None, one.unknown_since, None, "not asked: the round's time was up")


def _is_dirty(one: Due, found: _Round, now: datetime) -> bool:
    """Whether the parcel must be looked at: new events, a silence that has lasted long enough, a date passed."""
    if one.id not in found.answers:
        return False
    stalled = one.stall_at is not None and one.stall_at <= now
    return stalled or one.has_become_overdue(now) or found.hashes[one.id] != one.feed_hash


def _plan_again(
    session: Session, changed: Iterable[standings.Changed], watched: Mapping[int, Watched], now: datetime
) -> None:
    """Set the next poll by what the parcel has become."""
    rows = []
    for one in changed:
        at, before = one.standing, watched[one.parcel.id]
        troubled = before.incident_open or bool(one.news)
        after = Watched(at.stage, at.exception, at.last_event_at, None, troubled, before.incident_closed_at)
        wait, reason = plan(after, now)
        wake_at = None if wait is None else now + wait * jitter(one.parcel.id, one.parcel.fold_version, spread=0.1)
        rows.append({"id": one.parcel.id, "wake_at": wake_at, "poll_end_reason": reason})
    many.update_by_id(session, Shipment, rows)


def _find_depots(
    session: Session, code: str, changed: Iterable[standings.Changed], due: Mapping[int, Due], found: _Round
) -> None:
    """Name the depot of a parcel in trouble: by the look-up, else the last place code, else the postcode."""
    nameless = [one for one in changed if one.news and due[one.parcel.id].depot_id is None]
    if not nameless:
        return
    offices = depots.of_carrier(session, code)
    rows = []
    for one in nameless:
        codes = [found.depot_codes.get(one.parcel.id), one.standing.depot]
        depot = depots.responsible(offices, codes, one.parcel.postcode)
        if depot is not None:
            rows.append({"id": one.parcel.id, "depot_id": depot.id})
    many.update_by_id(session, Shipment, rows)
