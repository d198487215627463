"""`flask simulate`: a deterministic world in simulated time, checked after every tick."""

import logging
import sys
import time
from datetime import timedelta

import click
from sqlalchemy.exc import OperationalError

from config import Config, SettingsError
from tracker.cli import output
from tracker.cli.errors import Mistake
from tracker.simulator import trace
from tracker.simulator.checks import Broken
from tracker.simulator.database import NotEmpty, empty
from tracker.simulator.random_world import random_world
from tracker.simulator.scenarios import STORIES, play
from tracker.simulator.world import World


@click.command("simulate")
@click.option("--scenario", type=click.Choice(list(STORIES)), help="Play one story minute by minute and tell it.")
@click.option("--days", type=click.IntRange(1, 400), default=21, show_default=True, help="How long the world lives.")
@click.option("--parcels", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many are sold.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed is the same world.")
@click.option("--faults", is_flag=True, help="Bad lines, outages, crashes, a bank that is late or refuses.")
@click.option("--database", metavar="URL", help="An empty database; by default a temporary SQLite file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def simulate(
    scenario: str | None, days: int, parcels: int, seed: int, faults: bool, database: str | None, as_json: bool
) -> None:
    """Play a world and hold the tracker to its invariants; exit 1 with the seed and the one that is broken."""
    logging.disable(logging.CRITICAL)  # what fails on purpose would fill the screen; what must not is checked
    try:
        with empty(_checked(database)) as url:
            if scenario:
                _tell(play(scenario, url), as_json)
            else:
                _live(random_world(url, seed=seed, parcels=parcels, days=days, faults=faults), days, faults, as_json)
    except NotEmpty as why:
        raise Mistake(str(why)) from None
    except OperationalError as error:
        raise Mistake(f"The database cannot be used: {str(error.orig).splitlines()[0]}") from None
    except Broken as broken:
        where = f"scenario {scenario}" if scenario else f"seed {seed}"
        raise click.ClickException(f"{where}: {broken}.") from None
    finally:
        logging.disable(logging.NOTSET)


def _checked(database: str | None) -> str | None:
    """The URL as the settings would take it; a Mistake for one that they would not."""
    if database is None:
        return None
    try:
        return Config.from_env({"TRACKER_DATABASE_URL": database}).database_url
    except SettingsError as why:
        raise Mistake(str(why).replace("TRACKER_DATABASE_URL", "--database")) from None


def _tell(world: World, as_json: bool) -> None:
    """The dated log of a story."""
    with world.scene.tools.store.read() as session:
        lines = trace.log(session)
    if as_json:
        output.lines(line.as_json() for line in lines)
    else:
        for line in lines:
            click.echo(line.as_text())


def _live(world: World, days: int, faults: bool, as_json: bool) -> None:
    """Let the weeks pass, then say what there was."""
    began = time.monotonic()
    run_days(world, days, f"{len(world.book)} parcels, {days} days")
    with world.scene.tools.store.read() as session:
        digest, counts = trace.digest(session), trace.counts(session)
    told: dict[str, object] = {
        "seed": world.chance.seed,
        "days": days,
        "parcels": len(world.book),
        "faults": faults,
        **counts,
        "letters": len(world.letters),
        "refunds_at_provider": len(world.provider.ledger),
        "crashes": world.fuse.burnt,
        "faults_met": sum(world.seur.counts.values()) + sum(world.dhl.counts.values()),
        "ticks": world.ticks,
        "broken": 0,
        "trace": digest,
    }
    if as_json:
        output.lines([told])
        return
    for name, value in told.items():
        click.echo(f"{name:<20} {value}")
    click.echo(f"{'seconds':<20} {time.monotonic() - began:.1f}")


def run_days(world: World, days: int, label: str) -> None:
    """Run day by day with a progress bar on a terminal, and a line a week on stderr otherwise."""
    end = world.now + timedelta(days=days)
    stderr = sys.stderr
    with click.progressbar(length=days, label=label, file=stderr) as bar:
        for day in range(1, days + 1):
            world.run(min(end, world.now + timedelta(days=1)))
            bar.update(1)
            if not stderr.isatty() and (day % 7 == 0 or day == days):
                click.echo(f"{label}: day {day}", err=True)
