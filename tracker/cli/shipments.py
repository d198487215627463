"""`flask shipments`: take one in, take a file in, look one up."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from flask.cli import AppGroup

from tracker.cli.errors import Mistake, told
from tracker.cli.output import lines, stamp
from tracker.domain import money
from tracker.steps import intake
from tracker.steps.intake import FIELDS, Report
from tracker.store.audit import Actor, ActorKind
from tracker.store.shipments import Shipment
from tracker.store.views import api as views
from tracker.web.db import now, tools

ACTOR: Final = Actor(ActorKind.CLI, via="shipments")
NOTE_EVERY: Final = 5_000
"""Rows between two notes about a long import in a pipe."""

shipments = AppGroup("shipments", help="Take shipments in and look them up.")


def _options(command: Any) -> Any:
    for name in reversed([name for name in FIELDS if name not in {"number", "carrier"}]):
        command = click.option(f"--{name.replace('_', '-')}")(command)
    return command


@shipments.command("add")
@click.argument("number", required=False)
@click.option("--number", "number_", help="NUMBER, as an option.")
@click.option("--carrier", help="Its code, such as seur; may be left out where the number tells it.")
@_options
def add(number: str | None, number_: str | None, carrier: str | None, **given: str | None) -> None:
    """Follow the shipment NUMBER from now on."""
    number = number or number_ or ""
    with told():
        code = carrier or intake.carrier_of(number.strip(), tools())
        new = intake.read({"number": number, "carrier": code, **given})
        with tools().store.begin() as session:
            row, fresh = intake.enter(session, tools(), now(), new, ACTOR)
    click.echo(f"{row.carrier} {row.number} is {'followed from now on' if fresh else 'known already'}.")


@shipments.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Look and write nothing.")
def import_(file: Path, dry_run: bool) -> None:
    """Take in the shipments of FILE, a CSV whose first line names the columns.

    Good rows are taken in even where others are refused; those are told on stderr with their line, and the exit is 2.
    The same file again changes nothing.
    """
    with told(), file.open("rb") as first, file.open("rb") as second:
        size = intake.check_text(first)
        with _progress(size) as bar:
            read = _counted(second, bar)
            report = intake.import_shipments(
                tools(), now(), read, ACTOR, dry_run=dry_run, progress=None if bar else _note
            )
    finish(report, "would be followed" if dry_run else "followed")


def finish(report: Report, done: str) -> None:
    """Tell what became of a file; a Mistake when rows were refused."""
    for name in report.ignored:
        click.echo(f"The column {name} is not known and was not read.", err=True)
    for row in report.refused:
        click.echo(f"{row}.", err=True)
    click.echo(f"{report.added} new {done}, {report.known} known already, {len(report.refused)} refused.")
    if report.refused:
        raise Mistake(f"{len(report.refused)} of {report.rows} rows were refused")


class _Quiet:
    """No bar, where nobody looks at one."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _progress(size: int) -> Any:
    return click.progressbar(length=size, label="Importing", file=sys.stderr) if sys.stderr.isatty() else _Quiet()


def _counted(read: Iterable[bytes], bar: Any) -> Iterator[bytes]:
    for line in read:
        if bar:
            bar.update(len(line))
        yield line


def _note(report: Report) -> None:
    if report.rows % NOTE_EVERY == 0:
        click.echo(f"{report.rows} rows read.", err=True)


@shipments.command("show")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: a shipment, then each of its events.")
def show(number: str, as_json: bool) -> None:
    """Show the shipments with NUMBER, as it was typed, and what the carrier said of them."""
    with told(), tools().store.read() as session:
        rows = views.shipments(session, number=number.strip())
        if not rows:
            raise Mistake(f"No shipment has the number {number.strip()}")
        refs = views.open_refs(session, [row.id for row in rows])
        for row in rows:
            events = [
                event.as_json(stage) | {"occurred_at": _at(event.occurred_at)}
                for event, stage in views.events(session, row)
            ]
            facts = _facts(row, refs.get(row.id))
            if as_json:
                lines([facts | {"events": events}])
            else:
                _print(facts, events)


def _at(at: Any) -> str | None:
    return stamp(at, tools().zone)


def _facts(row: Shipment, ref: str | None) -> dict[str, Any]:
    paid = money.text(row.order.paid_minor, row.order.currency) if row.order.paid_minor else None
    return {
        "id": row.id,
        "carrier": row.carrier,
        "number": row.number,
        "epoch": row.epoch,
        "postcode": row.postcode,
        "country": row.country,
        "order_number": row.order.number,
        "channel": row.order.channel.name,
        "amount": paid,
        "currency": row.order.currency,
        "depot": row.depot.code if row.depot else None,
        "stage": str(row.stage),
        "exception": str(row.exception),
        "direction": str(row.direction),
        "created_at": _at(row.created_at),
        "last_event_at": _at(row.last_event_at),
        "delivered_at": _at(row.delivered_at),
        "promised_at": _at(row.promised_at),
        "incident": ref,
    }


def _print(facts: dict[str, Any], events: list[dict[str, Any]]) -> None:
    for name, value in facts.items():
        if value is not None and value != "":
            click.echo(f"{name.replace('_', ' '):15}{value}")
    for event in events:
        place = f" ({event['location']})" if event["location"] else ""
        said = f"{event['occurred_at']}  {event['stage']}/{event['exception']}"
        click.echo(f"  {said}  {event['raw_code']} {event['raw_text']}{place}")
