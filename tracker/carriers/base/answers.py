"""What all answers have in common: odd values, times without a zone, several parcels under one number."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple
from unicodedata import combining, normalize
from zoneinfo import ZoneInfo

from tracker.carriers.base.shape import Entry, OtherParcel, Wanted

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2199
"""Anything outside is a carrier's way of writing "no date" (0001-01-01, 9999-12-31)."""
LOCAL: Final = frozenset(map(len, ("2026-11-10T07:40", "2026-11-10T07:40:00", "2026-11-10T07:40:00.000")))
"""How long a time without a zone is written."""


class Candidate(NamedTuple):
    """One parcel of an answer: the numbers by which it is known, and where it goes."""

    entry: Entry
    numbers: Sequence[str] = ()
    postcode: str = ""
    town: str = ""


def words(value: object, limit: int) -> str:
    """A text or whole number of an answer as trimmed text of at most `limit` characters that every database can store.

    Anything else is the empty text. NUL and lone surrogates, which PostgreSQL and UTF-8 refuse, become "�".
    """
    if not isinstance(value, str):
        return f"{value:d}"[:limit] if type(value) is int and value.bit_length() < 256 else ""
    text = value.strip()
    if not text.isprintable():
        text = text.replace("\x00", "�").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text[:limit]


def instant(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """The aware instant of an ISO 8601 text, and whether the text told its zone; otherwise `zone` is assumed.

    The result carries a fixed offset, so that instants compare truly across a change of the clocks. Of a time that
    happens twice the first is meant. Raises ValueError for anything else and for years that mean "no date".
    """
    at, known = _with_zone(text, zone)
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{text} is no date of a parcel")
    return at, known


def _with_zone(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Reading the text with its offset written behind it costs a fourth of what datetime.replace does."""
    if len(text) in LOCAL:
        try:
            return datetime.fromisoformat(text + _written_offset(zone, text[:13])), False
        except ValueError:
            pass  # a zone is told after all, or it is no time: read plainly below
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=_offset(zone, text)), False) if at.tzinfo is None else (at, True)


@lru_cache(maxsize=1 << 14)
def _written_offset(zone: ZoneInfo, hour: str) -> str:
    return str(_offset(zone, hour)).removeprefix("UTC") or "+00:00"


def _offset(zone: ZoneInfo, hour: str) -> timezone:
    return timezone(datetime.fromisoformat(hour).replace(tzinfo=zone).utcoffset() or timedelta())


def plain(text: str) -> str:
    """A code, number, postcode or town without what people write differently: case, accents, signs, leading zeros."""
    letters = (sign for sign in normalize("NFKD", text.casefold()) if not combining(sign))
    return "".join(filter(str.isalnum, letters)).lstrip("0")


def same(one: str, other: str) -> bool:
    """Whether two postcodes are the same; a Portuguese one may lack its last three digits (1000-205, 1000)."""
    if one == other:
        return True
    short, long = sorted((plain(one), plain(other)), key=len)
    return short == long or (len(short) == 4 and len(long) == 7 and long.isdigit() and long.startswith(short))


def pick(name: str, wanted: Wanted, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those of an answer's parcels that are the one wanted: by number, then by postcode, else by town.

    Other customers' parcels under the same reference fall out. Raises OtherParcel when the whole answer is about
    another number, and when nothing on file tells several parcels apart.
    """
    found = list(candidates)
    named = [one for one in found if _named(wanted, one)]
    if found and not named:
        raise OtherParcel(f"{name} answered about another parcel than {wanted.number}.")
    if not wanted.postcode and not wanted.town:
        if wanted.number and len({plain(one.postcode) for one in named}) > 1:
            raise OtherParcel(
                f"{name} knows several parcels as {wanted.number}: a postcode is needed to tell them apart."
            )
        return named
    if ours := [one for one in named if _goes_there(wanted, one)]:
        return ours
    nowhere = [one for one in named if not one.postcode]
    if len(nowhere) > 1:
        raise OtherParcel(f"{name} knows several parcels as {wanted.number} and does not say where they go.")
    return nowhere


def _named(wanted: Wanted, one: Candidate) -> bool:
    if not wanted.number or not one.numbers or wanted.number in one.numbers:
        return True
    return plain(wanted.number) in map(plain, one.numbers)


def _goes_there(wanted: Wanted, one: Candidate) -> bool:
    if wanted.postcode and one.postcode:
        return same(wanted.postcode, one.postcode)
    return bool(wanted.town and one.town) and plain(wanted.town) == plain(one.town)
