"""Signatures of webhooks by the Standard Webhooks specification, judged by the time that is passed in."""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from standardwebhooks import Webhook

TOLERANCE: Final = timedelta(seconds=300)
"""A message may be so much older or newer than now: as much as the specification's own libraries allow."""
ID: Final = re.compile(r"[!-~]{1,128}")
STAMP: Final = re.compile(r"[0-9]{1,11}")


class BadSignature(Exception):
    """A message is not proven to come from who shares the secret; the message says why and nothing else is known."""


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that prove a message; `secret` is base64, with or without `whsec_` before it.

    `body` must be UTF-8. The same id, instant and body always give the same headers.
    """
    moment = at.astimezone(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a message whose signature is right and whose time is near `now`.  Raises BadSignature otherwise."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    signatures = given.get("webhook-signature", "").encode(errors="replace").split(b" ")
    if not ID.fullmatch(message_id) or not STAMP.fullmatch(stamp):
        raise BadSignature("The message lacks a proper webhook-id or webhook-timestamp.")
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(now - at) > TOLERANCE:
        raise BadSignature("The message is too old, or from the future.")
    try:
        expected = sign(secret, message_id, at, body)["webhook-signature"].encode()
    except UnicodeDecodeError:
        raise BadSignature("The message is not UTF-8.") from None
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        raise BadSignature("The signature is not that of the message.")
    return message_id
