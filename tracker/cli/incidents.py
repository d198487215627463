"""`flask incidents`: the queue by what is due next, and one incident with its story."""

from typing import Any

import click
from flask.cli import AppGroup

from tracker.cli.errors import Mistake, told
from tracker.cli.output import lines, stamp, table
from tracker.domain import money
from tracker.store.views import api as views
from tracker.web.db import now, tools

COLUMNS = (
    "ref", "number", "carrier", "kind", "state", "level", "opened_at", "next_due_at", "promise_state", "refund_state",
)  # fmt: skip

incidents = AppGroup("incidents", help="The queue of open incidents.")


@incidents.command("list")
@click.option("--overdue", is_flag=True, help="Only those whose next due time has passed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(overdue: bool, as_json: bool) -> None:
    """Open incidents, by what is due next."""
    with told(), tools().store.read() as session:
        rows = [_line(row) for row in views.queue(session, overdue_at=now() if overdue else None)]
    if as_json:
        lines(rows)
    elif rows:
        table(COLUMNS, rows)
    else:
        click.echo("Nothing is overdue." if overdue else "No incident is open.")


def _line(row: views.Line) -> dict[str, Any]:
    incident = row.incident
    told = {
        "ref": incident.ref,
        "number": incident.shipment.number,
        "carrier": incident.shipment.carrier,
        "kind": str(incident.kind),
        "state": str(incident.state),
        "level": incident.level,
        "opened_at": _at(incident.opened_at),
        "next_due_at": _at(incident.next_due_at),
        "promise_state": None if row.promise_state is None else str(row.promise_state),
        "refund_state": None if row.refund_state is None else str(row.refund_state),
    }
    assert tuple(told) == COLUMNS
    return told


def _at(at: Any) -> str | None:
    return stamp(at, tools().zone)


@incidents.command("show")
@click.argument("ref")
def show(ref: str) -> None:
    """Show the incident REF: how it stands, who owes what by when, and its story."""
    with told(), tools().store.read() as session:
        case = views.case(session, ref)
        if case is None:
            raise Mistake(f"No incident has the reference {ref.strip()}")
        for name, value in _line(case.line).items():
            click.echo(f"{name.replace('_', ' '):15}{'' if value is None else value}".rstrip())
        _print_below(case)
        click.echo("story")
        for entry in views.timeline(session, case.line.incident):
            said = ", ".join(f"{name} {value}" for name, value in entry.body.items() if value not in (None, ""))
            click.echo(f"  {_at(entry.at)}  {entry.said_by}: {entry.kind}{f' ({said})' if said else ''}")


def _print_below(case: views.Case) -> None:
    for promise in case.promises:
        owes = f"{promise.performer} owes {promise.beneficiary}: {promise.action}"
        click.echo(f"promise {promise.id}: {owes} by {_at(promise.due_at)} ({promise.due_source}), {promise.state}")
    for remedy in case.remedies:
        amount = f"{money.text(remedy.amount_minor, remedy.currency)} {remedy.currency}"
        click.echo(f"refund {remedy.key}: {amount}, {remedy.state}")
    for task in case.tasks:
        click.echo(f"task {task.kind}: by {_at(task.due_at)}, {task.reason}")
    for contact in case.contacts:
        click.echo(f"contact {_at(contact.at)}: {contact.channel} {contact.person}, {contact.outcome}".rstrip(", "))
