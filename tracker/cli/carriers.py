"""`flask carriers`: who can be asked, what a code means, and what the tracker makes of a raw answer."""

import json
import sys
from pathlib import Path
from typing import Final

import click

from config import Config
from tracker import clock
from tracker.carriers import CARRIERS
from tracker.carriers.base import Account, Carrier, CarrierError, Reading, Wanted, understand
from tracker.domain.events import Stage
from tracker.outside import strict_json
from tracker.store import unmapped
from tracker.store.base import Store

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of an answer that are read, as over HTTP."""


class Mistake(click.ClickException):
    """What the caller got wrong: one sentence on stderr, exit 2."""

    exit_code = 2


@click.group()
def carriers() -> None:
    """The carriers that can be asked, and how their answers are read."""


@carriers.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """Every carrier, and whether this merchant's settings let it be polled."""
    settings = Config.from_env().carriers
    for carrier in CARRIERS.values():
        account = Account(carrier.code, settings=settings.get(carrier.code, {}))
        line = {
            "code": carrier.code,
            "name": carrier.name,
            "auth": carrier.auth,
            "numbers_per_request": carrier.batch,
            "codes": len(carrier.codes.rows),
            "mapping_version": carrier.codes.version,
            "depot_look_up": carrier.ask_depot is not None,
            "zone_assumed": carrier.zone.key,
            "limits": carrier.limits,
            "missing_settings": carrier.missing(account),
        }
        click.echo(_json(line) if as_json else _told(carrier, carrier.missing(account)))


def _told(carrier: Carrier, missing: list[str]) -> str:
    polled = f"not polled: {', '.join(missing)} missing" if missing else "polled"
    return f"{carrier.code:14}{carrier.name:8}{len(carrier.codes.rows):4} codes  {polled}"


@carriers.command()
@click.argument("code")
@click.argument("file")
@click.option("--number", default="", help="The shipment asked for; without it every one in the answer.")
@click.option("--postcode", default="", help="Where it goes: tells it from others with the same number.")
def read(code: str, file: str, number: str, postcode: str) -> None:
    """What the tracker makes of a carrier's raw answer in FILE (- for stdin): one event a line, as JSON."""
    carrier = _carrier(code)
    try:
        found = understand(
            carrier, 200 if (body := _body(file)) else 204, body, [Wanted(number.strip(), postcode)], strict_json.loads
        )
    except CarrierError as error:
        raise Mistake(str(error)) from None
    lines = _lines(found)
    for line in lines:
        click.echo(line)
    for fault in found.faults.values():
        click.echo(fault, err=True)
    if found.faults and not lines:
        sys.exit(Mistake.exit_code)


def _lines(found: Reading) -> list[str]:
    """The events as JSON.  One that keeps the parcel's stage is given the last one before it."""
    lines = []
    for events in found.events.values():
        stage = Stage.UNKNOWN
        for event in events:
            stage = event.stage or stage
            lines.append(_json(event.as_json(stage)))
    return lines


@carriers.command()
@click.argument("code")
@click.option("--unmapped", "only_unmapped", is_flag=True, help="The codes that came and that no table knows.")
def codes(code: str, only_unmapped: bool) -> None:
    """The code table of a carrier, or the codes missing from it: one JSON object a line."""
    carrier = _carrier(code)
    if only_unmapped:
        return _echo_unmapped(carrier)
    for raw, means in carrier.codes.rows.items():
        click.echo(_json({"code": raw, **means._asdict(), "mapping_version": carrier.codes.version}))
    return None


def _echo_unmapped(carrier: Carrier) -> None:
    store = Store(Config.from_env().database_url, clock.now)
    try:
        with store.read() as session:
            found = unmapped.of(session, carrier.code)
    finally:
        store.close()
    for one in found:
        click.echo(_json({**one._asdict(), "last_at": one.last_at.isoformat()}))


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


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
