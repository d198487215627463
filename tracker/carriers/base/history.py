"""One parcel's history as it is gathered out of an answer: each event once, oldest first, unreadable ones counted."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tracker.carriers.base.answers import instant, words
from tracker.carriers.base.codes import Codes, Meaning
from tracker.carriers.base.shape import Entry, Reading
from tracker.domain.events import Event, Source

Fields = Callable[[Entry], tuple[object, object, object, object]]
"""How one entry of an answer is taken apart: code, time, text and place, as they come."""


# Plain tuples: making one is the cheapest thing that can be done with a scan, and there are fifteen in each answer.
_Told = tuple[datetime, str, bool, str, str, str, str, Meaning]


_remembered = lru_cache(maxsize=1 << 12)(words)


def again(value: object, limit: int) -> str:
    """What `words` makes of a code, a text or a place: remembered, for the same ones come again and again."""
    return _remembered(value, limit) if type(value) is str else words(value, limit)


class History:
    """What one or several entries of an answer tell of one parcel.

    An event that is told twice, whatever the words, counts once: code, time and place as told are its key. `depot`
    is the parcel's, until a code names the place where it is.
    """

    def __init__(self, name: str, number: str, codes: Codes, zone: ZoneInfo) -> None:
        self.name, self.number, self.codes, self.zone = name, number, codes, zone
        self.depot: str | None = None
        self.unread = 0
        self._told: dict[str, _Told] = {}

    def add(self, told: object, fields: Fields) -> None:
        """Take in a list of entries, or a single one; what cannot be read is counted and harms nothing else."""
        for entry in told if isinstance(told, list) else [told]:
            try:
                self._take(*fields(entry if type(entry) is dict else _object(entry)))
            except ValueError:
                self.unread += 1

    def _take(self, code: object, time: object, text: object, place: object) -> None:
        raw_code, raw_time, raw_place = again(code, 64), words(time, 40), again(place, 120) if place else ""
        at, known = instant(raw_time, self.zone)
        written, means = self.codes.look_up(raw_code)
        key = f"{written}\x1f{raw_time}\x1f{raw_place}"
        if key not in self._told:
            self._told[key] = (at, key, known, raw_code, again(text, 300), raw_time, raw_place, means)

    def events(self) -> Iterator[Event]:
        """Oldest first.  Where an event names no place, the parcel is where it last was."""
        place, depot, version = None, self.depot, self.codes.version
        for at, key, known, code, text, time, raw_place, means in sorted(self._told.values()):
            place, depot = raw_place or means.place or place, means.depot or depot
            stage, exception, direction, handover_to, recovery, solution = means[:6]
            # Event(…) would be called through a function of Python's own: this is what that function does.
            yield tuple.__new__(Event, (
                self.number, at, known, code, text, time, stage, exception, direction, handover_to, place, depot,
                Source.POLL, None, recovery, solution, key, version,
            ))  # fmt: skip


def _object(entry: object) -> Entry:
    if isinstance(entry, dict):
        return entry
    raise ValueError("an entry is an object")


def reading(histories: Iterable[History]) -> Reading:
    """The histories of an answer, by number, each with a sentence for what could not be read."""
    known = {history.number: history for history in histories}
    faults = {number: _fault(history) for number, history in known.items() if history.unread}
    return Reading({number: list(history.events()) for number, history in known.items()}, faults)


def _fault(history: History) -> str:
    events = "an event" if history.unread == 1 else f"{history.unread} events"
    return f"{history.name} sent {events} of {history.number or 'a parcel'} that cannot be read."
