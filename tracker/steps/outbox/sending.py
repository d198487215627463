"""Hands notices over: asks again whether each is wanted, renders it from the state of that moment, and sends it."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from tracker.domain.incidents import State
from tracker.domain.notices import Topic
from tracker.outside import chat, mail
from tracker.steps import Tools
from tracker.steps.base import end_of_staff_day
from tracker.steps.outbox import letters
from tracker.steps.outbox.letters import Letter
from tracker.store import incidents, promises, wake
from tracker.store.due import Tally, set_back
from tracker.store.incidents import Incident, SaidBy, TaskKind
from tracker.store.outbox import Notice, NoticeState
from tracker.store.wake import Leased, LeaseLost, fail, finish, lease

SENDING: Final = 30.0
"""Seconds of sending in one round: half a lease."""
PATIENCE: Final = 3
"""Failures in a row after which the mail server is left alone for a while."""
LEFT_ALONE: Final = timedelta(minutes=1)
MOST_TRIES: Final = 99
"""Half an hour between the later ones makes two days: a mail server that is away for an afternoon loses nothing."""


def hand_over(tools: Tools, now: datetime) -> Tally:
    """Hand over every notice that is due: each in transactions of its own, with the call between them."""
    tally = Tally()
    until = time.monotonic() + SENDING
    with tools.store.begin() as session:
        leases = lease(session, Notice, now, tools.store.lease_now(session), owner=tools.owner, limit=20)
    fails = 0
    for place, leased in enumerate(leases):
        if fails >= PATIENCE or time.monotonic() > until:
            _release(tools, leases[place:], now + LEFT_ALONE if fails >= PATIENCE else now)
            break
        try:
            _one(tools, leased, now)
            tally.done, fails = tally.done + 1, 0
        except LeaseLost:
            continue
        except mail.MailUnknown as unknown:
            fails += 1
            tally.errors.append(_put_off(tools, leased, now, unknown))
        except Exception as error:  # noqa: BLE001 - one notice must not stop the others; it is kept and parked
            tally.errors.append(set_back(tools.store, Notice, leased, now, error))
    return tally


def _release(tools: Tools, leases: Sequence[Leased], at: datetime) -> None:
    """Give back what was not tried in this round: it counts as no try, and the tries before still count."""
    for leased in leases:
        with suppress(LeaseLost), tools.store.begin() as session:
            finish(session, Notice, leased, at)
            session.get_one(Notice, leased.id).tries = leased.tries - 1


def _put_off(tools: Tools, leased: Leased, now: datetime, unknown: mail.MailUnknown) -> str:
    """Nobody knows whether it was taken: again later, for two days; then a person hears that it reached nobody."""
    sentence = f"outbox {leased.id}: {unknown}"
    with suppress(LeaseLost), tools.store.begin() as session:
        if leased.tries < MOST_TRIES:
            fail(session, Notice, leased._replace(tries=min(leased.tries, wake.MOST_TRIES - 1)), now, sentence)
        else:
            _nowhere(session, tools, session.get_one(Notice, leased.id), leased, now, str(unknown))
    return sentence


def _one(tools: Tools, leased: Leased, now: datetime) -> None:
    """Send one notice, put it off until its hour, or drop it."""
    with tools.store.begin() as session:
        notice = session.get_one(Notice, leased.id)
        letter = _prepare(session, tools, notice, leased, now)
    if letter is None:
        return
    try:
        _send(tools, letter, now)
    except mail.MailRefused as refused:
        with tools.store.begin() as session:
            _nowhere(session, tools, session.get_one(Notice, leased.id), leased, now, str(refused))
        return
    with tools.store.begin() as session:
        finish(session, Notice, leased, None)
        notice = session.get_one(Notice, leased.id)
        notice.state, notice.sent_at = NoticeState.SENT, now
        _tell(session, notice, now)


def _prepare(session: Session, tools: Tools, notice: Notice, leased: Leased, now: datetime) -> Letter | None:
    """The letter, if the notice is wanted, it is the right hour, and there is somebody to send it to."""
    if not letters.wanted(session, notice):
        finish(session, Notice, leased, None)
        notice.state = NoticeState.CANCELLED
        return None
    if (opens := letters.opens_at(session, tools, notice, now)) > now:
        finish(session, Notice, leased, opens)
        return None
    to, locale = letters.address(session, tools, notice)
    if not to and not (notice.recipient == "staff" and tools.notify_urls):
        _nowhere(session, tools, notice, leased, now, "no address")
        return None
    said = tools.words.render(notice.topic, locale, letters.facts(session, tools, notice, now))
    # The chat hears of it at the first try only: a mail that is tried for two days must not ring it each time.
    alert = notice.recipient == "staff" and (leased.tries == 1 or not to)
    return Letter(to, locale, said.subject, said.text, notice.dedupe_key, alert)


def _send(tools: Tools, letter: Letter, now: datetime) -> None:
    """One mail an address, always with the same Message-ID for the same notice and address.

    Raises MailRefused when no address takes it: one that does is enough.
    """
    if letter.alert and tools.notify_urls:
        chat.notify(tools.notify_urls, letter.subject, letter.text)
    host = urlsplit(tools.base_url).hostname or "localhost"
    refused = []
    for place, address in enumerate(letter.to):
        key = letter.key if place == 0 else f"{letter.key}.{place}"
        try:
            tools.mail.send(_compose(letter, address, f"<{key.replace(':', '.')}@{host}>", f"tracker@{host}", now))
        except mail.MailRefused as why:
            refused.append(why)
    if refused and len(refused) == len(letter.to):
        raise refused[0]


def _compose(letter: Letter, to: str, message_id: str, sender: str, now: datetime) -> EmailMessage:
    return mail.compose(
        to=to,
        subject=letter.subject,
        text=letter.text,
        message_id=message_id,
        sender=sender,
        language=letter.locale,
        at=now,
    )


def _nowhere(session: Session, tools: Tools, notice: Notice, leased: Leased, now: datetime, why: str) -> None:
    """Nobody to write to: staff alerts go to the chat, everything else becomes a task for a person."""
    finish(session, Notice, leased, None)
    notice.state = NoticeState.NOWHERE
    incident = session.get(Incident, notice.incident_id) if notice.incident_id else None
    if incident is not None and incident.state is State.OPEN:
        reason = f"{notice.topic} reached nobody ({why}): tell them yourself"
        incidents.add_task(session, incident, TaskKind.CONTACT, now, end_of_staff_day(tools, now), reason)
        promises.set_next_due(session, incident)


def _tell(session: Session, notice: Notice, now: datetime) -> None:
    """Write into the story that the notice went out."""
    if notice.incident_id is not None:
        incident = session.get_one(Incident, notice.incident_id)
        what = "followup_asked" if notice.topic is Topic.CUSTOMER_FOLLOWUP else "notice_sent"
        incidents.tell(session, incident, now, SaidBy.TRACKER, what, topic=str(notice.topic), to=notice.recipient)
