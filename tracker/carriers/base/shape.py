"""What a carrier is: how it is asked, how its answers are read, what can go wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tracker.carriers.base.codes import Codes
from tracker.domain.events import Event

Entry = Mapping[str, Any]
"""A JSON object of an answer: nothing in it is believed before it is looked at."""


class CarrierError(Exception):
    """A carrier's answer gave no events; the message is one sentence."""


class CarrierDown(CarrierError):
    """The carrier could not answer now: ask again later."""


class BadReply(CarrierError):
    """The answer is not what this carrier sends, or not about the parcel asked for."""


class OtherParcel(BadReply):
    """The answer is whole, but not, or not surely, about the parcel wanted: that parcel's trouble, not the feed's."""


class NotKnown(CarrierError):
    """The carrier says, inside an answer, that it does not know the number."""


class AuthRefused(CarrierError):
    """The carrier refused our credentials or token."""


class Throttled(CarrierError):
    """The carrier says that we ask too often."""


@dataclass(frozen=True)
class Ask:
    """One HTTP request, without the host: `path` is put behind the account's base URL.

    `params` go into the query, `form` into a form-encoded body, `json` into a JSON body; at most one body is set.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: object = None


@dataclass(frozen=True)
class Account:
    """The merchant's account with one carrier; `settings` are its keys, such as CLIENT_ID or API_KEY.

    An empty `base_url` means the carrier's own.
    """

    carrier: str
    base_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, key: str) -> str:
        """The value of a key, empty where it is not set."""
        return self.settings.get(key, "")


class Wanted(NamedTuple):
    """The parcel asked for, and what tells it from other parcels with the same number."""

    number: str
    postcode: str = ""
    country: str = ""
    town: str = ""


class Reading(NamedTuple):
    """What an answer says: the events by number, oldest first, and a sentence by number for what was unreadable."""

    events: Mapping[str, list[Event]] = {}
    faults: Mapping[str, str] = {}


@dataclass(frozen=True)
class Carrier:
    """One carrier as the tracker sees it; the functions ask and read, and do nothing else.

    `zone` is assumed for times without one; `batch` is how many numbers one request may carry; `auth` is "token" for
    a bearer token by `token`, or "key" for a header set by `ask`. `missing` names the settings that an account lacks.
    `read_depot` gives the depot's code that `ask_depot` asked for, or None. `facts` says where all this comes from.
    """

    code: str
    name: str
    base_url: str
    auth: str
    zone: ZoneInfo
    codes: Codes
    ask: Callable[[Sequence[Wanted], Account], Ask]
    read: Callable[[int, object, Sequence[Wanted]], Reading]
    missing: Callable[[Account], list[str]]
    limits: str
    facts: str
    batch: int = 1
    token: Callable[[Account], Ask] | None = None
    ask_depot: Callable[[Wanted, Account], Ask] | None = None
    read_depot: Callable[[int, object], str | None] | None = None


def refusal(name: str, status: int, detail: str = "") -> CarrierError:
    """The error that an HTTP status (or one told inside a body) means; `detail` is the carrier's own word."""
    said = f": {detail}" if detail else ""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AuthRefused(f"{name} refused our credentials (status {status}){said}.")
    if status == HTTPStatus.NOT_FOUND:
        return NotKnown(f"{name} does not know the number{said}.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(f"{name} says that we ask too often{said}.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CarrierDown(f"{name} could not answer (status {status}){said}.")
    return BadReply(f"{name} answered with an error{f' (status {status})' if status >= 300 else ''}{said}.")


def told_refusal(name: str, errors: object) -> CarrierError:
    """The error that an answer's own list or object of errors means: `status`, `title`, `detail` (RFC 9457)."""
    first = errors[0] if isinstance(errors, list) and errors else errors
    told = first if isinstance(first, dict) else {"detail": first}
    status, detail = str(told.get("status")), told.get("detail") or told.get("title")
    known = status.isascii() and status.isdecimal() and len(status) == 3
    return refusal(name, int(status) if known else 200, " ".join(str(detail or "").split())[:200].rstrip("."))


def answered(name: str, status: int, data: object) -> Entry | None:
    """The answer as a JSON object, or None when the status says that the number is not known.

    Raises CarrierError for a status that is an error and for anything that is not an object. A 404 without a JSON
    body is a wrong address, not an unknown number.
    """
    if status == HTTPStatus.NO_CONTENT or (status == HTTPStatus.NOT_FOUND and isinstance(data, dict)):
        return None
    if status == HTTPStatus.NOT_FOUND:
        raise BadReply(f"{name} has nothing at the address asked for: the base URL is probably wrong.")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(name, status)
    if not isinstance(data, dict):
        sent = "no body" if data is None else "a list" if isinstance(data, list) else "a single value"
        raise BadReply(f"{name} sent {sent} where a whole answer, an object, was expected.")
    return data


def understand(
    carrier: Carrier, status: int, body: bytes, wanted: Sequence[Wanted], loads: Callable[[bytes], object]
) -> Reading:
    """What an answer says about the parcels wanted; `loads` is the strict JSON reader, whose error is a ValueError.

    Raises CarrierError, one sentence, when the answer says nothing about any of them; an answer about somebody else's
    parcel is a fault of the number wanted, and no error of the carrier.
    """
    try:
        data = loads(body) if body.strip() else None
    except ValueError as error:
        if status < HTTPStatus.BAD_REQUEST:
            raise BadReply(f"{carrier.name} sent a body that is not JSON: {error}") from None
        data = None
    try:
        return carrier.read(status, data, wanted)
    except OtherParcel as error:
        return Reading(faults={one.number: str(error) for one in wanted})
