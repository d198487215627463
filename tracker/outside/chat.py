"""Staff alerts to chat services, by the URLs of TRACKER_NOTIFY_URLS."""

from collections.abc import Iterable

import apprise


def notify(urls: Iterable[str], title: str, body: str) -> bool:
    """Send an alert to every URL (Slack, Teams, Telegram, JSON …); whether all of them took it."""
    service = apprise.Apprise()
    known = [service.add(url) for url in urls]
    return all(known) and bool(service.notify(title=title, body=body))
