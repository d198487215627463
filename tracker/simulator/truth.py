"""What really happens to the parcels: the simulator's own book, which the tracker never sees."""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tracker.domain.events import ExceptionCode


@dataclass(frozen=True, order=True)
class Scan:
    """One scan.  `at` is aware; `late_known_at` is set where the carrier's feed shows it only later.

    `trouble` is what the scan says is wrong, `ends` marks a delivery or a return, `recovers` undoes earlier trouble.
    """

    at: datetime
    code: str
    text: str
    town: str = ""
    depot: str = ""
    late_known_at: datetime | None = field(default=None, compare=False)
    trouble: ExceptionCode | None = field(default=None, compare=False)
    ends: bool = False
    recovers: bool = False

    @property
    def known_at(self) -> datetime:
        """When the feed shows it: at once where nothing else is said."""
        return self.late_known_at or self.at


@dataclass
class Parcel:
    """One parcel, its recipient and every scan that it has had or will have."""

    carrier: str
    number: str
    order: str
    postcode: str
    town: str
    country: str
    depot: str
    """The code of the carrier's depot that delivers there."""
    amount_minor: int
    weight_g: int
    customer: str
    email: str
    phone: str
    locale: str
    created_at: datetime
    promised_at: datetime | None = None
    marketplace_eta: datetime | None = None
    scans: list[Scan] = field(default_factory=list)
    twin: bool = False
    """Another customer of the carrier's has a parcel with the same reference."""

    def add(self, *scans: Scan) -> None:
        """Let something happen to it, now or later."""
        for scan in scans:
            insort(self.scans, scan)

    def drop_after(self, at: datetime) -> None:
        """What was to happen after `at` does not happen any more."""
        self.scans = [scan for scan in self.scans if scan.at <= at]

    def told(self, now: datetime) -> list[Scan]:
        """What the carrier's feed shows at `now`, oldest first."""
        return [scan for scan in self.scans if scan.known_at <= now]


class Book:
    """All parcels, by carrier and number."""

    def __init__(self, parcels: Iterable[Parcel] = ()) -> None:
        """Begin with these parcels."""
        self._parcels: dict[tuple[str, str], Parcel] = {}
        for parcel in parcels:
            self.add(parcel)

    def __iter__(self) -> Iterator[Parcel]:
        """Every parcel, in the order in which it came."""
        return iter(self._parcels.values())

    def __len__(self) -> int:
        """How many parcels there are."""
        return len(self._parcels)

    def add(self, parcel: Parcel) -> Parcel:
        """Take a parcel in."""
        self._parcels[parcel.carrier, parcel.number] = parcel
        return parcel

    def find(self, carrier: str, number: str) -> Parcel | None:
        """The parcel with that number."""
        return self._parcels.get((carrier, number))
