"""Silent feeds: the operator is told once, and told of the next silence again."""

from datetime import datetime

from tracker.steps import Tools
from tracker.store import feeds, outbox
from tracker.store.due import Tally


def watch(tools: Tools, now: datetime) -> Tally:
    """Raise one alarm for every feed that has been silent for too long."""
    tally = Tally()
    with tools.store.begin() as session:
        for feed in feeds.silent(session, now):
            feed.alarmed_at = now
            since = feed.last_success_at or feed.failing_since or now
            text = f"{feed.carrier} has not answered since {since:%Y-%m-%d %H:%M} UTC: {feed.error}"
            tally.done += outbox.alarm(session, f"feed:{feed.id}:{since.isoformat()}", now, text)
    return tally
