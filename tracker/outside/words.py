"""Notices become text: templates, the reader's language, dates in the reader's zone."""

import gettext
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from tracker.domain.money import text

LOCALES: Final = ("es", "en")
HERE: Final = Path(__file__).resolve().parent.parent
TEMPLATES: Final = HERE.parent / "templates"
CATALOGS: Final = HERE / "translations"


class Rendered(NamedTuple):
    """A notice in words."""

    subject: str
    text: str


class Words:
    """The templates of notices in every language; the first line of a template is its subject."""

    def __init__(self, templates: Path = TEMPLATES, catalogs: Path = CATALOGS):
        self._catalogs = catalogs
        self._environments = {locale: self._environment(templates, locale) for locale in LOCALES}

    def render(self, topic: str, locale: str, facts: Mapping[str, Any]) -> Rendered:
        """The notice of that topic, from facts; `facts["zone"]` is the reader's time zone."""
        said = self._environments[known(locale)].get_template(f"mail/{topic}.txt").render(facts, locale=known(locale))
        subject, _, text = said.partition("\n")
        return Rendered(_one_line(subject), text.strip() + "\n")

    def translations(self, locale: str) -> gettext.NullTranslations:
        """The words of a language, for pages."""
        return catalog(self._catalogs, known(locale))

    def _environment(self, templates: Path, locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(templates),
            extensions=["jinja2.ext.i18n"],
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701 - plain text mails: there is nothing to escape
        )
        environment.install_gettext_translations(  # type: ignore[attr-defined]  # added by the extension
            catalog(self._catalogs, locale), newstyle=True
        )
        environment.filters.update(moment=moment, day=day, money=money)
        return environment


def _one_line(said: str) -> str:
    """Without whatever a carrier's or customer's text could break a subject with."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())


def known(locale: str) -> str:
    """The language that we speak nearest to a locale."""
    return locale[:2] if locale[:2] in LOCALES else LOCALES[-1]


@lru_cache
def catalog(folder: Path, locale: str) -> gettext.NullTranslations:
    """A language's catalog, compiled in memory from its .po file; English speaks for itself."""
    path = folder / locale / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return gettext.NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=locale))
    compiled.seek(0)
    return Translations(compiled)


@pass_context
def moment(context: Context, at: datetime | str) -> str:
    """Day and time in the reader's zone and language: mié 11 nov, 14:00."""
    return _written(context, at, "EEE d MMM, HH:mm")


@pass_context
def day(context: Context, at: datetime | str) -> str:
    """The day in the reader's zone and language: miércoles 11 de noviembre."""
    return _written(context, at, "EEEE d MMMM" if context["locale"] == "en" else "EEEE d 'de' MMMM")


def _written(context: Context, at: datetime | str, pattern: str) -> str:
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return str(format_datetime(instant, pattern, tzinfo=ZoneInfo(context["zone"]), locale=context["locale"]))


@pass_context
def money(context: Context, minor: int, currency: str) -> str:
    """Minor units in the reader's way of writing an amount."""
    return str(format_currency(Decimal(text(minor, currency)), currency, locale=context["locale"]))
