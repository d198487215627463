"""Cursors: where a list goes on, as a text that clients pass back and do not read."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tracker.web.api.asked import Page
from tracker.web.api.problems import Problem

Row = TypeVar("Row")


def place(page: Page) -> int | None:
    """The id of the last row of the page before.  Raises Problem for a cursor that we did not give."""
    if page.cursor is None:
        return None
    try:
        kind, _, last = urlsafe_b64decode(page.cursor).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        kind, last = "", ""
    if kind != "id" or not last.isdecimal() or len(last) > 18:
        raise Problem(422, "cursor is not one that was given out here.", "cursor")
    return int(last)


def paged(
    rows: Sequence[Row], page: Page, told: Callable[[Row], dict[str, Any]], key: Callable[[Row], int]
) -> dict[str, Any]:
    """A page out of one row more than it holds: whether there is that one tells whether the list goes on."""
    shown = rows[: page.limit]
    last = shown[-1] if len(rows) > page.limit else None
    cursor = urlsafe_b64encode(f"id:{key(last)}".encode()).decode() if last is not None else None
    return {"items": [told(row) for row in shown], "next_cursor": cursor}
