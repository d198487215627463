"""Sentences that the rows keep in English, told in the reader's language; what people wrote stays as it is."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel.dates import get_day_names, get_month_names

from tracker.domain.hours.deadlines import MONTHS, WEEKDAYS
from tracker.domain.incidents import Cause, Kind
from tracker.domain.refunds import State as Refund
from tracker.web.db import tools
from tracker.web.language import gettext as _
from tracker.web.language import locale, noted, when
from tracker.web.ops.sayings import CAUSES, KINDS, REFUNDS, TOPICS

SENTENCES: Final = (
    noted("announced when opened"),
    noted("the customer waits"),
    noted("the customer chose the refund"),
    noted("still searching"),
    noted("agreed anew"),
    noted("the customer said yes"),
    noted("the customer said no"),
    noted("the depot answered"),
    noted("the parcel was found"),
    noted("delivered"),
    noted("resolved"),
    noted("scanned again"),
    noted("the carrier says so"),
    noted("nothing heard by the due time"),
    noted("asked, and no answer"),
    noted("not asked for by the announced time"),
    noted("the carrier waits for a solution: new attempt, address, pickup point or return"),
    noted("no address: ask the carrier yourself"),
    noted("every rung was climbed and nobody answered"),
    noted("the depot says that it called, the customer says no: decide who is right"),
    noted("the customer says that all is not well"),
    noted("delivered although reported as damaged or lost: ask the customer"),
    noted("delivered although reported as damaged or lost"),
    noted("scanned again after its refund"),
    noted("the incident was resolved"),
    noted("the parcel has arrived"),
    noted("it was announced for a later day"),
    noted("more would go back than was paid"),
    noted("no reason was given"),
    noted("the order is cash on delivery: check whether it was paid"),
    noted("the amount of this shipment is not known"),
    noted("refunds are switched off: refund this order by hand, or switch them on"),
    noted("the carrier's feed is silent, and the parcel may have arrived"),
    noted("the time of the contact needs a zone, as in 2026-11-11T11:00:00+01:00"),
    noted("a contact cannot be logged before it has taken place"),
    noted("say how the contact took place: phone, mail, portal …"),
    noted("the due time needs a zone, as in 2026-11-12T14:00:00+01:00"),
    noted("the due time lies in the past: a promise is about the future"),
    noted("a refund is announced by the incident itself: propose one, or let the customer choose"),
    noted("a refund is more than zero"),
    noted("approve the refund or cancel it: that is what this task asks for"),
    noted("refunds are switched off: nothing can be approved"),
    noted("say how you know: the provider's number, or who told you"),
)
PATTERNS: Final = (
    noted("the cause is known: %(cause)s"),
    noted("no address for the %(to)s: call them"),
    noted("look at refund %(key)s and approve it, or not"),
    noted("look at refund %(key)s and approve it"),
    noted("the refund waits: %(why)s"),
    noted("refund %(key)s was %(state)s: a person must decide on another"),
    noted("there is no refund provider %(name)s: set it up, or cancel and refund by hand"),
    noted("%(why)s. Look for %(key)s, order %(order)s, at %(where)s; first sent %(at)s"),
    noted("%(where)s says that refund %(key)s is %(said)s, but it is %(state)s here"),
    noted("%(kind)s: look at the photos or the proof of delivery"),
    noted("refund %(key)s was cancelled: %(why)s"),
    noted("refund %(key)s of order %(order)s failed: %(why)s"),
    noted("%(topic)s reached nobody (%(why)s): tell them yourself"),
    noted("the depot says: called at %(at)s"),
    noted("now asked to %(action)s"),
    noted("incident %(ref)s is resolved: reopen it before you record a promise"),
    noted("no refund for %(ref)s without an amount: %(why)s"),
    noted("no refund for %(ref)s: %(why)s"),
    noted("refund %(key)s was %(state)s: propose another one"),
    noted("refund %(key)s is not owed any more: %(why)s"),
    noted("refund %(key)s is above the limit: somebody else must approve it"),
    noted("refund %(key)s is %(state)s and was sent: it cannot be cancelled any more"),
    noted("refund %(key)s is %(state)s: there is nothing to find out"),
)
"""Sentences with places for values; the first that fits counts."""
TRACES: Final = (
    (r"end of the next working day", noted("end of the next working day")),
    (r"end of working day (\d+)", noted("end of working day %(n)s")),
    (r"1 working day", noted("1 working day")),
    (r"(\d+) working days", noted("%(n)s working days")),
    (r" from ", noted(" from ")),
    (r"\(opens ", noted("(opens ")),
    (r" closed (?=[A-Z\d])", noted(" closed ")),
    (r"(\d+) days", noted("%(n)s days")),
)
"""The words of a deadline's trace (domain/hours)."""


def retold(text: str) -> str:
    """A sentence that the program wrote, in the reader's language."""
    if not text:
        return ""
    if (told := _(text)) != text:
        return told
    for message, pattern in _patterns():
        if (found := pattern.fullmatch(text)) is not None:
            return _(message, **{name: _value(value) for name, value in found.groupdict().items()})
    return text


def _value(value: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d \S+[+]\d\d:\d\d", value):
        return when(datetime.fromisoformat(value), tools().zone)
    if value in CAUSES:
        return _(CAUSES[Cause(value)])
    if value in KINDS:
        return _(KINDS[Kind(value)])
    if value in REFUNDS:
        return _(REFUNDS[Refund(value)][0])
    return _(TOPICS[value]) if value in TOPICS else retold(value)


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (message, re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(message)))) for message in PATTERNS
    ]


def trace(text: str) -> str:
    """Why a deadline is that instant, in the reader's language."""
    for pattern, message in TRACES:
        text = re.sub(pattern, lambda found, to=message: _(to, **_number(found)), text)  # type: ignore[misc]
    return re.sub(rf"\b({'|'.join((*WEEKDAYS, *MONTHS))})\b", lambda found: _named()[found[1]], text)


def _number(found: re.Match[str]) -> dict[str, str]:
    return {"n": found[1]} if found.groups() else {}


def _named() -> dict[str, str]:
    """Weekdays and months as the trace writes them, in the reader's words."""
    days, months = get_day_names("abbreviated", locale=locale()), get_month_names("abbreviated", locale=locale())
    named = {name: days[place] for place, name in enumerate(WEEKDAYS)}
    return named | {name: months[place] for place, name in enumerate(MONTHS, 1)}
