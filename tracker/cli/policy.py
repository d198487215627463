"""`flask policy`: why each deadline is what it is."""

import click
from flask.cli import AppGroup

from tracker.cli.errors import Mistake, told
from tracker.cli.output import stamp
from tracker.store.promises import PromiseVersion
from tracker.store.views import api as views
from tracker.web.db import tools

policy = AppGroup("policy", help="The default times and the ladder.")


@policy.command("explain")
@click.argument("incident")
def explain(incident: str) -> None:
    """Tell why each deadline of INCIDENT is what it is: every promise, every version, counted out."""
    with told(), tools().store.read() as session:
        case = views.case(session, incident)
        if case is None:
            raise Mistake(f"No incident has the reference {incident.strip()}")
        pinned = case.line.incident.policy
        click.echo(f"{case.line.incident.ref} follows policy {pinned.name}, version {pinned.version}.")
        if not case.promises:
            click.echo("Nobody has promised anything yet.")
        for promise in case.promises:
            owes = f"{promise.performer} owes {promise.beneficiary}: {promise.action}"
            click.echo(f"promise {promise.id}: {owes} ({promise.due_source}, {promise.state})")
            for version in case.versions:
                if version.promise_id == promise.id:
                    _print(version)


def _print(version: PromiseVersion) -> None:
    zone = tools().zone
    reason = f": {version.reason}" if version.reason else ""
    click.echo(f"  version {version.version}, due {stamp(version.due_at, zone)}{reason}")
    for line in version.trace.splitlines():
        click.echo(f"    {line}")
