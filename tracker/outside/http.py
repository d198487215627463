"""The one HTTP client for everything outside: bounded in time and size, without redirects, proxies or cookies."""

import ssl
import time
import zlib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from threading import local
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import orjson
import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidHeader

from tracker.outside.wire import BadBody, Clock, Limits, Line, TooLarge, root

__all__ = ["BadBody", "Http", "Limits", "Pairs", "Reply", "Sender", "TooLarge", "Unreachable"]

Pairs = Mapping[str, str] | Iterable[tuple[str, str]]

GZIP: Final = 16 + zlib.MAX_WBITS


class Unreachable(Exception):
    """No whole answer came; whether the request arrived is unknown.  The message is one sentence."""


class Reply(NamedTuple):
    """What came back: the status, the headers by lower-case name, the body after inflation."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Sender(Protocol):
    """Whoever takes a request and gives the reply: `Http` over the network, or a simulated world in process."""

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Pairs = (),
        headers: Pairs = (),
        form: Pairs | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request; at most one of `form`, `json` and `content` is its body.

        Any status is a Reply, redirects included.  Raises Unreachable when it is unknown whether the request arrived,
        BadBody (TooLarge) when it did arrive but the answer cannot be used, ValueError for what is no web address.
        """


class Http:
    """Sends over the network by requests, over one kept connection per host and thread.

    A GET whose kept connection turns out to be closed goes once more over a new one, within the same total time;
    nothing else is ever sent twice, and what is not a GET never uses a connection that the other side may have closed.
    """

    def __init__(
        self,
        user_agent: str = "tracker",
        *,
        limits: Limits | None = None,
        clock: Clock = time.monotonic,
        trust: ssl.SSLContext | None = None,
    ):
        self._head = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        self._limits, self._clock = limits or Limits(), clock
        self._trust = trust or _usual_trust()
        self._mine = local()

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Pairs = (),
        headers: Pairs = (),
        form: Pairs | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request, as `Sender.send` says."""
        line = self._line(url)
        data, kind = _body(form, json, content)
        head = {**self._head, **kind, **dict(headers)}
        try:
            with line.ask(requests.Request(method, url, head, params=params, data=data).prepare()) as answer:
                reply = Reply(answer.status_code, dict(answer.headers.lower_items()), _read(answer, line))
        except (OSError, ValueError, HTTPError) as why:
            raise Unreachable(f"{line.host} gave no answer: {_told(root(why))}.") from why
        line.done()
        return reply

    def _line(self, url: str) -> Line:
        """This thread's connection to the URL's host."""
        lines: dict[tuple[str, str], Line] = self._mine.__dict__.setdefault("lines", {})
        parts = urlsplit(url)
        if parts[:2] not in lines:
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError(f"{url!r} is no web address.")
            lines[parts[:2]] = Line(parts, self._limits, self._clock, self._trust)
        return lines[parts[:2]]


def _usual_trust() -> ssl.SSLContext:
    """Certificates are checked against the machine's authorities and the well-known ones that requests brings."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return trust


def _body(form: Pairs | None, json: object, content: bytes | None) -> tuple[object, Mapping[str, str]]:
    """The body as requests takes it, and the header that names its kind where requests does not."""
    if json is not None:
        return orjson.dumps(json), {"Content-Type": "application/json"}
    return content if form is None else form if isinstance(form, Mapping) else list(form), {}


def _read(answer: requests.Response, line: Line) -> bytes:
    """The whole body, inflated.  Raises OSError, HTTPError, BadBody or TooLarge."""
    if answer.status_code < HTTPStatus.OK:
        raise HTTPError(f"status {answer.status_code} is no answer")
    limit = line.limits.body
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    body: bytes = answer.raw.read(limit + 1, decode_content=False)
    if len(body) > limit:
        raise TooLarge(f"{line.host} sent more than {limit} bytes.")
    if answer.raw.length_remaining:
        raise IncompleteRead(len(body), answer.raw.length_remaining)
    if encoding in {"gzip", "x-gzip"}:
        return _inflate(body, limit, line.host) if body else body
    if encoding not in {"identity", ""}:
        raise BadBody(f"{line.host} sent a body encoded as {encoding[:40]!r}, which was not asked for.")
    return body


def _inflate(body: bytes, limit: int, host: str) -> bytes:
    """The one gzip member that the body is, never inflated beyond the limit."""
    inflater = zlib.decompressobj(GZIP)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise BadBody(f"{host} sent a body that is not the gzip it is said to be.") from None
    if len(inflated) > limit:
        raise TooLarge(f"{host} sent more than {limit} bytes after inflation.")
    if not inflater.eof or inflater.unused_data:
        raise BadBody(f"{host} sent a gzip body that does not end where it should.")
    return inflated


def _told(why: BaseException) -> str:
    """What went wrong, in words, on one line; a header may hold a secret, and is not repeated."""
    if isinstance(why, (InvalidHeader, requests.exceptions.InvalidHeader)):
        return "a header is not well-formed"
    return " ".join((str(why) or type(why).__name__).split())[:200].rstrip(".")
