"""What a new shipment must look like: the one validator of the API, the command line and files."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from tracker.carriers import CARRIERS
from tracker.domain import money
from tracker.domain.refusals import Refused

YEARS: Final = range(2000, 2101)
FIVE_DIGITS: Final = frozenset({"DE", "ES", "FR", "IT"})
"""Countries whose postcodes have five digits; one of four has lost its leading zero in a spreadsheet."""
HEAVIEST: Final = Decimal(100_000)


class Wrong(Refused):
    """A field cannot be taken; the message is a sentence that begins with the field's name."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field


@dataclass(frozen=True, kw_only=True)
class NewShipment:
    """A shipment to be followed, checked: money in minor units, instants in UTC, None or empty for what is not known.

    `number` is kept as it was typed, without the spaces around it.
    """

    carrier: str
    number: str
    postcode: str = ""
    country: str = "ES"
    order_number: str = ""
    channel: str = "shop"
    paid_minor: int | None = None
    currency: str = "EUR"
    customer_name: str | None = None
    customer_email: str | None = None
    customer_phone: str | None = None
    customer_locale: str | None = None
    weight_g: int | None = None
    value_minor: int | None = None
    promised_at: datetime | None = None
    marketplace_eta: datetime | None = None
    depot: str | None = None


def code(field: str, text: str, limit: int) -> str:
    """A trimmed text in which nothing is invisible.  Raises Wrong."""
    if len(text) > limit:
        raise Wrong(field, f"is longer than {limit} characters")
    if not text.isprintable():
        raise Wrong(field, "holds characters that cannot be seen")
    return text


def line(field: str, text: str, limit: int) -> str:
    """Free text on one line: what cannot be seen becomes a space.  Raises Wrong when it is too long."""
    return code(field, " ".join("".join(sign if sign.isprintable() else " " for sign in text).split()), limit)


def email(field: str, text: str) -> str:
    """A mail address, its domain in lower case; nobody is asked whether it exists.  Raises Wrong."""
    try:
        # Reserved .test addresses are let in: they are what people try an installation with.
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Wrong(field, f"is no mail address: {str(error).rstrip('.')}") from None


def language(field: str, text: str) -> str:
    """The language of a locale such as es, es-ES or es_ES, in lower case.  Raises Wrong."""
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", text):
        raise Wrong(field, f"must be a language such as es, not {text[:20]!r}")
    return re.split("[-_]", text)[0].lower()


def instant(field: str, text: str) -> datetime:
    """An instant with its zone, such as 2026-11-18T08:12:00+01:00, in UTC.  Raises Wrong."""
    expected = "must be an instant with its zone such as 2026-11-18T08:12:00+01:00"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(field, f"{expected}, not {text[:40]!r}") from None
    if at.tzinfo is None:
        raise Wrong(field, f"{expected}: {text[:40]!r} has no zone")
    if at.year not in YEARS:
        raise Wrong(field, f"lies in the year {at.year}")
    return at.astimezone(UTC)


def country(field: str, text: str) -> str:
    """A country's two letters in capitals.  Raises Wrong."""
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise Wrong(field, f"must be the two letters of a country such as ES, not {text[:20]!r}")
    return text.upper()


def carrier(field: str, text: str) -> str:
    """The code of a carrier that the program knows, in any case.  Raises Wrong."""
    if text.lower() not in CARRIERS:
        raise Wrong(field, f"must be one of {', '.join(sorted(CARRIERS))}, not {text[:32]!r}")
    return text.lower()


def _postcode(field: str, text: str) -> str:
    return code(field, normalize("NFKC", text).strip().upper(), 16)


def _grams(field: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or not 0 < Decimal(text) <= HEAVIEST:
        raise Wrong(field, f"must be kilograms above 0 such as 30.5, not {text[:20]!r}")
    return round(Decimal(text) * 1000)


def _upper(field: str, text: str) -> str:
    return code(field, text.upper(), 8)


def _upto(limit: int, reader: Callable[[str, str, int], str] = code) -> Callable[[str, str], str]:
    return lambda field, text: reader(field, text, limit)


_READERS: Final[Mapping[str, tuple[str, Callable[[str, str], Any]]]] = {
    "number": ("number", _upto(64)),
    "carrier": ("carrier", carrier),
    "postcode": ("postcode", _postcode),
    "country": ("country", country),
    "order_number": ("order_number", _upto(64)),
    "channel": ("channel", _upto(64, line)),
    "amount": ("paid_minor", _upto(20)),
    "currency": ("currency", _upper),
    "customer_name": ("customer_name", _upto(200, line)),
    "customer_email": ("customer_email", email),
    "customer_phone": ("customer_phone", _upto(32)),
    "customer_locale": ("customer_locale", language),
    "weight_kg": ("weight_g", _grams),
    "declared_value": ("value_minor", _upto(20)),
    "promised_at": ("promised_at", instant),
    "marketplace_eta": ("marketplace_eta", instant),
    "depot": ("depot", _upto(32)),
}
FIELDS: Final = tuple(_READERS)
"""The names under which a shipment's values come in, wherever they come from."""
_AMOUNTS: Final = {"amount": "paid_minor", "declared_value": "value_minor"}


def read(values: Mapping[str, str | None]) -> NewShipment:
    """The shipment that the texts under the names of FIELDS describe; an empty text counts as not given.

    Raises Wrong for the first field that cannot be taken.
    """
    given = {name: text.strip() for name, text in values.items() if text is not None and text.strip()}
    for name in values.keys() - _READERS.keys():
        raise Wrong(name, "is no field of a shipment")
    for name in ("number", "carrier"):
        if name not in given:
            raise Wrong(name, "is missing")
    found = {_READERS[name][0]: _READERS[name][1](name, text) for name, text in given.items()}
    for name in _AMOUNTS.keys() & given.keys():
        found[_AMOUNTS[name]] = amount(name, given[name], found.get("currency", "EUR"))
    new = NewShipment(**found)
    _check_pairs(new)
    return new


def amount(field: str, text: str, currency: str) -> int:
    """An amount such as 180.00 in the minor units of its currency.  Raises Wrong."""
    try:
        money.decimals(currency)
    except money.BadMoney as error:
        raise Wrong("currency", str(error)) from None
    try:
        return money.minor(text, currency)
    except money.BadMoney as error:
        raise Wrong(field, str(error)) from None


def _check_pairs(new: NewShipment) -> None:
    if new.country in FIVE_DIGITS and re.fullmatch("[0-9]{4}", new.postcode):
        raise Wrong(
            "postcode", f"{new.postcode} has lost a digit: those of {new.country} have five, zeros in front too"
        )
    try:
        money.decimals(new.currency)
    except money.BadMoney as error:
        raise Wrong("currency", str(error)) from None
