"""Refunds by a signed webhook to the merchant's own system (Standard Webhooks 1.0)."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from tracker.domain import money
from tracker.domain.refunds import State
from tracker.outside import strict_json, webhooks
from tracker.outside.http import BadBody, Sender, Unreachable
from tracker.outside.refund_providers.base import Outcome, RefundCall

REFUSALS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""A receiver that answers so has read nothing or refused it before acting: nothing was paid.  Everything that is
neither this nor a 2xx (409, 408, 429, every 3xx and 5xx, no answer) leaves the outcome unknown."""
REPORTED: Final = {"succeeded": State.SUCCEEDED, "pending": State.PENDING, "failed": State.FAILED}


class BadReport(ValueError):
    """A report about a refund that cannot be read, in one sentence."""


@dataclass(frozen=True)
class WebhookProvider:
    """The merchant's system: it pays, keys on `webhook-id`, and reports later to our endpoint."""

    http: Sender
    url: str
    secret: str
    status_url: str = ""
    endpoint: str = "refunds"
    name: str = "webhook"
    keeps_keys: bool = True

    @property
    def can_look_up(self) -> bool:
        """Whether the merchant's system has a status address."""
        return bool(self.status_url)

    def body(self, call: RefundCall) -> bytes:
        """The JSON of the request."""
        return orjson.dumps(
            {
                "refund_id": call.refund_id,
                "order_number": call.order_number,
                "amount": money.text(call.amount_minor, call.currency),
                "currency": call.currency,
                "reason": call.reason,
                "test": call.test,
            }
        )

    def send(self, call: RefundCall, now: datetime) -> Outcome:
        """Ask for the money: a 2xx means accepted, not yet paid."""
        body = self.body(call)
        headers = {**webhooks.sign(self.secret, call.refund_id, now, body), "Content-Type": "application/json"}
        try:
            reply = self.http.send("POST", self.url, headers=headers, content=body)
        except (Unreachable, BadBody) as error:
            return Outcome(State.UNKNOWN, str(error))
        if reply.ok:
            return Outcome(State.PENDING, f"accepted (status {reply.status})")
        if reply.status in REFUSALS:
            return Outcome(State.FAILED, f"refused (status {reply.status})")
        return Outcome(State.UNKNOWN, f"answered with status {reply.status}")

    def look_up(self, call: RefundCall, now: datetime) -> Outcome | None:
        """Ask the status address; 404 means that the call never arrived."""
        try:
            reply = self.http.send("GET", self.status_url, params={"refund_id": call.refund_id})
            if reply.status == HTTPStatus.NOT_FOUND:
                return None
            if not reply.ok:
                return Outcome(State.UNKNOWN, f"the status address answered with status {reply.status}")
            refund_id, outcome = read_report(reply.body)
        except (Unreachable, BadBody, BadReport) as error:
            return Outcome(State.UNKNOWN, str(error))
        return outcome if refund_id == call.refund_id else Outcome(State.UNKNOWN, "a status about another refund")


def read_report(body: bytes) -> tuple[str, Outcome]:
    """The refund and what became of it, from a callback or a status answer.  Raises BadReport."""
    try:
        told: Any = strict_json.loads(body, unique_keys=True)
    except strict_json.BadJson as error:
        raise BadReport(f"the report is not JSON: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("refund_id"), str):
        raise BadReport("the report names no refund_id")
    if told.get("status") not in REPORTED:
        raise BadReport("the report's status is none of succeeded, pending and failed")
    reason, ref = told.get("reason"), told.get("provider_refund_id")
    return told["refund_id"], Outcome(
        REPORTED[told["status"]],
        reason[:300] if isinstance(reason, str) else "",
        ref[:120] if isinstance(ref, str) and ref else None,
    )
