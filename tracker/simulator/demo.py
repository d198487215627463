"""The demo's world: some weeks in simulated time up to now, then a life in real time behind a local socket."""

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.carriers.base import Account
from tracker.clock import Clock
from tracker.domain.events import ExceptionCode
from tracker.domain.refunds import Mode
from tracker.outside.http import Http
from tracker.outside.mail import Mailer
from tracker.outside.refund_providers.webhook import Webhook
from tracker.simulator.journeys import DAY, HOUR, MADRID, RATES, Fate, at
from tracker.simulator.mailbox import Copied
from tracker.simulator.people import agents
from tracker.simulator.random_world import new_parcel, random_world
from tracker.simulator.scenarios.stage import CUSTOMER, desk
from tracker.simulator.setting import DHL, SEUR
from tracker.simulator.truth import Parcel, Scan
from tracker.simulator.wire.refunds import SECRET
from tracker.simulator.wire.server import serving
from tracker.simulator.world import World
from tracker.steps import Tools
from tracker.store.base import Store
from tracker.store.incidents import Incident
from tracker.store.shipments import Shipment

log = logging.getLogger(__name__)
WEEKS: Final = 3
PARCELS: Final = 150
SEED: Final = 2026
TROUBLED: Final = {fate: 2.5 * rate for fate, rate in RATES.items()}
"""More goes wrong here than in life, so that there is something to look at."""
SOLD_EVERY: Final = timedelta(minutes=10)
"""How often somebody buys something while the demo lives."""
FRESH: Final = timedelta(hours=12)
"""A demo that stood still for longer begins anew: its open cases would all be overdue."""
STEP: Final = 1.0
"""Seconds between two looks at what is due in the world."""


def history(url: str, now: datetime, secret: bytes, base_url: str) -> World:
    """A world that has still to live its weeks up to `now`; its newest case is the broken desk."""
    start = now - WEEKS * 7 * DAY
    days = WEEKS * 7
    world = random_world(url, seed=SEED, parcels=PARCELS, days=days, faults=False, start=start, tail=0, rates=TROUBLED)
    _give_links(world, secret, base_url)
    world.sell(_broken_desk(world, now))
    return world


def _give_links(world: World, secret: bytes, base_url: str) -> None:
    """Links lead to the demo's own pages; the desk's owner leaves hers to the visitor."""
    world.scene.tools = replace(world.scene.tools, secret=secret, base_url=base_url)
    read = world.read
    world.read = lambda letter: None if letter.to == CUSTOMER else read(letter)


def _broken_desk(world: World, now: datetime) -> Parcel:
    """SEUR said "siniestro" a day ago; an agent called, and the depot has promised to call the customer."""
    parcel = desk(now - 4 * DAY)
    news = ExceptionCode.DAMAGED_OR_LOST
    parcel.add(Scan(now - 26 * HOUR, "LK560", "Siniestro", "BADAJOZ", "06", trouble=news))
    world.fates[parcel.number] = Fate.EITHER_BROKEN
    world.clockwork.at(now - 22 * HOUR, lambda: _log_call(world, parcel, _next_two_o_clock(now)))
    return parcel


def _next_two_o_clock(now: datetime) -> datetime:
    """14:00 in Madrid on the next working day."""
    return at(now, now.astimezone(MADRID).time().replace(14, 0, 0, 0), workdays=1)


def _log_call(world: World, parcel: Parcel, due_at: datetime) -> None:
    with world.scene.tools.store.read() as session:
        incident = newest(session, parcel.number)
    if incident is not None:
        agents.log_call(world.scene, incident.id, due_at)


def newest(session: Session, number: str) -> Incident | None:
    """The newest incident of the parcel with that number."""
    return session.scalars(
        sa.select(Incident)
        .join(Shipment, Shipment.id == Incident.shipment_id)
        .where(Shipment.number == number)
        .order_by(Incident.id.desc())
        .limit(1)
    ).one_or_none()


# --- what outlives the process ----------------------------------------------------------------------------------------


def save(world: World, path: Path) -> None:
    """Keep the truth about the world, so that the next demo goes on with it."""
    kept = (world.now, list(world.book), world.fates, world.scene.called, world.provider.ledger)
    path.write_bytes(pickle.dumps(kept))


def saved(path: Path, url: str, now: datetime, secret: bytes, base_url: str) -> World | None:
    """The world that was saved, unless there is none, or it stood still for too long, or is of another make."""
    try:
        saved_at, parcels, fates, called, ledger = pickle.loads(path.read_bytes())  # noqa: S301 - our own file
    except (OSError, pickle.PickleError, AttributeError, EOFError, ImportError, ValueError):
        return None
    if now - saved_at > FRESH:
        return None
    world = World(url, now, seed=SEED)
    for parcel in parcels:
        world.book.add(parcel)
        world.scene.readers[parcel.email] = parcel
    world.fates.update(fates)
    world.scene.called.update(called)
    world.provider.ledger.update(ledger)
    _give_links(world, secret, base_url)
    return world


# --- real time --------------------------------------------------------------------------------------------------------


@contextmanager
def living(world: World, store: Store, clock: Clock, mails: Mailer) -> Iterator[Tools]:
    """The world in real time while the block runs; gives the tools with which the tracker works in it.

    Carriers and refund provider answer on a local socket, over real HTTP. Refunds wait for somebody to press send.
    """
    world.scene.tools.store.close()
    world.clockwork.go_live(clock)
    services: dict[str, Any] = {"seur": world.seur, "dhl": world.dhl, "refunds": world.provider}
    with serving(services) as base:
        http = Http()
        world.scene.tools = replace(
            world.scene.tools,
            store=store,
            http=http,
            mail=Copied(world.mailbox, mails),
            accounts={
                "seur": Account("seur", f"{base}/seur", SEUR),
                "dhl_unified": Account("dhl_unified", f"{base}/dhl", DHL),
            },
            providers={"webhook": Webhook(http, f"{base}/refunds/", SECRET, f"{base}/refunds/")},
            refunds_mode=Mode.PROPOSE,
            owner="demo",
        )
        _sell_on(world)
        with _people(world):
            yield world.scene.tools


def _sell_on(world: World) -> None:
    """Sell another parcel, and the next one some minutes later."""
    number = len(world.book) + 1

    def next_one() -> None:
        world.sell(new_parcel(world, number, world.now, TROUBLED))
        _sell_on(world)

    world.clockwork.at(world.now + SOLD_EVERY, next_one)


@contextmanager
def _people(world: World) -> Iterator[None]:
    """Let the people of the world act, in a thread of their own."""
    stop = Event()

    def live() -> None:
        while not stop.wait(STEP):
            try:
                world.clockwork.catch_up()
            except Exception:
                log.exception("somebody in the demo's world could not act")

    thread = Thread(target=live, name="people", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
