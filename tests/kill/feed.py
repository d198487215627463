"""What SEUR says of the parcel that walks the whole road, on a local socket in its own wire format."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.kill.parcel import on
from tracker.simulator.scenarios import stage
from tracker.simulator.truth import Book, Parcel, Scan
from tracker.simulator.wire import seur
from tracker.simulator.wire.server import serving


class EveryNumber(Book):
    """A book in which every number is the same desk on its way to Badajoz."""

    def __init__(self) -> None:
        super().__init__()
        self._desk = stage.desk(on(15, 10))
        self._desk.add(Scan(on(18, 19, 40), "LK560", "Siniestro", "BADAJOZ", "06"))

    def find(self, carrier: str, number: str) -> Parcel | None:
        return replace(self._desk, carrier=carrier, number=number)


@contextmanager
def open_carrier(folder: Path) -> Iterator[str]:
    """SEUR's servers, running at the time that stands in the folder; gives their base URL."""

    def clock() -> datetime:
        return datetime.fromisoformat(json.loads((folder / "clock").read_text())[1])

    with serving({"seur": seur.Seur(EveryNumber(), clock)}) as url:
        yield f"{url}/seur"
