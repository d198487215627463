"""The doing: load, decide, claim, write, commit; one file per stretch of the road.

`Tools` is what every step is given; steps meet each other in the database only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy.orm import Session

from tracker.carriers.base import Account
from tracker.domain import hours
from tracker.domain.ladder import BUILT_IN, Policy, is_far
from tracker.domain.refunds import Mode
from tracker.outside import calendars
from tracker.outside.http import Sender
from tracker.outside.mail import Mailer
from tracker.outside.refund_providers.base import Provider
from tracker.outside.tokens import Tokens
from tracker.outside.words import Words
from tracker.store import links
from tracker.store.base import Store
from tracker.store.depots import Depot
from tracker.store.links import Purpose

LINKS_LIVE = {
    Purpose.STATUS: timedelta(days=30),
    Purpose.CUSTOMER: timedelta(days=90),
    Purpose.DEPOT: timedelta(hours=72),
}
LINK_PATHS = {Purpose.STATUS: "p", Purpose.CUSTOMER: "p", Purpose.DEPOT: "d"}
LANE_HOURS = "Mo-Fr 09:00-19:00; PH off"
"""When parcels move on the last stretch: only working days count for silence."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The database, the ways to the outside and the merchant's settings."""

    store: Store
    http: Sender
    mail: Mailer
    words: Words
    accounts: Mapping[str, Account] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    policy: Policy = BUILT_IN
    refunds_mode: Mode = Mode.PROPOSE
    secret: bytes = b""
    base_url: str = "http://127.0.0.1:8000"
    zone: str = "Europe/Madrid"
    locale: str = "es"
    notify_urls: tuple[str, ...] = ()
    owner: str = "worker"

    @cached_property
    def tokens(self) -> Tokens:
        """The bearer tokens of this process."""
        return Tokens(self.http)

    @property
    def staff_hours(self) -> hours.Calendar:
        """When the merchant's own people work."""
        return calendars.calendar("staff", self.zone, self.policy.staff_hours, "ES", None)

    def cause_due(self, now: datetime) -> datetime:
        """By when a refund must be asked for once the cause is known: at once, or in staff time where people send."""
        if self.refunds_mode is Mode.AUTO:
            return now
        return hours.add(self.staff_hours, now, timedelta(minutes=self.policy.cause_known_minutes)).at

    def announced(self, due_at: datetime) -> datetime:
        """The time we may name for a refund: where a person must send it, the end of that staff day and no minute."""
        if self.refunds_mode is Mode.AUTO:
            return due_at
        found = hours.windows(self.staff_hours, due_at - timedelta(minutes=1))
        return next(closes for _opens, closes in found if closes >= due_at)

    def link(self, session: Session, purpose: Purpose, now: datetime, **of: int) -> str:
        """The address of a page for whoever holds the link: the same one again for the first half of its life."""
        made = links.standing(session, self.secret, purpose, now, now + LINKS_LIVE[purpose], **of)
        return f"{self.base_url}/{LINK_PATHS[purpose]}/{links.token(self.secret, made)}"

    def silence(self, country: str, postcode: str, last_event_at: datetime) -> datetime:
        """When a parcel that nobody has scanned since then counts as stalled, in the destination's working days."""
        far = is_far(country, postcode)
        days = self.policy.stalled_working_days_far if far else self.policy.stalled_working_days
        lane = _lane(country, postcode)
        return hours.add_working_days(lane, hours.next_opening(lane, last_event_at), days).at

    def overdue(self, country: str, postcode: str, promised_at: datetime) -> datetime:
        """When a parcel that was promised for then counts as overdue."""
        return hours.add_working_days(_lane(country, postcode), promised_at, self.policy.overdue_working_days).at

    def solution_due(self, now: datetime) -> datetime:
        """By when a person must tell the carrier what it waits for."""
        return hours.add(self.staff_hours, now, timedelta(hours=self.policy.solution_staff_hours)).at


def _lane(country: str, postcode: str) -> hours.Calendar:
    """The delivery side's calendar; Spain's holidays where those of the country are not known."""
    zone = calendars.postcode_zone(country, postcode)
    region = calendars.postcode_region(country, postcode)
    try:
        return calendars.calendar("the delivery side", zone, LANE_HOURS, country, region)
    except calendars.BadCalendar:
        return calendars.calendar("the delivery side", zone, LANE_HOURS, "ES", None)


def depot_hours(depot: Depot | None, staff: hours.Calendar) -> hours.Calendar:
    """When a depot or desk works; the merchant's own hours where nobody is known."""
    if depot is None:
        return staff
    return calendars.calendar(depot.name, depot.timezone, depot.hours, depot.country, depot.region)
