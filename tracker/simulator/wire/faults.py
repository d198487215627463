"""What goes wrong on a line to a carrier: each fault is one small change to an answer, or the lack of one."""

import json
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tracker.simulator.wire.calls import Answer, Call, Dropped, Service

HTML: Final = Answer(200, b"<!DOCTYPE html><html><body><h1>Estamos mejorando</h1></body></html>", "text/html")


def down(_: Answer) -> Answer:
    """The carrier's server fails."""
    return Answer(500, b'{"errors":[{"title":"Internal Server Error","status":"500"}]}')


def page(_: Answer) -> Answer:
    """A page for people instead of JSON, with status 200."""
    return HTML


def truncated(answer: Answer) -> Answer:
    """The body ends half-way."""
    return answer._replace(body=answer.body[: len(answer.body) // 2]) if len(answer.body) > 2 else down(answer)


def silent(_: Answer) -> Answer:
    """Nobody answers in time."""
    raise Dropped("no answer in time")


def complaint(_: Answer) -> Answer:
    """Errors, with status 200."""
    return Answer(200, b'{"errors":[{"title":"Error","status":"500","detail":"timeout in backend"}]}')


def doubled(answer: Answer) -> Answer:
    """Every entry of every list comes twice."""
    return _lists(answer, lambda items: [item for item in items for _ in range(2)])


def reordered(answer: Answer) -> Answer:
    """Every list comes back to front."""
    return _lists(answer, lambda items: items[::-1])


LOSING: Final = (down, page, truncated, silent, complaint)
"""Faults after which the tracker cannot know what the answer said."""
HARMLESS: Final = (doubled, reordered)
"""Faults that change nothing in what is told."""


def _lists(answer: Answer, change: Callable[[list[Any]], list[Any]]) -> Answer:
    if answer.status != 200:
        return answer
    return answer._replace(body=json.dumps(_changed(json.loads(answer.body), change)).encode())


def _changed(data: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    if isinstance(data, dict):
        return {
            key: _changed(change(value) if key in {"situations", "events"} else value, change)
            for key, value in data.items()
        }
    return [_changed(item, change) for item in data] if isinstance(data, list) else data


class Faulty:
    """A service whose line is bad: now and then it fails, and for whole spans it is down.

    `number_key` names the query field with the parcel's number; `clean` remembers when each number last got a whole
    and true answer, which is what the tracker can be held to.
    """

    def __init__(self, inner: Service, number_key: str, clock: Callable[[], datetime], stream: random.Random) -> None:
        """A good line at first: `rate` sets how often an answer is spoilt."""
        self._inner = inner
        self._key = number_key
        self._clock = clock
        self._stream = stream
        self.rate = 0.0
        self.outages: list[tuple[datetime, datetime]] = []
        self.clean: dict[str, datetime] = {}
        self.counts: dict[str, int] = {}

    def answer(self, call: Call) -> Answer:
        """The answer, as good as the line."""
        number = call.query.get(self._key, "")
        if any(start <= self._clock() < end for start, end in self.outages):
            self._count("outage")
            raise Dropped("the carrier is down")
        if self._stream.random() >= self.rate:
            return self._true(number, self._inner.answer(call))
        return self._spoilt(call, number)

    def _spoilt(self, call: Call, number: str) -> Answer:
        kind = self._stream.choice((*LOSING, *HARMLESS, "expired", "another"))
        if kind == "expired" and hasattr(self._inner, "forget_tokens"):
            self._count("expired")
            self._inner.forget_tokens()
            return self._true(number, self._inner.answer(call))
        if not callable(kind):
            return self._about_another(call, number)
        self._count(kind.__name__)
        answer = kind(self._inner.answer(call))
        return self._true(number, answer) if kind in HARMLESS else answer

    def _about_another(self, call: Call, number: str) -> Answer:
        """The answer that belongs to the number asked for before."""
        others = list(self.clean)
        other = self._stream.choice(others) if others else number
        if other == number:
            return self._true(number, self._inner.answer(call))
        self._count("another")
        return self._inner.answer(call._replace(query={**call.query, self._key: other}))

    def _true(self, number: str, answer: Answer) -> Answer:
        if number and answer.status in (200, 204, 404):
            self.clean[number] = self._clock()
        return answer

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
