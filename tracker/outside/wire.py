"""One connection to one host that keeps a deadline, however the other side behaves."""

import io
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import client
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

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


class Timed(io.RawIOBase):
    """The bytes that a socket receives: no wait outlasts the deadline, and not more comes in than there is room for.

    A time-out of the socket alone would start again with every byte that drips in.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, line: "Line"):
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


class Line(client.HTTPConnection):
    """One kept connection to a host, over TLS when a context is given; used by one thread at a time."""

    def __init__(self, host: str, port: int | None, limits: Limits, clock: Clock, trust: ssl.SSLContext | None):
        super().__init__(host, port or (443 if trust else 80))
        self.default_port = 443 if trust else 80
        self.limits, self._clock, self._trust = limits, clock, trust
        self._end = self._used = clock()

    def begin(self, *, reuse: bool) -> bool:
        """Start the time of one request; True when it goes over a connection that was used before."""
        now = self._clock()
        if self.sock is not None and not (reuse and now - self._used < self.limits.idle):
            self.close()
        self._end = now + self.limits.total
        return self.sock is not None

    def ask(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> client.HTTPResponse:
        """Send a request and read the answer's head.  Raises OSError, HTTPException or ValueError."""
        if self.sock is not None:
            self.sock.settimeout(self.left(self.limits.connect))
        self.request(method, target, body, headers)
        answer = self.getresponse()
        if answer.status < client.OK:
            raise client.HTTPException(f"status {answer.status} is no answer")
        return answer

    def done(self) -> None:
        """Note that an answer was read to its end, so that the connection may carry another."""
        self._used = self._clock()

    def left(self, most: float) -> float:
        """That many seconds, or fewer where the deadline is sooner.  Raises TimeoutError when it has passed."""
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self.limits.total:g} seconds")
        return min(left, most)

    def connect(self) -> None:
        """Open the connection within its own limit."""
        end = self._clock() + self.left(self.limits.connect)
        self.sock = _reach(look_up(self.host, self.port, end - self._clock()), end, self._clock)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(self.left(self.limits.connect))
        if self._trust:
            self.sock = self._trust.wrap_socket(self.sock, server_hostname=self.host)

    def response_class(  # type: ignore[override]  # http.client only ever calls it
        self, sock: socket.socket, *args: Any, **kwargs: Any
    ) -> client.HTTPResponse:
        """The answer that http.client reads, fed by a file that keeps the deadline."""
        answer = client.HTTPResponse(sock, *args, **kwargs)
        answer.fp = io.BufferedReader(Timed(answer.fp.detach(), sock, self), CHUNK)
        return answer


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
