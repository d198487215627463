"""How a due time is told: how far away or how late, and on which day and at which hour."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from babel.dates import format_timedelta

from tracker.web.db import tools
from tracker.web.language import gettext as _
from tracker.web.language import locale, when

MINUTE: Final = timedelta(minutes=1)


class Due(NamedTuple):
    """A due time in words; `late` says that it has passed."""

    at: datetime
    far: str
    told: str
    late: bool


def due(at: datetime, now: datetime) -> Due:
    """How `at` stands to `now`, in the reader's words and the merchant's zone."""
    late = at <= now
    span = _span(abs(at - now) // MINUTE, locale())
    far = _("%(span)s late", span=span) if late else _("in %(span)s", span=span)
    return Due(at, far, when(at, tools().zone), late)


@lru_cache(maxsize=1 << 12)
def _span(minutes: int, language: str) -> str:
    return str(format_timedelta(minutes * MINUTE, granularity="minute", threshold=1, locale=language))
