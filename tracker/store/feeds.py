"""How each carrier account answers: the ground of 'no escalation and no refund rests on stale data'."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tracker.store.shipments import Feed, Shipment

STALE_AFTER: Final = timedelta(hours=6)
"""Three times the usual interval without one answer."""


def of(session: Session, carrier: str, account: str) -> Feed:
    """The health of an account's feed; made at its first poll."""
    known = session.scalars(sa.select(Feed).where(Feed.carrier == carrier, Feed.account == account)).one_or_none()
    if known is None:
        known = Feed(carrier=carrier, account=account, failures=0)
        session.add(known)
        session.flush()
    return known


def answered(session: Session, carrier: str, account: str, now: datetime) -> None:
    """The account gave an answer that could be read; one statement, for this is what nearly every round says."""
    told = {"of_carrier": carrier, "of_account": account, "now": now}
    if not session.execute(_ANSWERED, told).all():
        of(session, carrier, account)
        session.execute(_ANSWERED, told)


_FEEDS: Final = cast(sa.Table, Feed.__table__)
_ANSWERED: Final = (
    sa.update(_FEEDS)
    .where(_FEEDS.c.carrier == sa.bindparam("of_carrier"), _FEEDS.c.account == sa.bindparam("of_account"))
    .values(
        last_attempt_at=sa.bindparam("now"),
        last_success_at=sa.bindparam("now"),
        failing_since=None,
        alarmed_at=None,
        error=None,
        failures=0,
    )
    .returning(_FEEDS.c.id)
)


def failed(feed: Feed, now: datetime, error: str) -> None:
    """The account gave no answer, or one that could not be read."""
    feed.last_attempt_at = now
    feed.failing_since = feed.failing_since or now
    feed.error = error[:300]
    feed.failures += 1


def stale(session: Session, shipment: Shipment, now: datetime) -> bool:
    """Whether what we know of the shipment is too old to act upon.

    So it is when its feed has failed for longer than STALE_AFTER, or when the feed is well but nothing about this
    very number could be read for as long.
    """
    if shipment.last_error is not None and now - (shipment.polled_at or shipment.created_at) > STALE_AFTER:
        return True
    feed = session.scalars(
        sa.select(Feed).where(Feed.carrier == shipment.carrier, Feed.account == shipment.account)
    ).one_or_none()
    if feed is None or feed.failing_since is None:
        return False
    return now - (feed.last_success_at or feed.failing_since) > STALE_AFTER


def silent(session: Session, now: datetime) -> Sequence[Feed]:
    """The feeds that have failed for too long and of which nobody has been told."""
    since = sa.func.coalesce(Feed.last_success_at, Feed.failing_since)
    return session.scalars(
        sa.select(Feed).where(Feed.failing_since.is_not(None), Feed.alarmed_at.is_(None), since < now - STALE_AFTER)
    ).all()
