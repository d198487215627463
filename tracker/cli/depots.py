"""`flask depots`: who answers for a parcel at the carriers."""

from pathlib import Path

import click
from flask.cli import AppGroup

from tracker.cli.errors import told
from tracker.cli.shipments import finish
from tracker.steps import intake
from tracker.web.db import tools

depots = AppGroup("depots", help="The carriers' depots and desks.")


@depots.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Make or change the depots in FILE, a CSV whose first line names the columns.

    carrier and code are needed; the code `desk` is the carrier's account or claims desk. Good rows are taken in even
    where others are refused; those are told on stderr with their line, and the exit is 2.
    """
    with told(), file.open("rb") as first, file.open("rb") as second:
        intake.check_text(first)
        with tools().store.begin() as session:
            report = intake.import_depots(session, second)
    finish(report, "taken in")
