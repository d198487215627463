"""What the console's forms hold, read strictly; what is wrong is refused in one sentence."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from tracker.domain import money
from tracker.domain.promises import Action, DueSource, Party, Terms
from tracker.domain.refusals import Refused
from tracker.steps.contacts import ContactDetails
from tracker.web.language import noted

FIELD: Final = "%Y-%m-%dT%H:%M"
"""How a browser writes the value of a datetime-local field."""
FURTHEST: Final = timedelta(days=366)
Values = Mapping[str, str]
Word = TypeVar("Word", bound=StrEnum)


class Filled(NamedTuple):
    """A form as it was sent and refused: its name, its values and why; shown again so that nothing is typed twice."""

    name: str
    values: Values
    why: str


def local(at: datetime, zone: str) -> str:
    """An instant as the value of a datetime-local field."""
    return at.astimezone(ZoneInfo(zone)).strftime(FIELD)


def instant(text: str, zone: str) -> datetime:
    """What a datetime-local field holds, by the clocks of `zone`; Refused for what no clock shows."""
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(noted("give the day and the time, as in 2026-11-25 18:00")) from None
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    try:
        at = told.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        raise Refused(noted("give the day and the time, as in 2026-11-25 18:00")) from None
    if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != told:
        raise Refused(noted("that time does not exist: the clocks go forward in that hour"))
    return at


def word(kind: type[Word], text: str) -> Word:
    """One of the words that a field may hold."""
    try:
        return kind(text)
    except ValueError:
        raise Refused(noted("choose one of the answers")) from None


def contact(values: Values, zone: str) -> ContactDetails:
    """A contact, as the form tells it."""
    return ContactDetails(
        at=instant(values.get("at", ""), zone),
        channel=values.get("channel", ""),
        **{name: values.get(name, "") for name in ("person", "reference", "reason", "outcome")},
    )


def terms(values: Values, zone: str, now: datetime) -> Terms:
    """A promise that was agreed, as the form tells it; one that is further away than FURTHEST is mistyped."""
    action = word(Action, values.get("action", ""))
    beneficiary = word(Party, values.get("beneficiary", ""))
    performer = word(Party, values.get("performer", ""))
    due_at = instant(values.get("due_at", ""), zone)
    if due_at > now + FURTHEST:
        raise Refused(noted("that is more than a year ahead: look at the year again"))
    return Terms(performer, action, beneficiary, due_at, DueSource.AGREED, values.get("terms", "").strip()[:300])


def amount(text: str, currency: str) -> int | None:
    """An amount of money in minor units, None where the field was left empty."""
    if not text.strip():
        return None
    try:
        return money.minor(text.strip().replace(",", "."), currency)
    except money.BadMoney:
        raise Refused(noted("give an amount such as 180.00")) from None


def sentence(text: str) -> str:
    """A reason that a person must give."""
    if not text.strip():
        raise Refused(noted("say why, in a few words"))
    return text.strip()
