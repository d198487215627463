"""One connection to one host under requests that keeps a deadline, however the other side behaves."""

import io
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import client
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final
from urllib.parse import SplitResult

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

REPEATABLE: Final = frozenset({"GET", "HEAD"})
ROOM_FOR_HEADERS: Final = 1 << 20
CHUNK: Final = 1 << 16

Address = tuple[socket.AddressFamily, Any]
Clock = Callable[[], float]


class BadBody(Exception):
    """The request arrived and was answered, but the answer cannot be used; the message is one sentence."""


class TooLarge(BadBody):
    """The request arrived and was answered with more than is taken in."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds for connecting, for one wait, for everything together, for keeping an idle connection; bytes of a body.

    `connect` covers the name's look-up and the connection, and once more the TLS handshake. `body` counts bytes
    after inflation. The whole stays below the time for which a worker holds its lease.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    idle: float = 30.0
    body: int = 5 * 1024 * 1024


class Line(HTTPAdapter):
    """The way of requests to one host over one kept connection; used by one thread at a time.

    It is asked without a Session: no proxies, netrc, cookies or redirects, for they are what a Session adds.
    """

    def __init__(self, where: SplitResult, limits: Limits, clock: Clock, trust: ssl.SSLContext):
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.host, self.limits, self._clock = where.hostname or "", limits, clock
        tls = where.scheme == "https"
        pool = partial(HTTPSConnectionPool, ssl_context=trust) if tls else HTTPConnectionPool
        self._pool = pool(self.host, where.port)
        self._pool.ConnectionCls = partial(TlsWire if tls else Wire, self)  # type: ignore[assignment]  # only called
        self._end = self._good_until = clock()
        self.reusable = self.fresh = False

    def ask(self, request: requests.PreparedRequest) -> requests.Response:
        """Send a request and read the answer's head; a kept connection that was closed meanwhile is replaced once.

        Raises OSError, ValueError, urllib3's HTTPError and TooLarge.
        """
        now = self._clock()
        self.reusable = request.method in REPEATABLE and now < self._good_until
        self.fresh, self._good_until, self._end = False, now, now + self.limits.total
        send = partial(self.send, request, stream=True, timeout=(self.limits.connect, self.limits.read))
        try:
            return send()
        except requests.ConnectionError as why:
            closed = isinstance(root(why), ConnectionError)  # http.client's RemoteDisconnected is one
            if not self.reusable or self.fresh or not closed:
                raise
        return send()

    def done(self) -> None:
        """Note that an answer was read to its end, so that the connection may carry another."""
        self._good_until = self._clock() + self.limits.idle

    def left(self, most: float) -> float:
        """That many seconds, or fewer where the deadline is sooner.  Raises TimeoutError when it has passed."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self.limits.total:g} seconds")
        return min(left, most)

    def get_connection_with_tls_context(self, *_args: Any, **_more: Any) -> HTTPConnectionPool:
        """The one pool, which holds one connection."""
        return self._pool

    def cert_verify(self, *_args: Any, **_more: Any) -> None:
        """Leave the pool its TLS context, which checks certificates; requests would read its authorities each time."""

    def dial(self, host: str, port: int) -> socket.socket:
        """Open a connection within its own limit."""
        self.fresh = True
        end = self._clock() + self.left(self.limits.connect)
        sock = _reach(look_up(host, port, end - self._clock()), end, self._clock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(self.left(self.limits.connect))
        return sock


class Wire(HTTPConnection):
    """The connection of a line: every wait on it ends with the line's deadline."""

    def __init__(self, line: Line, *args: Any, **more: Any):
        super().__init__(*args, **more)
        self._line = line

    @property
    def is_connected(self) -> bool:
        """Whether the pool may send over it again."""
        return self._line.reusable and super().is_connected

    def _new_conn(self) -> socket.socket:
        return self._line.dial(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        """Send bytes; the other side has as long to take them all as it has to answer."""
        if self.sock is not None:
            self.sock.settimeout(self._line.left(self._line.limits.read))
        super().send(data)

    def response_class(  # type: ignore[override]  # http.client only ever calls it
        self, sock: socket.socket, *args: Any, **more: Any
    ) -> client.HTTPResponse:
        """The answer that http.client reads, fed by a file that keeps the deadline."""
        answer = client.HTTPResponse(sock, *args, **more)
        answer.fp = io.BufferedReader(Timed(answer.fp.detach(), sock, self._line), CHUNK)
        return answer


class TlsWire(Wire, HTTPSConnection):
    """The same over TLS, with the time of a connection once more for the handshake."""


class Timed(io.RawIOBase):
    """The bytes that a socket receives: no wait outlasts the deadline, and not more comes in than there is room for.

    A time-out of the socket alone would start again with every byte that drips in.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, line: Line):
        self._raw, self._sock, self._line = raw, sock, line
        self._room = line.limits.body + ROOM_FOR_HEADERS

    def readable(self) -> bool:
        """True: this is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Wait for the next bytes.  Raises TimeoutError and TooLarge."""
        self._sock.settimeout(self._line.left(self._line.limits.read))
        count = self._raw.readinto(buffer)
        self._room -= count or 0
        if self._room < 0:
            raise TooLarge("The answer is longer than is taken in.")
        return count

    def close(self) -> None:
        """Give the socket's file back; the connection itself stays."""
        self._raw.close()
        super().close()


def root(why: BaseException) -> BaseException:
    """What went wrong first, before requests and urllib3 gave it their names."""
    while before := why.__cause__ or (None if why.__suppress_context__ else why.__context__):
        why = before
    return why


def look_up(host: str, port: int, seconds: float) -> list[Address]:
    """The addresses of a name.  Raises OSError, and TimeoutError when the resolver does not answer in time.

    The resolver knows no deadline, so it is asked in a thread that may be left behind.
    """
    answers: SimpleQueue[list[Address] | Exception] = SimpleQueue()
    Thread(target=_resolve, args=(host, port, answers), name=f"look-up {host}", daemon=True).start()
    try:
        found = answers.get(timeout=max(seconds, 0.001))
    except Empty:
        raise TimeoutError(f"the name {host} was not resolved in time") from None
    if isinstance(found, Exception):
        raise found
    return found


def _resolve(host: str, port: int, answers: "SimpleQueue[list[Address] | Exception]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put([(family, address) for family, _, _, _, address in found])
    except (OSError, UnicodeError) as why:
        answers.put(why)


def _reach(addresses: list[Address], end: float, clock: Clock) -> socket.socket:
    """A connection to the first address that answers; all of them together have until `end`."""
    failure: OSError = TimeoutError("the connection was not made in time")
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(end - clock(), 0.001))
            sock.connect(address)
            return sock
        except OSError as why:
            failure = why
            sock.close()
    raise failure
