"""The member of staff behind a request: who it is, what they may do, and when their session ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from flask import Flask, abort, current_app, session
from flask_login import LoginManager, current_user, login_user, logout_user

from tracker.store import people
from tracker.store.audit import Actor, ActorKind
from tracker.store.people import Role, User
from tracker.web.db import now, tools

IDLE, LONGEST = "TRACKER_CONSOLE_IDLE", "TRACKER_CONSOLE_LONGEST"
"""The application's entries for how long a session lives without use, and altogether."""
LIMITS: Final[Mapping[str, timedelta]] = {IDLE: timedelta(minutes=30), LONGEST: timedelta(hours=12)}
LEADS: Final = frozenset({Role.LEAD, Role.ADMIN})
_SINCE, _SEEN = "ops_since", "ops_seen"


@dataclass(frozen=True)
class Member:
    """A member of staff, as the database knows them in this request."""

    id: int
    email: str
    name: str
    role: Role
    locale: str
    token: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the session keeps: once the user's token changes, it belongs to nobody."""
        return self.token

    @property
    def leads(self) -> bool:
        """Whether refunds may be approved."""
        return self.role in LEADS

    @property
    def actor(self) -> Actor:
        """Who stands in the audit trail."""
        return Actor(ActorKind.STAFF, str(self.id), "ops")


def register(app: Flask) -> None:
    """Give an application its logins."""
    logins = LoginManager(app)
    logins.session_protection = None  # it ties a session to an address, which changes on a phone
    logins.user_loader(_load)
    for name, limit in LIMITS.items():
        app.config.setdefault(name, limit)


def _load(token: str) -> Member | None:
    with tools().store.read() as look:
        user = people.in_session(look, token)
    return _member(user) if user is not None else None


def _member(user: User) -> Member:
    return Member(user.id, user.email, user.name, user.role, user.locale, user.session_token)


def enter(user: User) -> Member:
    """Begin a new session; nothing of an older one is left."""
    session.clear()
    member = _member(user)
    login_user(member)
    session[_SINCE] = session[_SEEN] = int(now().timestamp())
    return member


def leave() -> None:
    """Forget the session in this browser."""
    logout_user()
    session.clear()


def present() -> Member | None:
    """Who is in, if the session is still good; its idle time begins anew."""
    if not current_user.is_authenticated or _over(now()):
        return None
    session[_SEEN] = int(now().timestamp())
    return me()


def _over(at: datetime) -> bool:
    since, seen = session.get(_SINCE, 0), session.get(_SEEN, 0)
    idle, longest = (current_app.config[name].total_seconds() for name in (IDLE, LONGEST))
    return bool(at.timestamp() - seen >= idle or at.timestamp() - since >= longest)


def me() -> Member:
    """Who is in, on a page that needs it."""
    return cast(Member, current_user._get_current_object())


def must_lead() -> None:
    """Refuse, by 403, whoever may not decide about money."""
    if not me().leads:
        abort(403)
