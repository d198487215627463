"""Money in integer minor units of its currency: reading an amount strictly and writing it back."""

import re
from decimal import Decimal
from typing import Final

_CURRENCIES = """
AED ALL AMD ARS AUD AZN BAM BDT BGN BHD BOB BRL BYN CAD CHF CLP CNY COP CRC CZK DKK DOP DZD EGP EUR GBP GEL GTQ HKD HNL
HUF IDR ILS INR IQD ISK JOD JPY KES KRW KWD KZT LBP LKR LYD MAD MDL MKD MXN MYR NGN NIO NOK NZD OMR PAB PEN PHP PKR PLN
PYG QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VND XAF XOF ZAR
"""
CURRENCIES: Final = frozenset(_CURRENCIES.split())
"""The currencies that are taken (ISO 4217)."""
EXPONENTS: Final = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""How many decimals a currency has where that is not two (ISO 4217)."""
MOST: Final = 10**15
"""No amount is larger, in minor units: far above any parcel, far below what a column holds."""


class BadMoney(ValueError):
    """An amount or a currency that cannot be taken, in one sentence without its subject."""


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have.  Raises BadMoney for one that is not in the list."""
    if currency not in CURRENCIES:
        raise BadMoney(f"must be a currency code such as EUR, not {currency[:20]!r}")
    return EXPONENTS.get(currency, 2)


def minor(amount: str, currency: str) -> int:
    """An amount such as "180.00" in minor units.  Raises BadMoney unless it is positive and fits the currency."""
    places = decimals(currency)
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", amount):
        raise BadMoney(f"must be an amount such as 180.00, not {amount[:20]!r}")
    units = Decimal(amount).scaleb(places)
    if units != units.to_integral_value():
        raise BadMoney(f"has more than the {places} decimals of {currency}")
    if not 0 < units <= MOST:
        raise BadMoney("must be more than zero" if units <= 0 else "is too large")
    return int(units)


def text(units: int, currency: str) -> str:
    """Minor units as the exact amount with all decimals, such as "180.00": for data, not for readers."""
    return f"{Decimal(units).scaleb(-EXPONENTS.get(currency, 2)):f}"
