"""The post: takes the tracker's messages as a mail server would, and brings each to its reader once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

import sqlalchemy as sa

from tracker.outside.mail import Mailer, MailUnknown
from tracker.simulator.crashes import Fuse
from tracker.simulator.people.letters import Letter
from tracker.simulator.scene import Scene
from tracker.store.outbox import Notice


class Mailbox:
    """A `Mailer` whose messages reach people in simulated time; a Message-ID that comes again is not read again."""

    def __init__(self, fuse: Fuse) -> None:
        """Nothing has been sent; `scene` and `deliver` are set once the world stands."""
        self._fuse = fuse
        self.scene: Scene | None = None
        self.deliver: Callable[[Letter], None] = lambda _: None
        self.taken: Counter[str] = Counter()
        self.resends = 0
        self.faults: list[str] = []
        """How the next hand-overs go wrong: "before" or "after" the message was taken."""

    def send(self, message: EmailMessage) -> str:
        """Take a message over, as `Mailer.send` says."""
        self._fuse.burn()
        broken = self.faults.pop(0) if self.faults else ""
        if broken == "before":
            raise MailUnknown("the mail server did not answer")
        message_id = str(message["Message-ID"])
        self.taken[message_id] += 1
        if self.taken[message_id] == 1:
            self.deliver(self._letter(message, message_id))
        else:
            self.resends += 1
        if broken == "after":
            raise MailUnknown("the mail server broke off")
        self._fuse.burn()
        return message_id

    def _letter(self, message: EmailMessage, message_id: str) -> Letter:
        """The message with what the outbox says that it is about."""
        assert self.scene is not None
        key = message_id.strip("<>").rpartition("@")[0]
        with self.scene.tools.store.read() as session:
            same = sa.func.replace(Notice.dedupe_key, ":", ".").in_([key, key.rpartition(".")[0]])
            notice = session.scalars(sa.select(Notice).where(same)).one()
        return Letter(
            at=self.scene.now,
            to=str(message["To"]),
            topic=notice.topic,
            recipient=notice.recipient,
            incident_id=notice.incident_id,
            promise_id=notice.promise_id,
            subject=str(message["Subject"]),
            text=message.get_content(),
            message_id=message_id,
        )


@dataclass(frozen=True)
class Copied:
    """A `Mailer` that leaves a copy of every message with another, where a visitor can read it."""

    mailbox: Mailer
    copies: Mailer

    def send(self, message: EmailMessage) -> str:
        """Take a message over, as `Mailer.send` says."""
        self.copies.send(message)
        return self.mailbox.send(message)
