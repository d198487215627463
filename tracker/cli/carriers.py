"""`flask carriers`: who can be asked, what a code means, and what the tracker makes of a raw answer."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from config import Config
from tracker import clock
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, Carrier, CarrierError, Reading, Wanted, understand
from tracker.cli import output
from tracker.cli.errors import Mistake, told
from tracker.domain.events import Stage
from tracker.outside import strict_json
from tracker.store import unmapped
from tracker.store.base import Store

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of an answer that are read, as over HTTP."""


@click.group()
def carriers() -> None:
    """The carriers that can be asked, and how their answers are read."""


@carriers.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """Every carrier, and whether this merchant's settings let it be polled."""
    settings = Config.from_env().carriers
    rows = [_row(carrier, settings.get(carrier.code, {})) for carrier in CARRIERS.values()]
    if as_json:
        output.lines(rows)
    else:
        output.table(["code", "name", "codes", "polled", "missing_settings"], [_plain(row) for row in rows])


def _row(carrier: Carrier, settings: Mapping[str, str]) -> dict[str, object]:
    missing = carrier.missing(Account(carrier.code, settings=settings))
    return {
        "code": carrier.code,
        "name": carrier.name,
        "polled": not missing,
        "missing_settings": missing,
        "auth": carrier.auth,
        "numbers_per_request": carrier.batch,
        "codes": len(carrier.codes.rows),
        "mapping_version": carrier.codes.version,
        "depot_look_up": carrier.ask_depot is not None,
        "zone_assumed": carrier.zone.key,
        "limits": carrier.limits,
    }


def _plain(row: Mapping[str, Any]) -> dict[str, object]:
    return {**row, "polled": "yes" if row["polled"] else "no", "missing_settings": ", ".join(row["missing_settings"])}


@carriers.command()
@click.argument("code")
@click.argument("file")
@click.option("--number", default="", help="The shipment asked for; without it every one in the answer.")
@click.option("--postcode", default="", help="Where it goes: tells it from others with the same number.")
def read(code: str, file: str, number: str, postcode: str) -> None:
    """What the tracker makes of a carrier's raw answer in FILE (- for stdin): one event a line, as JSON."""
    carrier = _carrier(code)
    body = _body(file)
    wanted = [Wanted(number.strip(), postcode)]
    try:
        found = understand(carrier, 200 if body else 204, body, wanted, strict_json.loads)
    except CarrierError as error:
        raise Mistake(str(error)) from None
    output.lines(_events(found))
    for fault in found.faults.values():
        click.echo(fault, err=True)
    if found.faults and not any(found.events.values()):
        sys.exit(Mistake.exit_code)


def _events(found: Reading) -> Iterator[dict[str, object]]:
    """The events as JSON.  One that keeps the parcel's stage is given the last one before it."""
    for events in found.events.values():
        stage = Stage.UNKNOWN
        for event in events:
            stage = event.stage or stage
            yield event.as_json(stage)


@carriers.command()
@click.argument("code")
@click.option("--unmapped", "only_unmapped", is_flag=True, help="The codes that came and that no table knows.")
def codes(code: str, only_unmapped: bool) -> None:
    """The code table of a carrier, or the codes missing from it: one JSON object a line."""
    carrier = _carrier(code)
    output.lines(_unmapped(carrier) if only_unmapped else _table(carrier))


def _table(carrier: Carrier) -> Iterator[dict[str, object]]:
    for code, means in carrier.codes.rows.items():
        yield {"code": code, **means._asdict(), "mapping_version": carrier.codes.version}


def _unmapped(carrier: Carrier) -> list[dict[str, object]]:
    store = Store(Config.from_env().database_url, clock.now)
    with closing(store), told(), store.read() as session:
        return [{**one._asdict(), "last_at": one.last_at.isoformat()} for one in unmapped.of(session, carrier.code)]


def _carrier(code: str) -> Carrier:
    if code not in CARRIERS:
        raise Mistake(f"There is no carrier {code!r}; the known ones are {', '.join(CARRIERS)}.")
    return CARRIERS[code]


def _body(file: str) -> bytes:
    """What FILE holds.  An empty one is the answer without a body that says "no data"."""
    try:
        with click.open_file(file, "rb") if file == "-" else Path(file).open("rb") as source:
            body: bytes = source.read(LARGEST + 1)
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}.") from None
    if len(body) > LARGEST:
        raise Mistake(f"{file} is larger than {LARGEST // 1024 // 1024} MB, more than any carrier's answer.")
    return body.strip()
