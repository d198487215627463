"""The one reader for JSON that others wrote: bounded in depth, no NaN, no broken text, on request no key twice."""

import json
import re
from typing import Any, Final

import orjson

DEEPEST: Final = 32
TEXTS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


class BadJson(ValueError):
    """The body is not JSON that we accept; the message says why, without its content."""


def loads(body: bytes, *, unique_keys: bool = False, depth: int = DEEPEST) -> Any:
    """The value of a JSON body in UTF-8.

    `unique_keys` refuses an object with the same key twice (webhooks and our API, where two readers could differ);
    feeds are read by the faster parser, which keeps the last. Raises BadJson.
    """
    _check_depth(body, depth)
    if unique_keys:
        return _loads_uniquely(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"{error.msg} (line {error.lineno}, column {error.colno})") from None


def _check_depth(body: bytes, depth: int) -> None:
    """Refuse what is nested too deep: take the texts away, then `depth` times the innermost pairs of brackets."""
    if body.count(b"[") + body.count(b"{") <= depth:
        return
    brackets = TEXTS.sub(b"", body).translate(None, NOT_BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not brackets:
            return
    if max(brackets.count(b"["), brackets.count(b"{")):
        raise BadJson(f"nested deeper than {depth} levels, or its brackets do not match")


def _loads_uniquely(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except UnicodeDecodeError:
        raise BadJson("the text is not UTF-8") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJson("an object has the same key twice")
    try:
        "".join(found).encode()
        "".join(value for value in found.values() if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        raise BadJson("a text holds half a character (a lone surrogate)") from None
    return found


def _no_constant(name: str) -> None:
    raise BadJson(f"{name} is not a JSON value")
