"""Bearer tokens: fetched by a form, kept for as long as they live, renewed once when they are refused."""

import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Final, NamedTuple

from tracker.outside.http import Pairs, Reply, Sender, Unreachable
from tracker.outside.strict_json import BadJson, loads
from tracker.outside.wire import Clock

REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""RFC 6749, section 5.2: invalid_grant and its kin are a 400, invalid_client may be a 401."""
NOT_ACCEPTED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
MARGIN: Final = 30.0
"""Seconds that a token is not used any more before it ends, at most a tenth of its life."""
LONGEST: Final = 86400.0
TOKEN: Final = re.compile(r"[!-~]{1,8192}")


class TokenRefused(Exception):
    """The other side knows our credentials and gives no token: trying again will not help; one sentence."""


@dataclass(frozen=True)
class TokenAsk:
    """How a token is asked for: a form (password or client-credentials grant) posted to a URL."""

    url: str
    form: tuple[tuple[str, str], ...] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class _Token(NamedTuple):
    text: str
    ends: float


class Tokens:
    """The tokens of one process, by what they were asked for with; several threads may share them."""

    def __init__(self, http: Sender, clock: Clock = time.monotonic):
        self._http, self._clock = http, clock
        self._kept: dict[TokenAsk, _Token] = {}
        self._locks: dict[TokenAsk, Lock] = {}

    def authorised(
        self,
        token_ask: TokenAsk,
        method: str,
        url: str,
        *,
        params: Pairs = (),
        headers: Pairs = (),
        form: Pairs | None = None,
        json: object = None,
    ) -> Reply:
        """Send a request with a bearer token; a kept one that is answered with 401 or 403 is renewed, once.

        Raises what `Sender.send` raises (about the token's request as well), and TokenRefused.
        """

        def send(token: _Token) -> Reply:
            bearer = {**dict(headers), "Authorization": f"Bearer {token.text}"}
            return self._http.send(method, url, params=params, headers=bearer, form=form, json=json)

        kept = self._kept.get(token_ask)
        if kept is None or kept.ends <= self._clock():
            return send(self._renew(token_ask, kept))
        reply = send(kept)
        return send(self._renew(token_ask, kept)) if reply.status in NOT_ACCEPTED else reply

    def _renew(self, ask: TokenAsk, old: _Token | None) -> _Token:
        """A newer token than `old`; what another thread has fetched meanwhile is used."""
        with self._locks.setdefault(ask, Lock()):
            kept = self._kept.get(ask)
            if kept is not None and kept is not old and kept.ends > self._clock():
                return kept
            token = self._kept[ask] = self._fetch(ask)
            return token

    def _fetch(self, ask: TokenAsk) -> _Token:
        asked = self._clock()
        reply = self._http.send("POST", ask.url, headers=ask.headers, form=ask.form)
        if reply.status in REFUSED:
            raise TokenRefused(f"No token for these credentials (status {reply.status}).")
        try:
            answer = loads(reply.body) if reply.ok else None
        except BadJson:
            answer = None
        told = answer if isinstance(answer, dict) else {}
        text = told.get("access_token")
        if not isinstance(text, str) or not TOKEN.fullmatch(text):
            raise Unreachable(f"The request for a token was answered with status {reply.status} and no token.")
        return _Token(text, asked + _life(told.get("expires_in")))


def _life(expires_in: object) -> float:
    """Seconds for which a token is used; 0 when its life is not told."""
    try:
        seconds = min(float(str(expires_in)), LONGEST)
    except ValueError:
        return 0.0
    return seconds - min(MARGIN, seconds / 10) if seconds > 0 else 0.0
