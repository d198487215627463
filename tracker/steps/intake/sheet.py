"""CSV files as people have them: columns by name in any order, comma, semicolon or tab, UTF-8 with or without BOM."""

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

from tracker.domain.refusals import Refused

Lines = Iterable[bytes | str]
DELIMITERS: Final = ",;\t"
POWER: Final = re.compile(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)


class BadRow(NamedTuple):
    """A row that was not taken: its line in the file, the column and the reason, both in the sentence."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        """One sentence."""
        return f"line {self.line}: {self.reason}"


class Row(NamedTuple):
    """A row's values by column, and the line that it begins on."""

    line: int
    values: dict[str, str]


@dataclass
class Report:
    """What became of a file: how many rows were new, known already, changed; which were refused; columns not read."""

    added: int = 0
    known: int = 0
    refused: list[BadRow] = field(default_factory=list)
    ignored: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows have been looked at."""
        return self.added + self.known + len(self.refused)


class Sheet:
    """The rows of a CSV file, read as they are asked for.

    Raises Refused when the header cannot be used or a line is not UTF-8.
    """

    def __init__(self, lines: Lines, columns: Collection[str], required: Collection[str]) -> None:
        texts = _texts(lines)
        header = next((text for text in texts if text.strip()), "")
        self._columns = columns
        self.delimiter = max(DELIMITERS, key=header.count)
        self._reader = csv.reader(chain([header], texts), delimiter=self.delimiter, strict=True)
        self.header = [name.strip().lower() for name in self._cells() or []]
        self.ignored = tuple(name for name in self.header if name and name not in columns)
        for name in required:
            if name not in self.header:
                raise Refused(f"the first line must name the columns, and {name} is not among them")
        for name in columns:
            if self.header.count(name) > 1:
                raise Refused(f"the column {name} stands twice in the first line")

    def _cells(self) -> list[str] | None:
        return next(self._reader, None)

    def rows(self) -> Iterator[Row | BadRow]:
        """Every row that is not empty; BadRow for one that cannot be taken apart."""
        while True:
            line = self._reader.line_num + 1
            try:
                cells = self._cells()
            except csv.Error as error:
                yield BadRow(line, "", f"the row cannot be read ({error})")
                continue
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row | BadRow:
        if len(cells) != len(self.header):
            return BadRow(line, "", f"the row has {len(cells)} cells where the first line has {len(self.header)}")
        named = {name: cell.strip() for name, cell in zip(self.header, cells, strict=True) if name in self._columns}
        for name in ("number", "order_number", "postcode", "code"):
            if POWER.fullmatch(named.get(name, "")):
                return BadRow(line, name, f"{name} {named[name]} was rounded by a spreadsheet: export it as text")
        return Row(line, named)


def check_text(lines: Lines) -> int:
    """How many bytes a file has.  Raises Refused when any line is not UTF-8, before a single row is taken."""
    return sum(len(text.encode()) for text in _texts(lines))


def _texts(lines: Lines) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        text = line if isinstance(line, str) else _text(number, line)
        yield text.removeprefix("\ufeff") if number == 1 else text


def _text(number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Refused(f"line {number} is not UTF-8: save the file as CSV in UTF-8 and import it again") from None
