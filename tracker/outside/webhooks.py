"""Signatures of webhooks, both ways, by the Standard Webhooks specification 1.0."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks.webhooks import Webhook

TOLERANCE: Final = timedelta(minutes=5)


class BadSignature(ValueError):
    """The message is not from whoever holds the secret, or is too old or too new."""


def sign(secret: str, msg_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that sign `body` as message `msg_id` at an instant."""
    return {
        "webhook-id": msg_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(_key(secret)).sign(msg_id, at.astimezone(UTC), body.decode()),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a message that the holder of the secret signed within five minutes of `now`.

    Raises BadSignature for everything else, however malformed. The instant is judged here and not by the library,
    which asks the machine's clock.
    """
    told = {name.lower(): value for name, value in headers.items()}
    msg_id, signatures = told.get("webhook-id", ""), told.get("webhook-signature", "")
    try:
        at = datetime.fromtimestamp(int(told.get("webhook-timestamp", "")), UTC)
        expected = sign(secret, msg_id, at, body)["webhook-signature"].encode()
    except (ValueError, OverflowError, OSError):
        raise BadSignature("the message has no timestamp, or is not text") from None
    if not msg_id or abs(now - at) > TOLERANCE:
        raise BadSignature("the message has no id, or is too old or too new")
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures.split(" ")):
        raise BadSignature("no signature fits")
    return msg_id


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is base64, with or without whsec_ before it") from None
