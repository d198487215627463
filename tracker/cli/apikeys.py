"""`flask apikeys`: keys of the REST API."""

import click
from flask.cli import AppGroup

from tracker.cli.errors import Mistake, told
from tracker.store import keys
from tracker.web.db import now, tools

apikeys = AppGroup("apikeys", help="Keys of the REST API.")


@apikeys.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Make a key for NAME, the system that will use it, and print it this once."""
    name = name.strip()
    if not name or len(name) > 64 or not name.isprintable():
        raise Mistake("The name of a key has 1 to 64 characters")
    with told(), tools().store.begin() as session:
        key = keys.add(session, name, now())
    click.echo(key)
    click.echo(f"This key of {name} is shown only now; send it as: Authorization: Bearer KEY", err=True)
