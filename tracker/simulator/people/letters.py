"""A message as its reader has it in hand, and the link in it."""

import re
from datetime import datetime
from typing import Final, NamedTuple

from tracker.domain.notices import Topic

LINK: Final = re.compile(r"/([pd])/([\w-]{20,})")


class Letter(NamedTuple):
    """One message that arrived.  `incident_id` and `depot_id` are what the sender's outbox says that it is about."""

    at: datetime
    to: str
    topic: Topic
    recipient: str
    incident_id: int | None
    promise_id: int | None
    subject: str
    text: str
    message_id: str

    @property
    def token(self) -> str | None:
        """The secret part of the first link in it."""
        found = LINK.search(self.text)
        return found[2] if found else None
