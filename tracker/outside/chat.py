"""Staff alerts to chat services, by the URLs of TRACKER_NOTIFY_URLS."""

import logging
from collections.abc import Iterable

import apprise

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses with their tokens; we tell by result


def notify(urls: Iterable[str], title: str, body: str) -> bool:
    """Send an alert to every URL (Slack, Teams, Telegram, JSON …); whether there was one and all of them took it."""
    service = apprise.Apprise()
    known = [service.add(url) for url in urls]
    return bool(service.notify(title=title, body=body)) and all(known)
