"""The one reader for JSON that others wrote: bounded in depth, no NaN, no broken text, on request no key twice."""

import json
import re
from typing import Any, Final

import orjson

DEEPEST: Final = 32
TEXTS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
SAME: Final = bytes.maketrans(b"{}", b"[]")
NO_SKELETON: Final = bytes(set(range(256)) - set(b'[]{}"'))


class BadJson(ValueError):
    """The body is not JSON that we accept; the message says why, without its content."""


def loads(body: bytes, *, unique_keys: bool = False, depth: int = DEEPEST) -> Any:
    """The value of a JSON body in UTF-8; an empty array or object counts as one level of depth.

    `unique_keys` refuses an object with the same key twice (webhooks and our API, where two readers could differ);
    feeds are read by the faster parser alone, which keeps the last. Raises BadJson.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if body.lstrip()[:1] == b"<":
            raise BadJson("it looks like HTML or XML") from None
        raise BadJson(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    if not _within(body, depth):
        raise BadJson(f"it is nested deeper than {depth} levels")
    return json.loads(body, object_pairs_hook=_unique, parse_int=_number, parse_float=float) if unique_keys else value


def _within(body: bytes, depth: int) -> bool:
    """Whether valid JSON is nested no deeper than that, without a loop over its values.

    Brackets and quotes alone are kept. Pairs of quotes are then texts without a bracket in them, read from the left;
    a text with one leaves its quotes behind, and then the texts are cut out by a slower pattern. Of the brackets,
    each round takes away the innermost pairs, one level of depth.
    """
    if body.count(b"[") + body.count(b"{") <= depth:
        return True
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    levels = plain.translate(SAME, NO_SKELETON).replace(b'""', b"")
    if b'"' in levels:
        levels = TEXTS.sub(b"", body).translate(SAME, NO_SKELETON)
    for _ in range(depth):
        levels = levels.replace(b"[]", b"")
        if not levels:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJson("an object has the same key twice")
    return found


def _number(text: str) -> int | float:
    """A whole number as the fast parser reads it: beyond 64 bits it is a float."""
    return orjson.loads(text)  # type: ignore[no-any-return]  # a JSON number is an int or a float
