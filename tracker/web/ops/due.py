"""How a due time is told: how far away or how late, and on which day and at which hour."""

from datetime import datetime
from typing import NamedTuple

from babel.dates import format_timedelta

from tracker.web.db import tools
from tracker.web.language import gettext as _
from tracker.web.language import locale, when


class Due(NamedTuple):
    """A due time in words; `late` says that it has passed."""

    at: datetime
    far: str
    told: str
    late: bool


def due(at: datetime, now: datetime) -> Due:
    """How `at` stands to `now`, in the reader's words and the merchant's zone."""
    late = at <= now
    span = format_timedelta(abs(at - now), granularity="minute", threshold=1, locale=locale())
    far = _("%(span)s late", span=span) if late else _("in %(span)s", span=span)
    return Due(at, far, when(at, tools().zone), late)
