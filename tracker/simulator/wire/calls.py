"""A request and its answer, as the in-process line and the local socket both carry them."""

import json
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl


class Call(NamedTuple):
    """One request; header names are in lower case, `query` holds the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form-encoded body."""
        return dict(parse_qsl(self.body.decode()))


class Answer(NamedTuple):
    """What comes back."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


class Dropped(Exception):
    """The line broke: nobody will ever hear what the other side answered."""


class Service(Protocol):
    """Somebody who answers requests."""

    def answer(self, call: Call) -> Answer:
        """The answer to one request; raises Dropped when the line breaks."""
        ...


def told(status: int, data: object) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(data, ensure_ascii=False).encode())
