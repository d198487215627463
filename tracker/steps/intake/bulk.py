"""Many shipments from one file: what is right is taken in, what is wrong is told row by row."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy.orm import Session

from tracker.steps import Tools
from tracker.steps.intake.new import FIELDS, NewShipment, Wrong, read
from tracker.steps.intake.registering import enter
from tracker.steps.intake.sheet import BadRow, Lines, Report, Row, Sheet
from tracker.store.audit import Actor

BATCH: Final = 500
"""Rows a transaction."""
CERTAIN: Final[Mapping[str, re.Pattern[str]]] = {
    "dhl_unified": re.compile(r"J?JD[0-9]{16,20}"),
    "seur": re.compile(r"[0-9]{13}20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"),
}
"""Numbers that only one carrier gives: DHL's piece ids, SEUR's shipment codes of 21 digits that end in a date."""
DECIMALS: Final = ("amount", "declared_value", "weight_kg")


def import_shipments(
    tools: Tools,
    now: datetime,
    lines: Lines,
    actor: Actor,
    *,
    dry_run: bool = False,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Take in the shipments of a CSV file, 500 a transaction; rows that were taken in before change nothing.

    Good rows are taken in even where others are refused; a dry run looks and writes nothing. Raises Refused when the
    file as a whole cannot be read.
    """
    sheet = Sheet(lines, FIELDS, required=("number",))
    file = _File(tools, now, actor, decimal_comma=sheet.delimiter == ";", report=Report(ignored=sheet.ignored))
    for batch in _batches(sheet.rows()):
        with tools.store.begin() as session:
            for row in batch:
                file.take(session, row)
            if dry_run:
                session.rollback()
            else:
                file.seen.clear()
        if progress is not None:
            progress(file.report)
    return file.report


def _batches(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


@dataclass
class _File:
    """One file on its way in.  `seen` is what a dry run took back with its batch and must remember by itself."""

    tools: Tools
    now: datetime
    actor: Actor
    decimal_comma: bool
    report: Report
    seen: set[tuple[str, str]] = field(default_factory=set)

    def take(self, session: Session, row: Row | BadRow) -> None:
        """Take in one row, or note why not."""
        if isinstance(row, BadRow):
            self.report.refused.append(row)
            return
        try:
            new = self._new(row.values)
            _, fresh = enter(session, self.tools, self.now, new, self.actor)
        except Wrong as wrong:
            self.report.refused.append(BadRow(row.line, wrong.field, str(wrong)))
            return
        parcel = (new.carrier, new.number)
        fresh = fresh and parcel not in self.seen
        self.seen.add(parcel)
        self.report.added += fresh
        self.report.known += not fresh

    def _new(self, values: dict[str, str]) -> NewShipment:
        if self.decimal_comma:
            values = values | {name: values[name].replace(",", ".") for name in DECIMALS if name in values}
        if not values.get("carrier") and values.get("number"):
            values = values | {"carrier": carrier_of(values["number"], self.tools)}
        return read(values)


def carrier_of(number: str, tools: Tools) -> str:
    """The carrier whose parcel it certainly is.  Raises Wrong when the number does not tell."""
    fits = [code for code, pattern in CERTAIN.items() if pattern.fullmatch(number)]
    if len(fits) == 1:
        return fits[0]
    if len(tools.accounts) == 1:
        return next(iter(tools.accounts))
    raise Wrong("carrier", f"is missing and cannot be told from the number {number[:64]}")
