"""Refunds through the merchant's own system: a signed request out, a signed report back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from tracker.domain.money import text
from tracker.domain.refunds import State
from tracker.outside import webhooks
from tracker.outside.http import BadBody, Reply, Sender, Unreachable
from tracker.outside.refund_providers.base import Intent, Outcome
from tracker.outside.strict_json import BadJson, loads

REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
"""The receiver has read this very request and says that it will not do it.

The other 4xx prove less: a wrong secret, a proxy in front or a moved address (401, 403, 404, 410, 413, 415) are mended
by people, and then the same request may go out again; 408, 409, 425 and 429 speak of a request that may be at work.
"""
TOLD: Final = {"succeeded": State.SUCCEEDED, "pending": State.PENDING, "failed": State.FAILED}
LONGEST_KEY: Final = 64
LONGEST_REF: Final = 120
LONGEST_DETAIL: Final = 300


class BadReport(ValueError):
    """A report about a refund is not of the agreed form; the message says why, in one sentence."""


class Report(NamedTuple):
    """What the merchant's system says of one refund; `message_id` tells a repeated report from a new one."""

    message_id: str
    refund_id: str
    outcome: Outcome


@dataclass(frozen=True)
class Webhook:
    """The merchant's system behind a URL, which does nothing when the same `webhook-id` comes again within 90 days.

    `status_url` answers what became of a refund, where there is one. `test` marks requests that must move no money.
    """

    http: Sender
    url: str
    secret: str = field(repr=False)
    status_url: str = ""
    test: bool = False
    name: str = "webhook"
    promises_keys: bool = True

    @property
    def can_look_up(self) -> bool:
        """Whether there is a status URL."""
        return bool(self.status_url)

    def send(self, intent: Intent, now: datetime) -> Outcome:
        """Ask for the refund.  A 2xx means accepted and not yet paid, whatever its body says."""
        body = _body(intent, test=self.test)
        signed = webhooks.sign(self.secret, intent.key, now, body)
        try:
            reply = self.http.send(
                "POST", self.url, headers={**signed, "Content-Type": "application/json"}, content=body
            )
        except (Unreachable, BadBody) as why:
            return Outcome(State.UNKNOWN, detail=_line(str(why)))
        return _answered(reply, resent=intent.resent)

    def look_up(self, intent: Intent, now: datetime) -> Outcome | None:
        """Ask the status URL, signed over an empty body.  A 404 means that the refund never arrived."""
        signed = webhooks.sign(self.secret, intent.key, now, b"")
        try:
            reply = self.http.send("GET", self.status_url, params={"refund_id": intent.key}, headers=signed)
            if reply.status == HTTPStatus.NOT_FOUND:
                return None
            if not reply.ok:
                return Outcome(State.UNKNOWN, detail=f"the status was answered with {reply.status}")
            refund_id, outcome = read_report(reply.body)
        except (Unreachable, BadBody, BadReport) as why:
            return Outcome(State.UNKNOWN, detail=_line(str(why)))
        if refund_id != intent.key:
            return Outcome(State.UNKNOWN, detail="the status of another refund was answered")
        return outcome

    def receive(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Report:
        """A report that came in, once its signature is believed.  Raises webhooks.BadSignature and BadReport."""
        message_id = webhooks.verify(self.secret, headers, body, now)
        return Report(message_id, *read_report(body))


def read_report(body: bytes) -> tuple[str, Outcome]:
    """Which refund a report or status speaks of, and what became of it.  Raises BadReport."""
    try:
        told = loads(body, unique_keys=True)
    except BadJson as why:
        raise BadReport(f"The report is not JSON: {why}.") from None
    if not isinstance(told, dict):
        raise BadReport("The report must be a JSON object.")
    state = told.get("status")
    if not isinstance(state, str) or state not in TOLD:
        raise BadReport("The report's status must be succeeded, pending or failed.")
    refund_id = _reference(told, "refund_id", LONGEST_KEY)
    if refund_id is None:
        raise BadReport("The report must name its refund_id.")
    reason = told.get("reason")
    detail = _line(reason) if isinstance(reason, str) else ""
    return refund_id, Outcome(TOLD[state], _reference(told, "provider_refund_id", LONGEST_REF), detail)


def _body(intent: Intent, *, test: bool) -> bytes:
    """The same bytes for the same intent, always."""
    return orjson.dumps(
        {
            "refund_id": intent.key,
            "order_number": intent.order_number,
            "amount": text(intent.amount_minor, intent.currency),
            "currency": intent.currency,
            "reason": intent.reason,
            "test": test,
        }
    )


def _answered(reply: Reply, *, resent: bool) -> Outcome:
    if reply.ok:
        return Outcome(State.PENDING, detail=f"accepted with status {reply.status}")
    if reply.status in REFUSALS and not resent:
        return Outcome(State.FAILED, detail=f"refused with status {reply.status}")
    return Outcome(State.UNKNOWN, detail=f"answered with status {reply.status}")


def _reference(told: Mapping[str, Any], key: str, longest: int) -> str | None:
    """An id that was told, None where none was.  Raises BadReport for what is no id."""
    value = told.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise BadReport(f"The report's {key} must be a text of at most {longest} characters.")
    return value


def _line(said: str) -> str:
    """What somebody else said, as one short line that can be stored and shown."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())[:LONGEST_DETAIL]
