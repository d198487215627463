"""Code tables: what each of a carrier's codes means, read from a data file and checked when the program starts."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tracker.domain.events import Direction, ExceptionCode, Stage

HANDOVERS: Final = frozenset({"addressee", "neighbour", "pickup_point", "locker", "broker"})
"""To whom a parcel can be handed; only the addressee, or a neighbour who may, ends its road."""
FLAGS: Final = frozenset({"recovery", "solution"})


class Meaning(NamedTuple):
    """What one code means; `place` and `depot` are set for codes that name a place, `reason` where it is doubtful."""

    stage: Stage | None
    exception: ExceptionCode
    direction: Direction = Direction.OUTBOUND
    handover_to: str | None = None
    recovery: bool = False
    solution: bool = False
    place: str | None = None
    depot: str | None = None
    text: str = ""
    reason: str = ""


UNMAPPED: Final = Meaning(None, ExceptionCode.UNMAPPED)


@dataclass(frozen=True)
class Codes:
    """A carrier's code table. `version` rises with every change, so that old events can be read again.

    `written` turns any way in which the carrier writes a code into one.
    """

    rows: Mapping[str, Meaning]
    version: int
    written: Callable[[str], str] = str

    def look_up(self, raw: str) -> tuple[str, Meaning]:
        """The code in its one form, and its meaning: UNMAPPED for one never seen, never a guess."""
        code = self.written(raw)
        return code, self.rows.get(code, UNMAPPED)


def load(path: Path, version: int, written: Callable[[str], str] = str) -> Codes:
    """The table in a CSV file of code,stage,exception,direction,handover_to,flags,place,depot,text,reason.

    Empty cells mean: keep the stage, no exception, outbound. Raises ValueError that names the file and the code when
    a value is not one of ours: a table and the words it is written in must not drift apart.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = dict(_meanings(path.name, csv.DictReader(lines)))
    return Codes(rows, version, written)


def _meanings(name: str, rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, Meaning]]:
    seen: set[str] = set()
    for row in rows:
        code = row["code"]
        if not code or code in seen:
            raise ValueError(f"{name}: code {code!r} is empty or stands twice")
        seen.add(code)
        try:
            yield code, _meaning(row)
        except ValueError as error:
            raise ValueError(f"{name}: code {code}: {error}") from None


def _meaning(row: Mapping[str, str]) -> Meaning:
    flags = set(row["flags"].split())
    if unknown := sorted((flags - FLAGS) | ({row["handover_to"] or "addressee"} - HANDOVERS)):
        raise ValueError(f"{', '.join(unknown)} is not a word of ours")
    exception = ExceptionCode(row["exception"] or "none")
    if exception is ExceptionCode.UNMAPPED:
        raise ValueError("a code in the table is not unmapped")
    return Meaning(
        stage=Stage(row["stage"]) if row["stage"] else None,
        exception=exception,
        direction=Direction(row["direction"] or "outbound"),
        handover_to=row["handover_to"] or None,
        recovery="recovery" in flags,
        solution="solution" in flags,
        place=row["place"] or None,
        depot=row["depot"] or None,
        text=row["text"],
        reason=row["reason"],
    )
