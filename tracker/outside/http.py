"""The one HTTP client for everything outside: bounded in time and size, without redirects, proxies or cookies."""

import ssl
import time
import zlib
from collections.abc import Iterable, Mapping
from http import client
from threading import local
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

import certifi
import orjson

from tracker.outside.wire import BadBody, Clock, Limits, Line, TooLarge

__all__ = ["BadBody", "Http", "Limits", "Pairs", "Reply", "Sender", "TooLarge", "Unreachable"]

Pairs = Mapping[str, str] | Iterable[tuple[str, str]]

REPEATABLE: Final = frozenset({"GET", "HEAD"})
GZIP: Final = 16 + zlib.MAX_WBITS
IN_A_PATH: Final = "/%:@!$&'()*+,;=~"


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
        return client.OK <= self.status < client.MULTIPLE_CHOICES


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
    """Sends over the network, over one kept connection per host and thread.

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
        try:
            body, kind = _body(form, json, content)
            answer = _answer(line, method, _target(url, params), body, {**self._head, **kind, **dict(headers)})
            told = {name.lower(): value for name, value in answer.getheaders()}
            reply = Reply(answer.status, told, _read(answer, line))
        except (OSError, ValueError, client.HTTPException) as why:
            line.close()
            raise Unreachable(f"{line.host} gave no answer: {_told(why)}.") from why
        except BaseException:
            line.close()
            raise
        line.done()
        return reply

    def _line(self, url: str) -> Line:
        """This thread's connection to the URL's host."""
        lines: dict[tuple[str, str], Line] = self._mine.__dict__.setdefault("lines", {})
        where = urlsplit(url)[:2]
        if where not in lines:
            lines[where] = self._new_line(url)
        return lines[where]

    def _new_line(self, url: str) -> Line:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no web address.")
        trust = self._trust if parts.scheme == "https" else None
        return Line(parts.hostname, parts.port, self._limits, self._clock, trust)


def _usual_trust() -> ssl.SSLContext:
    """Certificates are checked against the machine's authorities and the well-known ones."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())
    return trust


def _target(url: str, params: Pairs) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(params if isinstance(params, Mapping) else list(params)))))
    path = quote(parts.path, safe=IN_A_PATH) or "/"
    return f"{path}?{query}" if query else path


def _body(form: Pairs | None, json: object, content: bytes | None) -> tuple[bytes | None, Mapping[str, str]]:
    """The body's bytes and the header that names their kind."""
    if form is not None:
        pairs = form if isinstance(form, Mapping) else list(form)
        return urlencode(pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if json is not None:
        return orjson.dumps(json), {"Content-Type": "application/json"}
    return content, {}


def _answer(
    line: Line, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
) -> client.HTTPResponse:
    """The answer's head; a kept connection that was closed meanwhile is replaced once."""
    used_before = line.begin(reuse=method in REPEATABLE)
    try:
        return line.ask(method, target, body, headers)
    except ConnectionError:  # http.client's RemoteDisconnected is one
        if not used_before:
            raise
    line.close()
    return line.ask(method, target, body, headers)


def _read(answer: client.HTTPResponse, line: Line) -> bytes:
    """The whole body, inflated.  Raises OSError, HTTPException, BadBody or TooLarge."""
    limit = line.limits.body
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    body = answer.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"{line.host} sent more than {limit} bytes.")
    if answer.length:
        raise client.IncompleteRead(body, answer.length)
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


def _told(why: Exception) -> str:
    """What went wrong, in words, on one line."""
    return " ".join((str(why) or type(why).__name__).split())[:200].rstrip(".")
