"""`flask work`: the scheduler and the jobs, until told to stop, or once until nothing is due."""

import json

import click
import sqlalchemy as sa
from flask import current_app

from config import ROOT
from tracker import schedule
from tracker.cli.errors import Mistake
from tracker.jobs import JOBS, until_done
from tracker.steps import Tools
from tracker.web.db import now, tools


@click.command("work")
@click.option("--once", is_flag=True, help="Work until nothing is due, print what was done, and end.")
@click.option("--job", "names", multiple=True, type=click.Choice([job.name for job in JOBS]), help="Only this job.")
def work(once: bool, names: tuple[str, ...]) -> None:
    """Poll, remind, escalate, refund and send whatever is due."""
    using = tools()
    if not using.secret:
        raise Mistake("TRACKER_SECRET_KEY must be set to a secret of 32 bytes or more: links in messages need it.")
    check_schema(using)
    if not once:
        click.echo("Working; stop with Ctrl-C or SIGTERM.", err=True)
        schedule.run_until_told(using, current_app.extensions["tracker.clock"], frozenset(names))
        return
    told = until_done(using, now(), frozenset(names))
    counts: dict[str, object] = {name: tally.done for name, tally in told.items()}
    errors = [error for tally in told.values() for error in tally.errors]
    click.echo(json.dumps({**counts, "errors": errors}, ensure_ascii=False))


def check_schema(using: Tools) -> None:
    """Refuse to work on a database whose schema is not the one this program speaks of."""
    head = (ROOT / "migrations/.head").read_text().strip()
    try:
        with using.store.read() as session:
            found = session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except sa.exc.DBAPIError:
        found = None
    if found != head:
        state = f"is at {found}" if found else "is empty"
        raise Mistake(f"The database {state} and this program needs schema {head}: run 'flask db upgrade' first.")
