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


@lru_cache(maxsize=1 << 15)
def instant(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """The aware instant of an ISO 8601 text, and whether the text told its zone; otherwise `zone` is assumed.

    The result carries a fixed offset, so that instants compare truly across a change of the clocks. Of a time that
    happens twice the first is meant. Raises ValueError for anything else and for years that mean "no date". Remembered,
    because an answer with one new scan tells the fourteen old ones again.
    """
    at = datetime.fromisoformat(text)
    year, month, day, hour = at.year, at.month, at.day, at.hour
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"{text} is no date of a parcel")
    if at.tzinfo is not None:
        return at, True
    # datetime.replace would cost twice as much as making the instant anew.
    offset = _offset(zone, year, month, day, hour)
    return datetime(year, month, day, hour, at.minute, at.second, at.microsecond, offset), False


@lru_cache(maxsize=1 << 13)
def _offset(zone: ZoneInfo, year: int, month: int, day: int, hour: int) -> timezone:
    return timezone(datetime(year, month, day, hour, tzinfo=zone).utcoffset() or timedelta())


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
