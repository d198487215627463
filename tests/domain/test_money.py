"""Money: exact, strict, with the decimals of its currency."""

import pytest

from tracker.domain.money import BadMoney, minor, text

GOOD = {
    "cents": ("180.00", "EUR", 18000, "180.00"),
    "one decimal": ("9.5", "EUR", 950, "9.50"),
    "none": ("180", "EUR", 18000, "180.00"),
    "a currency without decimals": ("1200", "JPY", 1200, "1200"),
    "a currency with three": ("1.234", "KWD", 1234, "1.234"),
    "zeros beyond the decimals": ("1.500", "EUR", 150, "1.50"),
}
BAD = {
    "nothing": ("0.00", "EUR", "more than zero"),
    "less than nothing": ("-1", "EUR", "such as 180.00"),
    "a power": ("1e9", "EUR", "such as 180.00"),
    "other digits": ("１８０", "EUR", "such as 180.00"),
    "a comma": ("180,00", "EUR", "such as 180.00"),
    "half a cent": ("0.005", "EUR", "2 decimals of EUR"),
    "sen": ("1.5", "JPY", "0 decimals of JPY"),
    "more than there is": ("999999999999999", "EUR", "too large"),
    "no currency": ("1.00", "EURO", "currency code"),
}


@pytest.mark.parametrize(("amount", "currency", "units", "written"), GOOD.values(), ids=GOOD)
def test_an_amount_is_read_and_written_exactly(amount, currency, units, written):
    assert minor(amount, currency) == units
    assert text(units, currency) == written


@pytest.mark.parametrize(("amount", "currency", "why"), BAD.values(), ids=BAD)
def test_anything_else_is_refused_with_the_reason(amount, currency, why):
    with pytest.raises(BadMoney, match=why):
        minor(amount, currency)
