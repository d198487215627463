"""`flask demo`: a simulated world up to now, then web and scheduler in one process, living on in real time."""

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

import click
import sqlalchemy as sa
from werkzeug.serving import BaseWSGIServer, make_server

from config import ROOT, Config
from tracker import clock, schedule
from tracker.app import create_app
from tracker.cli.errors import Mistake
from tracker.cli.simulate import run_days
from tracker.outside import mail, passwords
from tracker.simulator import demo as world_of
from tracker.simulator.database import prepare
from tracker.simulator.scenarios.stage import NUMBER
from tracker.simulator.setting import STAFF
from tracker.simulator.world import World
from tracker.steps import Tools
from tracker.store import links
from tracker.store.base import Store
from tracker.store.links import Purpose
from tracker.store.people import Role, User
from tracker.web.ops import access

HOST: Final = "127.0.0.1"
FOLDER: Final = ROOT / "instance"
QUIET: Final = {"werkzeug": logging.WARNING, "apscheduler": logging.ERROR, "alembic": logging.WARNING}
LOGIN_LIVES: Final = timedelta(hours=12)


@click.command("demo")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Where the pages are.")
def demo(port: int) -> None:
    """Serve the three faces with living data on this machine; Ctrl-C ends it."""
    base_url = f"http://{HOST}:{port}"
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    with _ended_by_sigterm(), _reserved(port) as door:
        config = Config(env="demo", database_url=f"sqlite:///{FOLDER / 'demo.db'}", base_url=base_url)
        world = _world(config)
        store = Store(config.database_url, clock.now)
        mails = mail.mailer(f"file:{FOLDER / 'demo-mail'}")
        with world_of.living(world, store, clock.now, mails) as tools:
            app = create_app(config, tools=tools)
            server = make_server(HOST, port, app, threaded=True, fd=door.fileno())
            _live(server, world, tools)


def _live(server: BaseWSGIServer, world: World, tools: Tools) -> None:
    """Serve and work until somebody ends it; then keep the world for the next time."""
    jobs = schedule.scheduler(tools, clock.now)
    jobs.start()
    _greet(tools)
    try:
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        jobs.shutdown(wait=True)
        world_of.save(world, FOLDER / "demo.world")
        tools.store.close()
        click.echo("The demo has ended; run it again within twelve hours and it goes on from here.")


def _world(config: Config) -> World:
    """The world of the last demo if it is fresh, else a new one that has lived some weeks up to now."""
    secret, now = (config.secret_key or "").encode(), clock.now()
    kept = FOLDER / "demo.world"
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    if (FOLDER / "demo.db").exists():
        world = world_of.saved(kept, config.database_url, now, secret, config.base_url)
        if world is not None:
            click.echo("Going on with the demo's world in instance/demo.db.")
            return world
    for path in (kept, *FOLDER.glob("demo.db*")):
        path.unlink(missing_ok=True)
    click.echo("Making a world: three weeks of parcels, carriers, depots and customers, in simulated time.")
    prepare(config.database_url)
    world = world_of.history(config.database_url, now, secret, config.base_url)
    logging.disable(logging.WARNING)
    run_days(world, world_of.WEEKS * 7, "Simulating")
    logging.disable(logging.NOTSET)
    world_of.save(world, kept)
    return world


def _greet(tools: Tools) -> None:
    """Say where everything is."""
    now, password = clock.now(), links.password()
    with tools.store.begin() as session:
        user = session.scalars(sa.select(User).where(User.email == STAFF)).one()
        user.password_hash, user.role = passwords.hashed(password), Role.ADMIN
        incident = world_of.newest(session, NUMBER)
        assert incident is not None
        shipment = incident.shipment
        page = tools.link(session, Purpose.CUSTOMER, now, shipment_id=shipment.id)
        depot = tools.link(
            session,
            Purpose.DEPOT,
            now,
            shipment_id=shipment.id,
            incident_id=incident.id,
            depot_id=shipment.depot_id or 0,
        )
        login = access.one_time_login(session, tools, now, user, LOGIN_LIVES)
        postcode = shipment.postcode
    click.echo(
        f"""
  Customer page   {page}
                  (or {tools.base_url}/ with number {NUMBER} and postcode {postcode})
  Depot link      {depot}
  Console         {tools.base_url}{login}
                  (or {tools.base_url}/ops/ as {STAFF} with password {password})
  Mails           {_shown(FOLDER / "demo-mail")}

The demo is serving; Ctrl-C ends it."""
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


@contextmanager
def _reserved(port: int) -> Iterator[socket.socket]:
    """The port, ours from the start: who asks early waits, and nobody makes a world that then cannot be served."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((HOST, port))
        door.listen(128)
    except OSError:
        door.close()
        raise Mistake(
            f"Port {port} is taken, perhaps by a demo that runs already; end that or choose another with --port."
        ) from None
    try:
        yield door
    finally:
        door.close()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
