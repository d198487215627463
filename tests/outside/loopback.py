"""A small server on 127.0.0.1 that says exactly the bytes a test tells it to, and remembers what it was asked."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("loopback.pem")

Behaviour = Callable[[socket.socket, bytes], None]


def said(data: bytes, status: str = "200 OK", *headers: str) -> Behaviour:
    """Answer with a status, headers and a body, and keep the connection."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers, "", ""]).encode()
    return lambda peer, _request: peer.sendall(head + data)


def raw(data: bytes) -> Behaviour:
    """Say just these bytes and hang up."""

    def behave(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_RDWR)

    return behave


def dripping(data: bytes, pause: float, start: bytes = b"") -> Behaviour:
    """Say `start` at once, and the rest byte by byte."""

    def behave(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(start)
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(pause)

    return behave


def resetting(data: bytes = b"") -> Behaviour:
    """Say something and reset the connection."""

    def behave(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(data)
        time.sleep(0.05)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    return behave


def silent(peer: socket.socket, _request: bytes) -> None:
    """Never say anything: wait until the other side hangs up."""
    peer.recv(1)


class Server:
    """Answers each request with the next of its behaviours; the last one goes on."""

    def __init__(
        self, *behaviours: Behaviour, tls: bool = False, address: str = "127.0.0.1", speaks_first: bool = False
    ):
        self.behaviours, self.requests, self.connections = list(behaviours), [], 0
        self._speaks_first = speaks_first
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._context:
            self._context.load_cert_chain(CERTIFICATE)
        self._door = socket.create_server((address, 0))
        self.port = self._door.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}"
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept; close alone would leave it there
        for sock in (self._door, *self._peers):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._context:
                peer = self._context.wrap_socket(peer, server_side=True)
            self._peers.append(peer)
            if self._speaks_first:
                self.behaviours[0](peer, b"")
            while not self._speaks_first and (request := _request(peer)):
                self.requests.append(request)
                behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                behaviour(peer, request)
        peer.close()


def _request(peer: socket.socket) -> bytes:
    """One whole request: head and as much body as Content-Length says; empty when the other side hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := peer.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(*behaviours: Behaviour, **how: Any) -> Iterator[Server]:
    server = Server(*behaviours, **how)
    try:
        yield server
    finally:
        server.close()
