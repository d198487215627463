"""How a customer comes to a page of his own: by number and postcode, and by the link mailed to the contact on file."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from unicodedata import normalize

from sqlalchemy.orm import Session

from tracker.domain.notices import Topic
from tracker.steps import Tools
from tracker.store import links, outbox
from tracker.store.links import Link, Purpose
from tracker.store.views import customer

TRIES_PER_PARCEL: Final = 5
"""Within one clock hour, whoever tries."""
TRIES_PER_VISITOR: Final = 30
MAILS_PER_PARCEL: Final = 3
"""How often within one clock hour the link is mailed again."""
STATUS_DAYS: Final = 30
LONGEST: Final = 64


def look_up(session: Session, tools: Tools, now: datetime, number: str, postcode: str, visitor: str) -> str | None:
    """The token of a page for whoever knows number and postcode; None, alike, for all that is wrong or too often.

    Guesses count per parcel and per visitor within the clock hour; a right answer within the limits does not count.
    """
    said, compact = _clean(number), _compact(number)
    subjects = f"track:{sha256(compact.encode()).hexdigest()[:40]}", f"visitor:{visitor[:64]}"
    counts = [links.attempted(session, subject, now) for subject in subjects]
    found = customer.matching(session, {said, compact}, _postcodes(postcode))
    if found is None or counts[0] > TRIES_PER_PARCEL or counts[1] > TRIES_PER_VISITOR:
        return None
    for subject in subjects:
        links.forgive(session, subject, now)
    expires_at = now + timedelta(days=STATUS_DAYS)
    link = links.make(session, tools.secret, Purpose.STATUS, now, expires_at, shipment_id=found.id)
    return links.token(tools.secret, link)


def mail_link(session: Session, now: datetime, link: Link) -> None:
    """Have the customer's own link mailed to the contact on file; beyond the hour's limit nothing happens."""
    count = links.attempted(session, f"mail:{link.shipment_id}", now)
    if count <= MAILS_PER_PARCEL:
        outbox.put(
            session,
            Topic.CUSTOMER_LINK,
            f"shipment:{link.shipment_id}:link:{now:%Y%m%d%H}:{count}",
            now,
            recipient="customer",
            shipment_id=link.shipment_id,
        )


def _clean(text: str) -> str:
    """Text as people type it, made one: compatible forms joined, ends trimmed, nothing that cannot be stored."""
    return "".join(filter(str.isprintable, normalize("NFKC", text))).strip()[:LONGEST]


def _compact(text: str) -> str:
    return _clean(text).replace(" ", "").upper()


def _postcodes(text: str) -> set[str]:
    """The postcode without spaces and signs; a Spanish one of four digits may have lost its nought in a spreadsheet."""
    plain = _compact(text).replace("-", "")
    return {plain, f"0{plain}"} if len(plain) == 4 and plain.isdigit() else {plain}
