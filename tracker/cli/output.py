"""Answers on stdout: one JSON object a line, or columns that line up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click


def stamp(at: datetime | None, zone: str) -> str | None:
    """An instant in a zone, with its offset."""
    return at.astimezone(ZoneInfo(zone)).isoformat() if at is not None else None


def lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, as soon as each is known."""
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows under the names of their columns, lined up; what is not known is left blank."""
    cells = [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
