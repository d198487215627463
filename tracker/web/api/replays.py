"""A POST acts in one transaction; with an Idempotency-Key it acts once, however often it is sent."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from tracker.steps import Tools
from tracker.store import keys
from tracker.store.people import Replay
from tracker.web import db
from tracker.web.api.problems import Problem

Said = tuple[dict[str, Any], int]
"""The body and the status of an answer."""


def once(act: Callable[[Session, Tools, datetime], Said]) -> Said:
    """What `act` answers, run in a transaction that holds its answer too; the kept answer where it ran before.

    An act that fails leaves nothing behind, so the same key may be sent again.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return _act(act, None)
    claimed, mine = _claim(key)
    if not mine:
        return _kept(claimed)
    try:
        return _act(act, claimed)
    except Exception:
        with db.tools().store.begin() as session:
            keys.free(session, claimed)
        raise


def _act(act: Callable[[Session, Tools, datetime], Said], claimed: Replay | None) -> Said:
    tools = db.tools()
    with tools.store.begin() as session:
        body, status = act(session, tools, db.now())
        if claimed is not None:
            keys.keep(session, claimed, status, body)
    return body, status


def _claim(key: str) -> tuple[Replay, bool]:
    if not 0 < len(key) <= 128 or not key.isprintable():
        raise Problem(400, "The Idempotency-Key must be a text of 1 to 128 characters.")
    asked = sha256(f"{request.method} {request.path}\n".encode() + request.get_data()).digest()
    store = db.tools().store
    with store.begin() as session:
        claimed, mine = keys.claim(session, g.api_key.id, key, asked, store.lease_now(session))
    if claimed.request_hash != asked:
        raise Problem(422, "This Idempotency-Key was used for another request.")
    return claimed, mine


def _kept(claimed: Replay) -> Said:
    if claimed.status is None or claimed.body is None:
        raise Problem(409, "The request with this Idempotency-Key is still being answered.", Retry_After="5")
    return claimed.body, claimed.status
