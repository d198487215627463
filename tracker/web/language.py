"""The reader's language and clock on pages: which locale, its words, and how an instant is written."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_currency, get_currency_precision
from flask import Flask, g, has_request_context, request

from tracker.outside.postcodes import postcode_zone
from tracker.web.db import tools

LOCALES: Final = ("es", "en")
MINUTE: Final = "EEE d MMM, HH:mm"
DAY: Final = "EEE d MMM"


def speak(locale: str) -> None:
    """Answer this request in `locale`, where we speak it."""
    if locale[:2] in LOCALES:
        g.locale = locale[:2]


def locale() -> str:
    """The language of this answer: the one of the person we know, else the browser's, else the merchant's."""
    if not has_request_context():
        return tools().locale
    if request.path.startswith("/api/"):
        return "en"
    return str(g.get("locale") or request.accept_languages.best_match(LOCALES) or tools().locale)


def gettext(message: str, **values: object) -> str:
    """The English `message` in the reader's language, with %(name)s filled in."""
    told = tools().words.translations(locale()).gettext(message)
    return told % values if values else told


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """The right one of two English messages for `n`, in the reader's language."""
    return tools().words.translations(locale()).ngettext(one, many, n) % {"n": n, **values}


def noted(message: str) -> str:
    """Mark a message that stands in a table, so that it is found for the catalog; it is translated when shown."""
    return message


def when(at: datetime, zone: str) -> str:
    """An instant as the clocks of `zone` show it, in the reader's words: Wed 25 Nov, 18:00."""
    return str(format_datetime(at, MINUTE, tzinfo=ZoneInfo(zone), locale=locale()))


def day(at: datetime, zone: str) -> str:
    """The day of an instant in `zone`, in the reader's words: Wed 25 Nov."""
    return str(format_datetime(at, DAY, tzinfo=ZoneInfo(zone), locale=locale()))


def money(minor: int, currency: str) -> str:
    """An amount in minor units in the reader's way of writing."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale=locale()))


def zone_of(country: str, postcode: str) -> str:
    """The zone of a parcel's destination; the merchant's for a country that is not known."""
    return postcode_zone(country, postcode) or tools().zone


def register(app: Flask) -> None:
    """Give the templates their words."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        _template_gettext, _template_ngettext, newstyle=True
    )
    app.jinja_env.globals["locale"] = locale
    app.jinja_env.filters.update(when=when, day=day, money=money)


def _template_gettext(message: str) -> str:
    return str(tools().words.translations(locale()).gettext(message))


def _template_ngettext(one: str, many: str, n: int) -> str:
    return str(tools().words.translations(locale()).ngettext(one, many, n))
