"""Who is let into the console: by password with counted tries, or by a link that works once."""

import logging
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from tracker.outside import passwords
from tracker.steps import Tools
from tracker.store import links, people
from tracker.store.people import User

log = logging.getLogger(__name__)
TRIES: Final = 10
"""Within a quarter of an hour, for one account and for one visitor; nobody is locked out for longer."""
LONGEST: Final = 1024
LINK_LIVES: Final = timedelta(minutes=10)


class TooOften(Exception):
    """The account or the visitor has tried too often; whether the account exists is not told."""


def log_in(tools: Tools, now: datetime, address: str, password: str, visitor: str) -> User | None:
    """The active member of staff whom address and password prove; None, alike and in the same time, for all else.

    Raises TooOften.  The password is compared outside of any transaction: that takes a while on purpose.
    """
    subjects = _subjects(address, visitor, now)
    with tools.store.begin() as session:
        counts = [links.attempted(session, subject, now) for subject in subjects]
        user = people.by_address(session, address)
    if max(counts) > TRIES:
        log.warning("too many logins [%s]", subjects[0])
        raise TooOften
    known = user if user is not None and user.active and len(password) <= LONGEST else None
    if not passwords.matches(known.password_hash if known else None, password[:LONGEST]) or known is None:
        log.warning("login refused [%s]", subjects[0])
        return None
    with tools.store.begin() as session:
        for subject in subjects:
            links.forgive(session, subject, now)
    log.info("login of user %s", known.id)
    return known


def _subjects(address: str, visitor: str, now: datetime) -> tuple[str, str]:
    """What tries are counted by; the store counts by the hour, the quarter makes it fifteen minutes."""
    quarter = now.minute // 15
    account = sha256(address.strip().lower().encode(errors="replace")).hexdigest()[:40]
    return f"login:{account}:{quarter}", f"login-from:{visitor[:64]}:{quarter}"


def log_out(tools: Tools, session_token: str) -> None:
    """End every session of whoever has that token, on every device."""
    with tools.store.begin() as session:
        people.end_sessions(session, session_token, links.password())


def one_time_login(session: Session, tools: Tools, now: datetime, user: User, lives: timedelta = LINK_LIVES) -> str:
    """The path of a page that lets `user` in once within `lives`, without the password.

    It also dies when the user's sessions end.  Raises ValueError without a secret key: anybody could sign one.
    """
    until = int((now + lives).timestamp())
    return f"/ops/in/{_signer(tools).dumps([user.id, _mark(user), until])}"


def invited(session: Session, tools: Tools, now: datetime, told: str) -> User | None:
    """Whom a one-time link would let in; None for one that is forged, used or over."""
    try:
        user_id, mark, until = _signer(tools).loads(told)
    except (BadData, TypeError, ValueError):
        return None
    user = session.get(User, user_id)
    good = user is not None and user.active and _mark(user) == mark and now.timestamp() < until
    return user if good else None


def use(tools: Tools, now: datetime, told: str) -> User | None:
    """Let somebody in by a one-time link, which ends it and every older session; None as for `invited`."""
    with tools.store.begin() as session:
        user = invited(session, tools, now, told)
        if user is None or not people.end_sessions(session, user.session_token, links.password()):
            return None
        session.refresh(user)
        return user


def _mark(user: User) -> str:
    """What ties a link to the sessions that are good now, without telling their token."""
    return sha256(f"once:{user.session_token}".encode()).hexdigest()[:32]


def _signer(tools: Tools) -> URLSafeSerializer:
    if not tools.secret:
        raise ValueError("one-time links need a secret key")
    return URLSafeSerializer(tools.secret, salt="console login")
