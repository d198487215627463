"""A refund provider behind a signed webhook, with a ledger of its own that believes nobody.

Requests and callbacks are signed as in Standard Webhooks (github.com/standard-webhooks/standard-webhooks).
"""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from tracker.simulator.wire.calls import Answer, Call, Dropped, told

HOST: Final = "refunds.shop.example"
SECRET: Final = base64.b64encode(b"a made-up secret of the simulator").decode()
TOLERANCE: Final = timedelta(minutes=5)


@dataclass
class Entry:
    """One refund as the provider knows it: asked for once, paid at most once."""

    refund_id: str
    body: bytes
    order: str
    amount: str
    currency: str
    asked_at: datetime
    status: str = "pending"
    asked: int = 1
    paid_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """What a status look-up and a callback tell."""
        told = {"refund_id": self.refund_id, "status": self.status, "provider_refund_id": f"pay-{self.refund_id}"}
        return {**told, "reason": "the bank refused" if self.status == "failed" else ""}


class Provider:
    """The merchant's payment system: keeps the first request of each id and refuses another with the same id."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """An empty ledger."""
        self._clock = clock
        self.ledger: dict[str, Entry] = {}
        self.wrongs: list[str] = []
        """Sentences about requests that must never have come."""
        self.on_request: Callable[[str], None] = lambda _: None
        self.on_accepted: Callable[[Entry], None] = lambda _: None
        self.lines_to_break: list[str] = []
        """How the next requests go wrong: "before" or "after" they are written into the ledger."""

    def answer(self, call: Call) -> Answer:
        """The answer to one request."""
        if call.method == "GET":
            return self._status(call.query.get("refund_id", ""))
        refund_id = call.headers.get("webhook-id", "")
        if not self._signed(call, refund_id):
            return told(401, {"error": "the signature is wrong"})
        broken = self.lines_to_break.pop(0) if self.lines_to_break else ""
        if broken == "before":
            raise Dropped("the connection was refused")
        self.on_request(refund_id)
        answer = self._accept(refund_id, call.body)
        if broken == "after":
            raise Dropped("the connection was reset after the request had arrived")
        return answer

    def pay(self, refund_id: str, *, fails: bool = False) -> Entry:
        """Move the money, or have the bank refuse it; a second time changes nothing."""
        entry = self.ledger[refund_id]
        if entry.status == "pending":
            entry.status = "failed" if fails else "succeeded"
            entry.paid_at = None if fails else self._clock()
        return entry

    def callback(self, entry: Entry) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the report to the tracker."""
        body = json.dumps(entry.as_json()).encode()
        stamp = str(int(self._clock().timestamp()))
        message_id = f"msg-{entry.refund_id}-{entry.status}"
        headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "content-type": "application/json"}
        return body, {**headers, "webhook-signature": sign(message_id, stamp, body)}

    def _accept(self, refund_id: str, body: bytes) -> Answer:
        data = json.loads(body)
        known = self.ledger.get(refund_id)
        if known is not None:
            known.asked += 1
            if known.body != body:
                self.wrongs.append(f"refund {refund_id} came a second time with another body")
                return told(409, {"error": "another body for the same webhook-id"})
            return told(202, known.as_json())
        if data["refund_id"] != refund_id:
            self.wrongs.append(f"the request {refund_id} speaks of the refund {data['refund_id']}")
        amount, currency = data["amount"], data["currency"]
        entry = Entry(refund_id, body, data["order_number"], amount, currency, self._clock())
        self.ledger[refund_id] = entry
        self.on_accepted(entry)
        return told(202, entry.as_json())

    def _status(self, refund_id: str) -> Answer:
        entry = self.ledger.get(refund_id)
        return told(200, entry.as_json()) if entry else told(404, {"error": "this refund never arrived"})

    def _signed(self, call: Call, refund_id: str) -> bool:
        stamp = call.headers.get("webhook-timestamp", "")
        expected = sign(refund_id, stamp, call.body)
        late = abs(self._clock().timestamp() - int(stamp)) > TOLERANCE.total_seconds() if stamp.isdigit() else True
        given = call.headers.get("webhook-signature", "").split()
        return not late and any(hmac.compare_digest(expected, one) for one in given)


def sign(message_id: str, stamp: str, body: bytes) -> str:
    """The signature over id, time and body, version 1."""
    message = f"{message_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(base64.b64decode(SECRET), message, sha256).digest()).decode()
